"""What a function of the language does in C for all of a text or container pays for its length.

n calls on operands of length m take n * m / 1000 ticks at least. What is short is free, and so is what CPython does by
itself: methods, operators, slices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objserver.engine import Options
from sandbox import policy
from tests.engine.bench import Bench, Failed
from tests.sandbox.host import Host

COUNT = 20_000
TIMES = 20
LEAST = (TIMES - 1) * COUNT // 1_000

VALUES: dict[str, str] = {
    "str": "'a' * n", "wide str": "'\u20ac' * n", "bytes": "b'a' * n", "list": "[1] * n", "tuple": "(1,) * n",
    "dict": "{i: i for i in range(n)}", "made list": "list(range(n))", "made dict": "dict({i: i for i in range(n)})",
    "set": "set(range(n))", "frozenset": "frozenset(range(n))", "deque": "deque(range(n))",
    "defaultdict": "defaultdict(int, {i: i for i in range(n)})", "Counter": "Counter(range(n))",
    "OrderedDict": "OrderedDict({i: i for i in range(n)})", "keys": "{i: i for i in range(n)}.keys()",
    "range": "range(n)",
}
SETUP = "from collections import Counter, OrderedDict, defaultdict, deque\nn = {count}\nx = {value}\n"

@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Bench(Path(tmp_path_factory.mktemp("work")) / "data", Options(durability="none"))
    yield made
    made.kill()


def used(bench: Bench, value: str, work: str, count: int = COUNT) -> int | None:
    """Return the ticks that TIMES times `work` on `x` uses, beside those of the loop; None if it raises."""
    fuel = bench.engine._runner._fuel
    setup = SETUP.format(count=count, value=value)
    left = []
    for body in ("pass", work):
        try:
            bench.query(f"{setup}y = x.copy() if hasattr(x, 'copy') else x\nfor _ in range({TIMES}): {body}\nNone")
        except Failed as error:
            if body == "pass" or "fuel" in str(error):
                raise
            return None
        left.append(fuel.remaining)
    return left[0] - left[1]


# Builtins whose work does not grow with their argument, or whose items are paid where they are taken; those that take
# no such value. `tuple` is CPython's own.
CONSTANT = frozenset({
    "Ellipsis", "NotImplemented", "abs", "bin", "bool", "callable", "chr", "classmethod", "complex", "delattr",
    "divmod", "enumerate", "filter", "float", "getattr", "hasattr", "hex", "int", "isinstance", "issubclass", "iter",
    "len", "map", "next", "now", "object", "oct", "ord", "pow", "property", "range", "reversed", "round", "setattr",
    "slice", "staticmethod", "super", "tuple", "type", "zip",
})


# What is given back as it is, or kept by the host; of which the result is short.
_REPEATED = ("str", "wide str", "bytes", "list", "tuple")
FREE = dict.fromkeys(("ascii", "print", "repr", "str"), ("range",)) | {
    "bytes": ("bytes",), "format": ("range", "str"), "frozenset": ("frozenset", *_REPEATED), "hash": ("frozenset",),
    "set": _REPEATED,
}


@pytest.mark.parametrize("name", sorted(policy.BUILTINS - CONSTANT))
def test_every_builtin_pays_for_its_argument(bench: Bench, name: str) -> None:
    found = 0
    for kind, value in VALUES.items():
        ticks = used(bench, value, f"{name}(x)")
        if ticks is None or kind in FREE.get(name, ()):
            continue
        found += 1
        assert ticks >= LEAST, (kind, ticks)
    assert found


OPERATIONS: dict[str, tuple[str, ...]] = {
    "f'{x}'": tuple(name for name in VALUES if name not in ("range", "str", "wide str")),
    "f'{x!r}'": tuple(name for name in VALUES if name != "range"),
    "'{}'.format(x)": ("str", "list"), "'%s' % (x,)": ("str", "list", "tuple", "dict"),
    "x.encode()": ("str", "wide str"), "x.decode()": ("bytes",), "x.rjust(n + 1)": ("str",),
    "x * f": ("str", "bytes", "list", "tuple", "made list"),
    "x | x": ("set", "frozenset", "keys"), "x & x": ("set", "frozenset", "keys"),
    "x - {1}": ("set", "frozenset", "keys"), "x ^ {1}": ("set", "frozenset", "keys"),
    "dict.fromkeys(x)": ("list", "range", "str"),
}


@pytest.mark.parametrize("work", OPERATIONS)
def test_what_the_language_does_itself_pays(bench: Bench, work: str) -> None:
    for name in OPERATIONS[work]:
        ticks = used(bench, f"{VALUES[name]}\nf = 17", work)
        assert ticks is not None and ticks >= LEAST, (name, ticks)


LIBRARY = {
    "base64.b64encode(x)": "bytes", "base64.b16encode(x)": "bytes", "base64.b85encode(x)": "bytes",
    "copy.copy(x)": "list", "copy.deepcopy(x)": "list", "hashlib.sha256(x)": "bytes",
    "hashlib.new('md5', x)": "bytes", "hashlib.sha256().update(x)": "bytes", "heapq.heapify(x)": "list",
    "heapq.nlargest(3, x)": "list", "json.dumps(x)": "str", "math.prod(x)": "list",
    "operator.countOf(x, 7)": "list", "operator.mul(x, 17)": "str", "random.sample(x, len(x))": "list",
    "re.escape(x)": "str", "statistics.mean(x)": "list", "string.capwords(x)": "str", "textwrap.dedent(x)": "str",
    "uuid.uuid5(uuid.NAMESPACE_DNS, x)": "str", "functools.reduce(operator.add, x)": "list", "shake(x)": "bytes",
}


@pytest.mark.parametrize("work", LIBRARY)
def test_functions_of_modules_pay(bench: Bench, work: str) -> None:
    imports = "import base64, copy, functools, hashlib, heapq, json, math, operator, random, re, statistics\n"
    imports += "import string, textwrap, uuid\nshake = lambda x: hashlib.shake_128(b'').digest(len(x))\n"
    ticks = used(bench, f"{VALUES[LIBRARY[work]]}\n{imports}", work)
    assert ticks is not None and ticks >= LEAST


def test_long_numbers_pay_for_products_powers_and_shifts(bench: Bench) -> None:
    value = "(1 << 60_000) + 1\nz = (1 << 30_000) + 1\ns = 60_000"
    for work, least in (("x * z", 800), ("3 ** s", 400), ("1 << s", 3), ("pow(3, (1 << 100) + 1, x)", 100_000)):
        ticks = used(bench, value, work)
        assert ticks is not None and ticks >= TIMES * least, (work, ticks)


def test_names_of_a_named_tuple_are_not_taken_beyond_their_bound() -> None:
    host = Host(fuel=10_000)
    for names in ("range(10**7)", "'a ' * 1_000_000", "'a', defaults=range(10**7)"):
        with pytest.raises((TypeError, ValueError)):
            host.run(f"from collections import namedtuple\nnamedtuple('N', {names})")


def test_short_operands_are_free() -> None:
    host = Host(fuel=100)
    host.run(
        "s = 'abc'\nl = [1, [2]]\nn = 1 << 500\n"
        "for i in range(30): f'{s} {l}'; str(l); repr(s); list(l); set(s); s * i; n * n; '%s' % s; dict(a=l)"
    )
    assert host.fuel.remaining == 70


def test_work_in_a_comparison_method_is_paid_by_the_snippet() -> None:
    host = Host(fuel=10_000)
    host.run("class C:\n def __init__(self, t): self.t = t\n def __eq__(self, o): return self.t.lower() == o.t.lower()")
    host.run("a = C('x' * 10_000)\nb = C('x' * 10_000)\nNone")
    assert host.run("a == b")
    assert 9_900 < host.fuel.remaining <= 9_980


def test_what_lies_on_the_disk_costs_what_it_costs_in_memory(tmp_path: Path) -> None:
    """Else a replay, or another replica, would end a snippet that the first run did not."""
    bench = Bench(tmp_path / "data", Options(durability="none"))
    bench.eval(
        "from collections import Counter, OrderedDict, deque\nn = 5_000\n"
        "kept = [frozenset(range(n)), 'a' * n, b'a' * n, tuple(range(n)), list(range(n)), set(range(n)),\n"
        " {i: i for i in range(n)}, deque(range(n)), Counter(range(n)), OrderedDict.fromkeys(range(n))]\n"
        "class Big:\n    table = {i: i for i in range(1000)}\n    def f(self, x='a' * 2000): return x.upper()\n"
        "kept.append(Big())"
    )
    works = ["len(kept[0])", "hash(kept[0])", "repr(kept[1])", "sum(kept[4])", "list(kept[4])", "max(kept[5])",
             "kept[5] | {1}", "dict(kept[6])", "copy.copy(kept[6])", "sorted(kept[7])", "set(kept[8])",
             "kept[9] == kept[6]", "kept[10].f()", "len(kept[10].table)", "repr(kept)", "copy.deepcopy(kept[:9])"]
    counts = []
    for cold in (False, True, False):
        found = []
        for work in works:
            if cold:
                bench.reopen()
            bench.query(f"import copy\n{work}\nNone")
            found.append(bench.engine._runner._fuel.remaining)
        counts.append(found)
    bench.kill()
    assert counts[0] == counts[1] == counts[2]
