# ruff: noqa: E501
"""Programs at random: snippets over everything that a heap can hold, with what each can see of it as its result.

    Program(seed) --> text after text; `PRELUDE` comes first

A text changes a few objects of a pool (containers of every kind, instances, members of enums, values that hold them),
defines classes, enums, dataclasses and functions anew while they are in use, or fails on purpose. What it tries may
well be impossible: it notes the exception and goes on. Its result shows some of the pool, with order and sharing.
"""

from __future__ import annotations

from random import Random

from .programs_newer import NEWER_CLASSES, NEWER_PRELUDE, Newer

__all__ = ["PRELUDE", "Program"]

PRELUDE = [
    """
import copy, functools, heapq, itertools, json, operator, random, re, uuid
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from fractions import Fraction
pool = []
count = 0
""",
    NEWER_PRELUDE,
    """
def find(kind, n):
    found = [x for x in pool if isinstance(x, kind)]
    return found[n % len(found)] if found else pool[n % len(pool)]
def put(x, n):
    if len(pool) < 40:
        pool.append(x)
    else:
        pool[n % 40] = x
    return x
def make(): return []
""",
    """
def show(x, most=60):
    seen, out, todo = [], [], deque([x])
    while todo and len(out) < most:
        o = todo.popleft()
        if o is None or isinstance(o, (int, float, str, bytes, Decimal, Fraction)):
            out.append(repr(o))
            continue
        known = [i for i, s in enumerate(seen) if s is o]
        if known:
            out.append(known[0])
            continue
        seen.append(o)
        if callable(o):
            out.append(repr(o))
        elif isinstance(o, dict):
            out.append([type(o).__name__, len(o)])
            todo.extend(o.keys())
            todo.extend(o.values())
        elif isinstance(o, (list, tuple, set, frozenset, deque)):
            out.append([type(o).__name__, len(o)])
            todo.extend(o)
        elif isinstance(o, (Enum, Flag, IntEnum, IntFlag, StrEnum)):
            out.append([repr(o), o.value, o.name])
        elif isinstance(o, A):
            out.append([type(o).__name__, [n for n in NAMES if hasattr(o, n)]])
            todo.extend([getattr(o, n) for n in NAMES if hasattr(o, n)])
        else:
            out.append(repr(o))
    return out
""",
    "NAMES = ['v', 'w', 'x', 'y', 'items', 'seen', 'extra', 'other', 'total', 'n', 'm', 'shared', 'kind', 'p']",
]

ATTRIBUTES = ("v", "w", "x", "items", "seen", "extra", "other")
CLASSES = ("A", "B", "C", "D", "M", "K")
CONTAINERS = ("list", "dict", "set", "deque", "Counter", "OrderedDict", "defaultdict")


class Program(Newer):
    """Args:
    draws: whether the texts draw random numbers, which come from their place in the log.
    """

    def __init__(self, seed: int, *, draws: bool = True) -> None:
        self.random = Random(seed)
        self.draws = draws

    def first(self) -> list[str]:
        """Return the texts to begin with."""
        filled = "\n".join(f"try: put({self.value(2)}, 0)\nexcept Exception: pass" for _ in range(25))
        named = [self.class_text(name) for name in ("A", "M", "B", "C", "D", "K")]
        others = [self.enum_text("Color"), self.enum_text("Mode"), self.data_text("Data"), self.named_text(), self.function_text()]
        return [*PRELUDE, *named, *others, *self.newer_first(), filled]

    def text(self) -> str:
        """Return the next text."""
        chosen = self.random.random()
        if chosen < 0.16:
            text = self.definition()
        elif chosen < 0.2:
            text = self.definition() + "\n" + self.definition()
        else:
            text = ""
        lines = []
        for _ in range(self.random.randint(0 if text else 1, 4)):
            lines.append("try:\n" + indent(self.statement()) + "\nexcept Exception as _e:\n"
                         "  _out.append([type(_e).__name__, str(_e)])")
        if self.chance(0.25):
            lines.insert(self.random.randrange(len(lines) + 1), text)
            text = ""
        body = "\n".join(["_out = []", text, *lines])
        if self.chance(0.15):
            body += "\n" + self.pick("1 / 0", "x = iter([])", "raise KeyError(pool[0])", "pool.append(lambda: 1)\nNone")
            return body
        shown = self.pick("pool", self.old(), self.old(), "[*map(show, pool[:9])]", "A", "Data", "list(Color)")
        return body + "\n_out + " + self.pick(f"[show({shown})]", f"[show({shown})]", f"[{self.old()}]", "[repr(pool)[:2000]]")

    # --- parts ----------------------------------------------------------------------------------------------------

    def pick(self, *of: str) -> str:
        return self.random.choice(of)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def number(self) -> int:
        return self.random.choice([0, 1, 2, 3, 5, 7, 11, 30])

    def old(self) -> str:
        """Return an expression for an object that is there."""
        n = self.random.randrange(40)
        return self.pick(f"pool[{n} % len(pool)]", f"find({self.kind()}, {n})", f"find({self.pick(*CLASSES)}, {n})")

    def kind(self) -> str:
        if self.chance(0.25):
            return self.pick(*NEWER_CLASSES, "range", "Mapping", "partial", "type(cached)", "type(lambda: 1)")
        return self.pick(*CONTAINERS, "tuple", "frozenset", "P", "Color", "Data", "A", "K")

    def key(self) -> str:
        return self.pick(
            str(self.number()), repr(self.pick("a", "b", "c")), "(1, 'a')", f"Color.{self.pick('RED', 'BLUE', 'GREEN')}",
            f"Mode.{self.pick('RED', 'BLUE')}", "frozenset([1, 'b'])", "P(1, 2)", f"find(K, {self.number()})",
            f"(find(K, {self.number()}), Color.RED)", f"find(A, {self.number()})", "1.0", "True", "date(2020, 1, 2)",
            "Decimal(2)", "Fraction(1, 2)", "re.compile('a')", "A", "int", "function", "b'x'",
            f"frozenset([find(K, {self.number()}), Color.BLUE])",
        )

    def value(self, depth: int = 2) -> str:
        if self.chance(0.2):
            return self.newer_value()
        if depth == 0 or self.chance(0.3):
            return self.pick(
                str(self.number()), repr(self.pick("a", "b", "text")), "None", "1.5", "float('nan')", "-0.0", "10**30", "True",
                "Color.RED", "Mode.BLUE", "Color.BLUE | Color.RED", "date(2020, 1, 2)", "timedelta(1, 2)", "now()",
                "Decimal('1.50')", "Fraction(1, 3)", "re.compile('a+')", "datetime(2020, 1, 2, tzinfo=timezone.utc)",
                "uuid.UUID(int=5)", "A", "function", "int", "len", "P", "Data", "[]", "{}", "A.Inner()", "A.Inner",
                *(["random.random()", "uuid.uuid4()", "random.sample(range(9), 3)"] if self.draws else []),
            )
        inner = [self.value(depth - 1) if self.chance(0.6) else self.old_or_plain() for _ in range(3)]
        one, two, three = inner
        key, other = self.key(), self.key()
        return self.pick(
            f"[{one}, {two}, {three}]", f"{{{key}: {one}, {other}: {two}}}", f"({one}, {two})", f"{{{key}, {other}}}",
            f"frozenset([{key}, {other}])", f"deque([{one}, {two}], {self.pick('None', '2', '5')})", f"Counter([{key}, {key}, {other}])",
            f"OrderedDict([({key}, {one}), ({other}, {two})])", f"defaultdict({self.pick('list', 'make', 'A', 'None', 'int', 'function')}, {{{key}: {one}}})",
            f"P({one}, {two})", f"P({one})", f"A({one})", f"B({one})", f"C({one})", f"D({one})", f"K({one})", f"K({self.number()})",
            f"Data({one})", f"Data({one}, {two})", f"A.Inner({one})", f"copy.copy({self.old()})", f"copy.deepcopy({self.old()})",
            f"[{one}] * 70", f"dict.fromkeys(range(70), {one})", f"deque([{one}] * 70, 80)", f"set(range(70)) | {{{key}}}",
            f"{{**{self.old()}}}", f"[*{self.old()}]", f"[{key} for _ in range(3)]",
        )

    def old_or_plain(self) -> str:
        return self.old() if self.chance(0.5) else self.value(0)

    # --- statements -------------------------------------------------------------------------------------------------

    def statement(self) -> str:
        if self.chance(0.25):
            return self.newer_statement()
        n = self.number()
        key, value, old = self.key(), self.value(), self.old()
        attribute = self.pick(*ATTRIBUTES)
        kind = self.random.randrange(16)
        if kind == 0:
            return f"put({value}, {self.random.randrange(40)})"
        if kind == 1:
            of = self.pick("list", "list", "deque")
            return f"_t = find({of}, {n})\n" + self.pick(
                f"_t.append({value})", f"_t.insert({n}, {value})", "_t.pop()", "_out.append(show(_t.pop()))", "_t.reverse()",
                f"_t[{n}] = {value}", "del _t[0]", f"_t.extend([{value}, {old}])", "_t.extend(_t)", "_t.clear()", "_t *= 2",
                f"_t.remove({old})", f"_out.append(_t.index({old}))", f"_out.append(_t.count({old}))", f"_out.append({old} in _t)",
                "_t.sort(key=repr)", "_t.sort()", "_t[1:3] = [9, [8]]", "_t.rotate(2)", "_t.appendleft([1])", "_out.append(show(_t.popleft()))",
                f"_m = _t.append\n_m({value})\n_out.append(_m == _t.append)", "heapq.heapify(_t)", f"heapq.heappush(_t, {n})",
                "_t.sort(key=lambda x: getattr(x, 'v', 0) if isinstance(getattr(x, 'v', 0), int) else 0)",
                "for _x in _t:\n  if len(_t) < 20: _t.append(_x)\n  else: break",
            )
        if kind in (2, 3, 4):
            of = self.pick("dict", "dict", "OrderedDict", "defaultdict", "Counter")
            return f"_t = find({of}, {n})\n" + self.pick(
                f"_t[{key}] = {value}", f"_t[{key}] = {value}", f"del _t[{key}]", f"_out.append(show(_t.pop({key})))", "_out.append(show(_t.popitem()))",
                f"_out.append(show(_t[{key}]))", f"_t.setdefault({key}, {value})", f"_t.update({{{key}: {value}}})", f"_t.update({old})",
                "_t.clear()", f"_out.append({key} in _t)", "_out.append(show(list(_t)))", f"_t |= {{{key}: {value}}}",
                f"_t.move_to_end({key}, {self.pick('True', 'False')})", "_out.append(show(_t.popitem(last=False)))", f"_t.default_factory = {self.pick('list', 'make', 'None', 'B')}",
                f"_t.subtract([{key}])", f"_t += Counter([{key}])", "_out.append(show(_t.most_common(3)))", f"_out.append(_t == {old})",
                f"_t[{key}] += 1", f"_v = _t.pop({key})\n_t[{key}] = _v", "_k = list(_t)[0]\n_t[_k] = _t.pop(_k)",
                "for _k in _t: _t[_k] = _t.pop(_k)", "for _k, _v in _t.items():\n  _out.append(show(_k))\n  del _t[_k]\n  _t[_k] = _v",
                f"_c = _t.copy()\nfor _k in _c:\n  _c[_k] = _c.pop(_k)\nput(_c, {n})", "for _k in list(_t)[:50]: del _t[_k]",
                f"_t[{key}] = _t", "_out.append(show(sorted(_t, key=repr)))", "_out.append([_k in _t for _k in _t])",
            )
        if kind == 5:
            return f"_t = find(set, {n})\n" + self.pick(
                f"_t.add({key})", f"_t.discard({key})", f"_t.remove({key})", "_out.append(show(_t.pop()))", f"_t |= {{{key}}}", f"_t &= {{{key}, {self.key()}}}",
                f"_t ^= {{{key}, 1}}", f"_t -= {{{key}}}", f"_out.append({key} in _t)", "_out.append(show(list(_t)))", f"_out.append(_t == {old})",
                f"_out.append(show(_t | {old}))", f"put(frozenset(_t), {n})", "_out.append([_k in _t for _k in _t])", f"_t.update({old})",
                "for _k in _t:\n  _t.discard(_k)\n  _t.add(_k)", "_t.clear()", f"_out.append(show(set({old}) & _t))",
            )
        if kind in (6, 7, 8):
            of = self.pick(*CLASSES, "Data", "A.Inner")
            return f"_t = find({of}, {n})\n" + self.pick(
                f"_t.{attribute} = {value}", f"_t.{attribute} = {old}", f"del _t.{attribute}", f"_out.append(show(_t.{attribute}))", f"_out.append(show(_t.m({n})))",
                "_out.append(show(_t.p))", f"_t.p = {value}", f"_out.append(show(_t.make({n})))", f"_out.append(show(_t.static({n})))", "_out.append(show(_t.shared))",
                f"_t.shared.append({value})", f"_out.append(_t == {old})", f"_out.append(_t.m == find({of}, {self.number()}).m)", "_out.append(repr(_t))",
                f"setattr(_t, '{attribute}', {value})", f"_out.append(hasattr(_t, '{attribute}'))", f"_out.append(A.m(_t, {n}))", "_out.append(show(asdict(_t)))",
                f"put(replace(_t, x={value}), {n})", "_out.append([isinstance(_t, _c) for _c in (A, B, M, K, D)])", f"_m = _t.m\n_t.v = {n}\n_out.append(show(_m({n})))",
                f"_out.append(_t is {old})", "_out.append(len(_t))", f"_out.append(_t < find({of}, {self.number()}))", "_out.append(hash(_t))", f"_out.append(show(_t.lam({n})))",
                "_out.append(show([_f.name for _f in fields(_t)]))", f"put(copy.copy(_t), {n})", f"put(copy.deepcopy(_t), {n})", "_out.append(show(_t.zzz))",
            )
        if kind == 9:
            of = self.pick(*CLASSES, "Data", "Color", "A.Inner")
            return self.pick(
                f"{of}.shared = {value}", f"{of}.n = {value}", f"{of}.n += 1", f"{of}.m2 = {value}\n{of}.m1 = {value}", f"{of}.shared.append({value})", f"del {of}.n",
                f"_out.append(show({of}.n))", f"_out.append(show({of}.make({n})))", f"_out.append(show({of}))", f"{of}.m = function", f"put({of}.m, {n})",
                f"_out.append([_x.__name__ for _x in (A, B, C, D, M, K) if issubclass(_x, {of})])", f"{of}.z = [1]\n{of}.n = [2]\n{of}.q = {{}}\n{of}.a = []",
            )
        if kind == 10:
            return self.pick(
                "_out.append(show(list(Color)))", "_out.append(Color.RED is find(Color, 0))", f"_out.append(show(Color({n})))", "_out.append(show(Color['RED']))",
                "_out.append(Color.RED < Color.BLUE)", "_out.append(show(Color.RED | Color.BLUE))", "_out.append(show(~Color.RED))", f"put([Color.RED, Mode.RED, Color.RED], {n})",
                f"_out.append([_m in {old} for _m in Color])", f"put({{_m: _m.value for _m in Color}}, {n})", "_out.append(Mode.RED == Color.RED)", "_out.append(show(sorted(Color)))",
            )
        if kind == 11:
            return self.pick(
                f"_out.append(show(function({value})))", f"_out.append(show(function({old}, k={value})))", "_out.append(show(function()))", f"put(function, {n})",
                f"_out.append(function is find(type(function), {n}))", f"_out.append(show(find(type(function), {n})()))",
            )
        if kind == 12:
            return self.pick(
                f"_a, _b = {old}, {self.old()}\n_out.append([_a is _b, type(_a) is type(_b)])", f"_out.append({old} == {self.old()})", f"_out.append({old} in pool)",
                f"pool[{n}], pool[0] = pool[0], pool[{n}]", f"put(({old}, [{self.old()}]), {n})", f"pool.pop({n})", "pool.reverse()", f"_out.append(pool.index({old}))",
                "_out.append(show(sorted(pool, key=lambda o: type(o).__name__)))", "_out.append(show(max(pool, key=repr)))", f"_out.append(show(json.dumps({old}, default=repr)))",
                "_out.append(show([*itertools.islice(itertools.groupby(pool, key=lambda o: type(o).__name__), 3)][0][0]))", "_out.append(show(functools.reduce(lambda a, b: b, pool)))",
                f"_out.append(match_it({old}))",
            )
        if kind == 13 and self.draws:
            return self.pick("random.shuffle(find(list, 0))", f"put(random.random(), {n})", f"put(uuid.uuid4(), {n})", "_out.append(show(random.choice(pool)))", "put(random.sample(range(50), 5), 3)")
        if kind == 14:
            return f"global _g\nfor _x in pool:\n  if isinstance(_x, {self.pick(*CLASSES)}): _x.{attribute} = {n}".replace("global _g\n", "")
        return f"_out.append(show({old}))"

    # --- definitions ------------------------------------------------------------------------------------------------

    def definition(self) -> str:
        if self.chance(0.3):
            return self.newer_definition()
        kind = self.random.randrange(14)
        if kind < 7:
            return self.class_text(self.pick(*CLASSES))
        if kind == 7:
            return self.enum_text(self.pick("Color", "Mode"))
        if kind == 8:
            return self.data_text("Data")
        if kind == 9:
            return self.named_text()
        if kind == 10:
            return self.function_text()
        if kind == 11:
            name = self.pick("B", "C", "D", "K", "Data")
            return f"del {name}\n" + (self.data_text(name) if name == "Data" else self.class_text(name))
        if kind == 12:
            name = self.pick(*CLASSES)
            return f"try:\n{indent(self.class_text(name) + '  nothing = 1 / 0')}\nexcept ZeroDivisionError as _e: _out.append('failed')"
        return f"class K:\n  def __init__(self, v=0): self.v = v\n  n = {self.number()}\n"

    def class_text(self, name: str) -> str:
        bases = {"A": ["", "(ABC)"], "M": [""], "K": ["", "", "(M)"], "B": ["(A)", "(A, M)"], "C": ["(A)", "(B)", "(M, A)", "(B, M)"],
                 "D": ["(C)", "(B)", "(A)"]}[name]
        text = f"class {name}{self.random.choice(bases)}:\n"
        parts = []
        n = self.number()
        parts.append(self.pick(
            "  def __init__(self, v=0):\n    self.v = v\n    self.items = []\n",
            "  def __init__(self, v=0, w=None):\n    self.w = w\n    self.v = v\n    self.seen = {}\n",
        ) if name in ("A", "K", "M") or self.chance(0.3) else "  def __init__(self, v=0):\n    super().__init__(v)\n    self.x = self.n if hasattr(self, 'n') else [v]\n")
        optional = [
            f"  n = {n}\n", "  shared = []\n", f"  kind = '{self.pick('a', 'b')}'\n", f"  def m(self, a=0): return ['{name}', {n}, a, self.v]\n",
            f"  def m(self, a=[]):\n    a.append({n})\n    return len(a)\n", "  @property\n  def p(self): return self.v\n  @p.setter\n  def p(self, v): self.v = v\n",
            f"  @classmethod\n  def make(cls, a={{}}):\n    cls.n = {n}\n    return cls(a)\n", "  @staticmethod\n  def static(a=()): return [a]\n", f"  lam = lambda self, a: [a, {n}]\n",
            "  class Inner:\n    z = []\n    def __init__(self, v=1): self.v = v\n", f"  class Inner:\n    k = {n}\n    def __init__(self, v=2): self.w = v\n    def m(self, a): return [self.k, a]\n",
            "  def __repr__(self): return '<%s %s>' % (type(self).__name__, getattr(self, 'n', 0))\n", "  def __lt__(self, o): return self.v < o.v\n",
            "  def __getattr__(self, name):\n    if name == 'extra': return 'none'\n    raise AttributeError(name)\n", "  def __len__(self): return 3\n", "  def __init_subclass__(cls):\n    cls.total = []\n",
            "  def total(self): return [self.v]\n", "  @cached_property\n  def cp(self): return [self.v]\n", "  @lru_cache(2)\n  def lm(self, a=0): return [a, self.v]\n",
            "  @cache\n  def lm(self, a=0): return [a]\n", f"  w = partial(lambda self, a=0: [a], {n})\n",
        ]
        if self.chance(0.15):
            parts.append("  def __eq__(self, o): return type(self) is type(o) and self.v == o.v\n" + self.pick("", "  def __hash__(self): return hash(self.v)\n"))
        if self.chance(0.4):
            parts.append("  def __upgrade__(self, version):\n" + self.pick(
                f"    self.seen = [version, {n}]\n", "    self.v = [self.v]\n    A.n = version\n", f"    pool.append(version)\n    self.other = pool[{n}]\n",
                "    self.w = self\n    for x in pool:\n      if isinstance(x, list): x.append(version)\n", f"    o = find({self.pick(*CLASSES)}, {n})\n    self.other = o.v\n    o.extra = version\n",
                "    self.x = [version]\n    del self.v\n", "    if version > 2: raise ValueError(version)\n    self.v = version\n",
                *(["    self.extra = random.random()\n"] if self.draws else []),
            ))
        parts += self.random.sample(optional, self.random.randint(1, 7))
        self.random.shuffle(parts)
        return text + "".join(parts)

    def enum_text(self, name: str) -> str:
        base = self.pick("Enum", "IntEnum", "Flag", "IntFlag", "StrEnum") if self.chance(0.5) else {"Color": "Flag", "Mode": "IntEnum"}[name]
        members = self.random.sample(["RED", "BLUE", "GREEN"], self.random.choice([2, 3, 3]))
        text = f"class {name}({base}):\n"
        for member in members:
            value = repr(member) if base == "StrEnum" else self.pick("1", "2", "4", "auto()")
            text += f"  {member} = {value}\n"
        return text + self.pick("", "  def m(self, a=0): return [self.name, a]\n", "  @property\n  def p(self): return self.value\n")

    def data_text(self, name: str) -> str:
        options = self.pick("", "", "(order=True)", "(frozen=True)", "(eq=False)", "(unsafe_hash=True)", "(kw_only=True)")
        fields = self.random.sample(["w: list = field(default_factory=list)", "v: int = 1", "y: dict = field(default_factory=dict, compare=False)", "z: int = field(default=3, repr=False)"], 2)
        text = f"@dataclass{options}\nclass {name}{self.pick('', '', '(M)')}:\n  x: int = 0\n" + "".join(f"  {each}\n" for each in fields)
        return text + self.pick("", "  def __upgrade__(self, version):\n    self.extra = [version]\n", "  n = 1\n  def m(self, a=0): return [a, self.x]\n")

    def named_text(self) -> str:
        return self.pick("P = namedtuple('P', 'x y', defaults=[None])", "P = namedtuple('P', 'a b', defaults=[0])", "P = namedtuple('P', 'x y z', defaults=[(), 'z'])",
                         "P = namedtuple('Q', 'x y', defaults=[frozenset([1])])", "P = namedtuple('P', 'x y', defaults=[1.0])")

    def function_text(self) -> str:
        n = self.number()
        return self.pick(
            f"def function(x=0, *, k=None): return [x, k, {n}]", f"def function(x=[], *, k={{}}):\n  x.append({n})\n  k[{n}] = 1\n  return [x, k]",
            "def function(x=A, *, k=P): return [x, k]", "def function(x=0, *, k=0):\n  global count\n  count += 1\n  return count",
            "def function(x=0, *, k=0):\n  def inner(y): return [x, y, k]\n  return inner(1)", "def function(x=0, k=0): return [function is x, k]",
            "def match_it(x):\n  match x:\n    case A(): return 'A'\n    case Color.RED: return 'red'\n    case [first, *rest]: return ['list', show(first)]\n    case {'a': y}: return ['dict', show(y)]\n    case _: return 0",
        )


def indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
