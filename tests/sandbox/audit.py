"""Audit: everything that a snippet can reach on the running Python, compared with what somebody has looked at.

    python -m tests.sandbox.audit            print what nobody reviewed, and what is never right; status 1 if any
    python -m tests.sandbox.audit --review   add what is new to tests/sandbox/reviewed/, after looking at the diff

The crawl starts at all names, all modules and an instance of everything that a snippet can make, heap containers in
each of their states and calls of all there is (corpus_calls.py) among them, and follows every attribute that the
policy lets a snippet read, every method that can be called without arguments, and the items of what has some. Then it
calls everything again with arguments that are mostly wrong, since what is raised leads on too. What it finds is
`what it was found on: names`. `reviewed/common.txt` holds what was
reviewed, `reviewed/3.12.txt` and the like what one version of Python has beside it. So a new version of Python, and a
new module of ours, add nothing that nobody looked at (tests/sandbox/test_audit.py runs this on each Python).

Some things are never right, reviewed or not: a module, a frame, code, a traceback or a cell; a class or an instance of
the host's that takes attributes. What two runs of the same snippet reach in common, and is no value, class or function,
stands under `shared between snippets`: it must not change.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import dis
import itertools
import sys
import tempfile
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    TracebackType,
    WrapperDescriptorType,
)
from typing import Any
from uuid import UUID

from objserver.engine import Options
from objserver.heap.containers import STATES
from objserver.heap.instances import HeapClass
from sandbox import bytecode, compile_cell, guards, owners, policy
from sandbox.seal import LANGUAGE, Module
from tests.engine.bench import Bench
from tests.sandbox.corpus_calls import world

REVIEWED = Path(__file__).parent / "reviewed"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# Each an expression, after the setup below: instances of all that a snippet can make without a module.
SETUP = """
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from functools import cache, cached_property, partial, singledispatch
from typing import NamedTuple, Protocol, TypedDict
class Stack(list): pass
class Bag(dict): pass
class Group(set): pass
class Pair(NamedTuple):
    x: int
    y: int = 0
    def total(self): return self.x + self.y
class Movie(TypedDict):
    name: str
class Drawable(Protocol):
    def draw(self): pass
class Plain:
    attribute = 1
    def __init__(self): self.x = 1
    def method(self): return self
    @property
    def p(self): return 1
    @classmethod
    def c(cls): return cls
    @staticmethod
    def s(): return 1
class Mine(ValueError): pass
def function(x=1, *, y=2): return x
def generator(): yield 1
def fail(f):
    try: f()
    except Exception as error: return error
"""
VALUES = """
UserDict(a=1); UserList([1]); ChainMap({'a': 1}); Stack([1]); Bag(a=1); Group([1]); Pair(1); Pair; Movie(name='x')
Movie; Drawable; partial(len); cache(function); cached_property(function); singledispatch(function); Stack
None; True; 1; 1.5; 1j; 'a'; b'a'; (1, 2); ...; NotImplemented; slice(1, 2, 3); range(3)
[1]; {'a': 1}; {1, 2}; list([1]); dict(a=1); set([1]); object()
{'a': 1}.keys(); {'a': 1}.values(); {'a': 1}.items(); iter({'a': 1}); iter({'a': 1}.items()); iter([1]); iter((1,))
reversed({'a': 1}); reversed([1]); iter('a'); iter(b'a'); iter(range(3)); iter({1}); iter({'a': 1}.values())
enumerate([1]); zip([1], [2]); map(str, [1]); filter(None, [1]); iter(Plain.method for _ in [1])
(x for x in [1]); generator(); function; lambda: 1; Plain; Mine; Plain(); Plain().method; Plain.method; Plain.c; Plain.s
property(lambda self: 1); staticmethod(function); classmethod(function); Plain.p
type(1); type(Plain); type(Plain()); type(function); type(len); type('a'.upper); type(generator()); type(None)
type(...)
type(x for x in [1]); type([].append); type({}.keys()); type(property(lambda self: 1)); type(print); type(range(1))
len; print; str; str.upper; 'a'.upper; [].append; list.append; dict.fromkeys; int.from_bytes; now(); type(now())
now() - now(); type(now() - now()); now().tzinfo; now().date(); now().time(); type(now().date()); type(now().time())
fail(lambda: 1 / 0); fail(lambda: {}['k']); fail(lambda: int('x')); fail(lambda: None.x); fail(lambda: undefined)
fail(lambda: [][0]); fail(lambda: b'\\xff'.decode()); fail(lambda: '\\ud800'.encode()); fail(lambda: next(iter([])))
Mine(1); ValueError('x'); KeyError(1); OSError(1, 'x'); StopIteration(1); ImportError('x'); SyntaxError('x')
UnicodeDecodeError('a', b'', 1, 2, 'x'); stored_dict; stored_list; stored_set; stored_object; stored_function
big; bigs; ghost; frozenset([1]); iter(frozenset([1])); deque([1]); deque([1], 2); defaultdict(list); OrderedDict(a=1)
Counter('a'); Counter('a').elements(); iter(deque([1])); reversed(deque([1])); namedtuple('P', 'x y'); ghost_deque
namedtuple('P', 'x y')(1, 2); namedtuple('P', 'x').x; defaultdict.default_factory; deque.maxlen; ghost_counter
ghost_default; ghost_ordered; type(frozenset()); type(deque()); type(namedtuple('P', 'x')(1)); deque([1]).append
[len(clean_deque), clean_deque][1]; [len(clean_default), clean_default][1]; [len(clean_counter), clean_counter][1]
[len(clean_ordered), clean_ordered][1]; [len(clean_sorted), clean_sorted][1]; ghost_sorted; type(SortedDict())
big.keys(); big.values(); big.items(); reversed(big.keys()); iter(big.items()); iter(bigs); reversed(bigs)
iter(big_deque)
big_sorted.keys(); big_sorted.items(); big_sorted.values(); iter(big_sorted); big_sorted.islice(1, 5)
[len(clean_dict), clean_dict][1]; [len(clean_list), clean_list][1]; [len(clean_set), clean_set][1]
"""
STORED = (
    "stored_dict = {'a': 1}\nstored_list = [1]\nstored_set = {1}\nbig = {n: n for n in range(300)}\n"
    "bigs = list(range(300))\nghost = {'g': 1}\n"
    "clean_dict = {'a': 1}\nclean_list = [1]\nclean_set = {1}\n"
    "class Stored:\n def __init__(self): self.x = 1\n def m(self): return 1\n"
    "stored_object = Stored()\ndef stored_function(): return 1\n"
    "from collections import Counter, OrderedDict, defaultdict, deque\n"
    "ghost_deque = deque([1])\nghost_default = defaultdict(list)\nghost_counter = Counter('a')\n"
    "ghost_ordered = OrderedDict(a=1)\nclean_deque = deque([1])\nclean_default = defaultdict(list)\n"
    "clean_counter = Counter('a')\nclean_ordered = OrderedDict(a=1)\nbig_deque = deque(range(300))\n"
    "big_default = defaultdict(list, {n: n for n in range(300)})\nbig_counter = Counter(range(300))\n"
    "big_ordered = OrderedDict((n, n) for n in range(300))\nbig_sorted = SortedDict((n, n) for n in range(300))\n"
    "clean_sorted = SortedDict(a=1)\nghost_sorted = SortedDict(a=1)\n"
)
NEVER = (ModuleType, FrameType, CodeType, TracebackType, CellType)
_HEAP_TYPE = 1 << 9
# Would end, or change the seeds of, the crawl.
_NOT_CALLED = frozenset({"clear", "pop", "popitem", "sort", "reverse", "close", "throw", "send"})


# Values: they lead nowhere, and are the same object in two snippets as it comes.
_VALUES = frozenset({
    Decimal, Fraction, UUID, bool, bytes, complex, datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
    datetime.timezone, float, int, range, slice, str, type(...), type(None), type(NotImplemented),
})
_FUNCTIONS = (
    BuiltinFunctionType, ClassMethodDescriptorType, FunctionType, GetSetDescriptorType, MemberDescriptorType,
    MethodDescriptorType, MethodWrapperType, WrapperDescriptorType,
)
# How far from what a call gave; further, all is of kinds that were seen before.
_DEPTH_MAX = 4
_ITEM_COUNT = 6

Found = list[tuple[str, Any]]


class Findings:
    def __init__(self) -> None:
        self.names: dict[str, set[str]] = defaultdict(set)
        self.wrong: set[str] = set()


def crawl() -> Findings:
    """Return what can be reached on this Python."""
    found = Findings()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "data", Options(durability="none", cache_size=1))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is called in a way that will go; in a test they would be raised
                _crawl(bench, found)
        finally:
            bench.kill()
    _language(found)
    return found


def _crawl(bench: Bench, found: Findings) -> None:
    bench.eval(STORED)
    bench.reopen()
    engine = bench.engine
    runner = engine._runner
    heap = runner.heap
    runner._fuel.refill(10_000_000)

    def evaluate(source: str) -> Any:
        cell = compile_cell(source, read_only=True)
        heap.link(cell.reads | cell.binds)
        return FunctionType(cell.code, heap.root.namespace)()

    queue: deque[tuple[str, Any]] = deque()
    names = heap.builtins
    for name in sorted((policy.BUILTINS | policy.EXCEPTIONS) - {"super"}):  # which is a word, and no value
        queue.append((name, heap.root.namespace["__builtins__"][name]))
    for name in sorted(policy.MODULES):
        queue.append((f"module {name}", names[f"module {name}"]))
    language = list(queue)
    expressions = [part for line in VALUES.split("\n") for part in line.split(";") if part.strip()]
    for expression in expressions:
        queue.append((expression.strip(), evaluate(SETUP + expression.strip())))
    # Each state: changed within a snippet, and large ones, which are in pieces.
    for change in (
        "stored_dict['b'] = 1\nstored_dict", "stored_list.append(2)\nstored_list", "stored_set.add(3)\nstored_set",
        "big['x'] = 1\nbig", "bigs.append(1)\nbigs", "stored_object.x = 2\nstored_object",
        "big_deque.append(1)\nbig_deque", "big_default['x'] = 1\nbig_default", "big_counter['x'] = 1\nbig_counter",
        "big_ordered['x'] = 1\nbig_ordered", "big_sorted[1.5] = 1\nbig_sorted",
    ):
        queue.append((change.rpartition("\n")[2], evaluate(change)))

    def refill(count: int = 1_000_000) -> None:
        runner._fuel.refill(count)

    refill(10_000_000)
    first, second = (_reach([*world(evaluate), *language], refill) for _ in range(2))
    found.names["shared between snippets"].update(
        _label(value).replace(" ", "_") for value in _shared(first, second)
    )
    queue.extend(first)
    queue.extend(_reach(_called(first, evaluate(WRONG), refill), refill, depth_max=2))
    seen: set[Any] = set()
    keep: list[Any] = []
    while queue:
        path, value = queue.popleft()
        if isinstance(value, NEVER):
            found.wrong.add(f"{path} is a {type(value).__name__}")
            continue
        key = _key(value)
        if key in seen:
            continue
        seen.add(key)
        keep.append(value)
        label = _label(value)
        _probe(value, path, found)
        for name, part in _attributes(value):
            if not _has_own_attributes(value) or name in dir(object):
                found.names[label].add(name)
            queue.append((f"{path}.{name}", part))
            if callable(part) and not isinstance(value, type | Module) and name not in _NOT_CALLED:
                runner._fuel.refill(10_000_000)
                try:
                    result = part()
                except Exception:
                    continue
                queue.append((f"{path}.{name}()", result))


# What is given to every function, alone and two together.
WRONG = """class Thing:
    def __init__(self): self.x = 1
[None, 1, -1, 'x', b'x', 1.5, (), len, Thing(), Thing, [1], {'a': 1}, {1}, {}.keys(), iter([1]), now()]
"""


def _reach(seeds: Found, refill: Callable[..., None], depth_max: int = _DEPTH_MAX) -> Found:
    """Return each object that `seeds` lead to, with its path: by attributes, calls without arguments, and items."""
    seen: dict[int, tuple[str, Any]] = {}
    queue = deque((path, value, 0) for path, value in seeds)
    while queue:
        path, value, depth = queue.popleft()
        if type(value) in _VALUES or id(value) in seen:
            continue
        seen[id(value)] = path, value  # and it lives on, so that no other has its id
        if isinstance(value, NEVER) or depth == depth_max:
            continue
        for name, part in _attributes(value):
            queue.append((f"{path}.{name}", part, depth + 1))
            if callable(part) and not isinstance(value, type | Module) and name not in _NOT_CALLED:
                refill()
                try:
                    queue.append((f"{path}.{name}()", part(), depth + 1))
                except Exception as error:
                    queue.append((f"{path}.{name}() raises", error, depth + 1))
        refill()
        try:
            values = [value.values()] if isinstance(value, dict) else []
            for item in itertools.chain(itertools.islice(value, _ITEM_COUNT), *values):
                queue.append((f"{path}[]", item, depth + 1))
        except Exception:
            continue
    return list(seen.values())


def _shared(first: Found, second: Found) -> Iterator[Any]:
    """Yield what both runs reached, and might be changed by one of them."""
    again = {id(value) for _, value in second}
    for _, value in first:
        if id(value) in again:
            owner = value.__self__ if type(value) is MethodType else value
            if owner is not LANGUAGE and not isinstance(owner, (*_FUNCTIONS, Module, frozenset, tuple, type)):
                yield owner


def _called(found: Found, arguments: list[Any], refill: Callable[..., None]) -> Found:
    """Return what each function that was found gives, or raises, when it is called with what it may not expect."""
    given: dict[Any, tuple[str, Any]] = {}
    seen = set()
    few = arguments[::3]
    several = [*itertools.product(few, few), *itertools.product(few[:4], repeat=3)]
    for path, function in found:
        key = (getattr(function, "__name__", ""), _label(function), _label(getattr(function, "__self__", None)))
        if not callable(function) or key in seen or key[0] in _NOT_CALLED:
            continue
        seen.add(key)
        for each in ((), *((one,) for one in arguments), *several):
            refill(20_000)
            kinds = ", ".join(type(one).__name__ for one in each)
            try:
                result, what = function(*each), ""
            except Exception as error:
                result, what = error, " raises"
            # Of each function one of a kind, of exceptions by what they hold.
            held = [getattr(result, "obj", None), *result.args] if isinstance(result, Exception) else []
            given[type(result), *(map(type, held) if held else key)] = f"{path}({kinds}){what}", result
    return list(given.values())


def _key(value: Any) -> Any:
    """Return what tells values apart of which each must be looked at."""
    kind = type(value)
    if isinstance(value, type | Module) or kind is FunctionType:
        return id(value)
    if kind is MethodType:
        return ("method", _label(value))
    return kind


def _label(value: Any) -> str:
    """Return what `value` is, the same in every run."""
    kind = type(value)
    if isinstance(value, Module):
        return f"module {value.__name__}"
    if isinstance(value, type):
        return f"class {_state(value)}"
    if kind is FunctionType:
        return "function of a snippet" if value.__code__.co_filename.startswith("<") else "function of the host"
    return _state(kind)


def _state(kind: type) -> str:
    if kind in STATES:
        public: Any = STATES[kind]
        state = next(name for name in ("free", "clean", "ghost") if getattr(public, f"__{name}__") is kind)
        return f"heap {kind.__name__} ({state})"
    if isinstance(kind, HeapClass):
        return "a class of a snippet"
    return f"{kind.__module__}.{kind.__qualname__}"


def _has_own_attributes(value: Any) -> bool:
    return isinstance(type(value), HeapClass) or isinstance(value, HeapClass)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of `value` that a snippet can read."""
    names = set()
    if isinstance(value, Module):
        names.update(dir(value))
    else:
        kinds = [*type(value).__mro__, *(value.__mro__ if isinstance(value, type) else ())]
        for kind in kinds:
            names.update(vars(kind))
        space = getattr(value, "__dict__", ())
        names.update(space if isinstance(space, Mapping) else ())
    for name in sorted(names):
        if not isinstance(name, str) or not name.isidentifier():
            continue
        if policy.attribute_refusal(name) is not None and name not in policy.DUNDERS_READ:
            continue
        if name == "__class__":
            continue  # becomes a call of `type`
        try:
            yield name, guards.guard(value, name) if name in policy.ATTRIBUTES_GUARDED else getattr(value, name)
        except Exception:
            continue


def _probe(value: Any, path: str, found: Findings) -> None:
    """Note a value of the host's that takes an attribute, and names by which sandbox/owners.py would not know one."""
    fixed = isinstance(value, type) and not value.__flags__ & _HEAP_TYPE  # refuses by itself
    if type(value) in guards.UNCHANGING and not fixed and not isinstance(value, UUID):
        names = {*dir(value), *dir(type(value))} if isinstance(value, type) else dir(value)
        found.wrong.update(f"{path} answers {name!r}" for name in names if _is_shown(name))
    if _has_own_attributes(value) or isinstance(value, FunctionType | BaseException | staticmethod | classmethod):
        # Heap state; refused by a check of its own (guards.attribute_target); or what ends with the snippet: of a
        # method wrapper, only the body of its class ever sees the wrapper itself.
        return
    if isinstance(value, type) and issubclass(value, BaseException) and type(value) in guards.UNCHANGING:
        return  # the modules' own exceptions, which must be real ones to be raised; refused in the same way
    for name in ("probe", "_probe"):
        try:
            setattr(value, name, 1)
        except (AttributeError, TypeError):
            continue
        found.wrong.add(f"{path} ({_label(value)}) takes attributes")
        delattr(value, name)
        return


def _is_shown(name: str) -> bool:
    return owners.shows(name) and policy.attribute_refusal(name) is None


def _language(found: Findings) -> None:
    """What Python itself has: names of builtins, kinds of syntax with their fields, instructions that hold a name."""
    found.names["python builtins"].update(
        name for name in dir(builtins)
        if name not in policy.NAMES_RESERVED and not (name.startswith("__") and name.endswith("__"))
    )
    for kind in vars(ast).values():
        if isinstance(kind, type) and issubclass(kind, ast.AST) and kind.__module__ in ("ast", "_ast"):
            found.names["python syntax"].add(kind.__name__)
            found.names["python syntax"].update(f"{kind.__name__}.{field}" for field in kind._fields)
    known = {*bytecode._READS, *bytecode._ATTRIBUTES, *bytecode._REFUSED, "STORE_GLOBAL"}
    found.names["python instructions"].update(dis.opname[code] for code in dis.hasname if dis.opname[code] not in known)


# --- what was reviewed ------------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, set[str]]:
    """Return a reviewed file: lines `label: name name`, `#` begins a comment."""
    found: dict[str, set[str]] = defaultdict(set)
    label = ""
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            head, colon, rest = line.rpartition(": ")
            label = head if colon and not line.startswith(" ") else label
            found[label].update((rest if colon and not line.startswith(" ") else line).split())
    return found


def write(path: Path, names: dict[str, set[str]]) -> None:
    head = [line for line in path.read_text().splitlines() if line.startswith("#")] if path.exists() else []
    lines = []
    for label in sorted(names):
        line = f"{label}:"
        for name in sorted(names[label]):
            if len(line) + len(name) > 118:
                lines.append(line)
                line = "   "
            line += f" {name}"
        lines.append(line)
    path.write_text("\n".join([*head, *lines]) + "\n")


def unreviewed(found: Findings) -> dict[str, set[str]]:
    """Return what was found and stands in no file for this Python."""
    common, own = read(REVIEWED / "common.txt"), read(REVIEWED / f"{VERSION}.txt")
    news = {label: names - common[label] - own[label] for label, names in found.names.items()}
    return {label: names for label, names in news.items() if names}


def main(words: list[str]) -> int:
    found = crawl()
    news = unreviewed(found)
    for line in sorted(found.wrong):
        print("never right:", line)
    for label in sorted(news):
        print(f"not reviewed: {label}: {' '.join(sorted(news[label]))}")
    if "--review" in words:
        # The oldest Python fills what is common to all.
        path = REVIEWED / ("common.txt" if VERSION == "3.11" else f"{VERSION}.txt")
        path.parent.mkdir(exist_ok=True)
        kept = read(path)
        for label, names in news.items():
            kept[label] |= names
        write(path, kept)
        return 0
    return 1 if news or found.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
