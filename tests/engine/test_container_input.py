"""Containers given what is odd, long, huge or wrong: as CPython does, on new ones, warm ones, cold ones and after a restart.

Each row runs in the machine of the conformance kit, which compares everything with plain Python (test_containers.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .bench import Bench, Failed
from .operations import KINDS
from .test_containers import ROOTS, Containers

# Values of each kind that can be kept, short and long; the store's own bound for a key is 511 bytes.
MADE = """
from datetime import date, datetime, time, timedelta, timezone, UTC
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from uuid import UUID
class Color(Enum):
    RED = 1
class Index:
    def __init__(self, n): self.n = n
    def __index__(self): return self.n
big = 10 ** 999 + 7
lengths = [0, 1, 254, 255, 256, 510, 511, 512, 513, 2000, 70_000]
odd = [
    None, True, 2, -1, big, -big, 1 << 63, 1 << 64, -(1 << 63) - 1, 0.5, float('inf'), 1e-320, 2j, 'x\\0y', '\\ud800', b'',
    date(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(2020, 1, 1, tzinfo=UTC), time(1, 2), timedelta(-1),
    timezone(timedelta(hours=2), 'x'), Decimal('1.50'), Decimal('-Infinity'), Fraction(1, 3), UUID(int=5),
    (), ((), ((),)), (1, (2, (3, 'x' * 600))), frozenset(), frozenset([1, frozenset(['y' * 600])]), Color.RED, pool[0],
    (pool[0], Color.RED, big),
    *('s' * n for n in lengths), *('\\u00fc' * n for n in lengths), *(b'b' * n for n in lengths),
    *(('t' * n, n) for n in lengths), *(10 ** n for n in lengths[:10]),
]
"""

ANY_KEY = ["x.update(dict.fromkeys(odd, [1]))", "[e in x for e in odd]", "[x[e] for e in odd]", "[x.pop(e) for e in odd[::2]]",
    "for e in odd: x[e] = e", "list(x)", "repr(x)", "x == dict.fromkeys(odd, 1)"]  # fmt: skip
ANY_MEMBER = ["x.update(odd)", "[e in x for e in odd]", "x & set(odd[::3])", "for e in odd[::2]: x.remove(e)", "x ^= set(odd)"]
ANY_ITEM = ["x.extend(odd)", "x.index(odd[-1])", "[x.count(e) for e in odd[:9]]", "x.remove(odd[5])", "x == odd", "x.reverse()"]

INDEXES = ["x[big]", "x[-big]", "x[big] = 1", "del x[big]", "x.pop(big)", "x.insert(big, 'last')", "x.insert(-big, 'first')",
    "x.index(2, big)", "x.index(2, -big, big)", "x[True]", "x[Index(1)]", "x[Index(-1)] = 'i'", "del x[Index(0)]", "x[Index(big)]",
    "x[1.0]", "x['1']", "x[None]", "x.pop(Index(0))", "x.insert(Index(1), 'v')", "x.insert(1.0, 'v')", "x[1, 2]"]  # fmt: skip
SLICES = ["x[big:]", "x[:big]", "x[-big:big]", "x[::big]", "x[::-big]", "x[big::-1]", "x[::0]", "x[::0] = [1]", "del x[::0]",
    "x[True:3]", "x[Index(1):Index(3):Index(2)]", "x[1:3] = 'ab'", "x[::2] = [1]", "x[::-1] = range(len(x))", "x[5:2] = [9]",
    "x[2:5] = x", "x[::2] = x[::2][::-1]", "del x[::-3]", "del x[1::big]", "x[1:2] = 5", "x[::2] = 5", "x[1:2:1] = 5",
    "x[::0] = broken([])", "x[0.5:]", "x[:'a']", "x[:, 1]", "x[-1:-4:-2] = ['p', 'q']", "x[big:-big:-big]"]  # fmt: skip

# Found by the kit: kind -> operations that went another way than CPython's.
FOUND: dict[str, list[str]] = {
    "Counter": ["x.clear()", "del x[[1]]", "x.update(self=1)"],
    "OrderedDict": ["x.update(self=1)", "x.clear()", "x.pop([1], 0)", "x.move_to_end([1])"],
    "defaultdict": ["x.update(self=1)"],
    "deque": ["x * 'a'", "x *= 2.5"],
    "dict": ["x.update(self=1, source=2)", "x.update([(1, 2, 3)])", "x.update([5])", "x.items() == set(x.items())",
        "{1: [1]}.items() == set([(1, 2)])", "set([(0, '0')]) <= x.items()", "x.clear()", "x.pop([1], 0)"],
    "frozenset": ["frozenset().difference([[1]])"],
    "list": ["x + 5", "x + None", "x + (1,)", "x + 'a'", "x * 'a'", "x *= 2.5", "x.sort(key=lambda e: x.append(1))",
        "x.sort(key=lambda e: x.clear())"],
    "set": ["x.update(broken([7, 8, 9]))", "x.update([7, [1], 8])", "x.remove(set([77]))", "x.difference_update([*x, [1]])",
        "x.discard([1])", "x.symmetric_difference_update(broken([1]))",
        *(f"out = []\nfor e in x:\n    out.append(e)\n    x {way}"
          for way in ("&= set([1])", "-= set([e])", "^= set(['new'])", "|= set(['new'])"))],
}  # fmt: skip

ROWS: dict[str, tuple[str, list[str]]] = {
    **{f"keys of {kind}": (kind, ANY_KEY) for kind in ("dict", "OrderedDict", "defaultdict")},
    "keys of Counter": ("Counter", [text for text in ANY_KEY if "= e" not in text and "[1]" not in text]),
    "members of set": ("set", ANY_MEMBER),
    "members of frozenset": ("frozenset", ["x = frozenset(odd)", "[e in x for e in odd]", "x == frozenset(odd[::-1])"]),
    **{f"items of {kind}": (kind, ANY_ITEM) for kind in ("list", "deque")},
    "indexes of list": ("list", INDEXES),
    "indexes of deque": ("deque", [text for text in INDEXES if not text.startswith("x.pop(")]),
    "slices of list": ("list", SLICES),
    "rotations": ("deque", ["x.rotate(big)", "x.rotate(-big)", "x.rotate(1 << 62)", "x.rotate(Index(2))", "x.rotate(1.0)"]),
    "counts": ("Counter", ["x['a'] += big", "x - Counter(a=big)", "x.total()", "x.most_common(big)", "x.update({big: big})"]),
    **{f"found in {kind}": (kind, texts) for kind, texts in FOUND.items()},
}  # fmt: skip


class _NoData:
    """Rows draw nothing."""

    def draw(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a row of the table has no arguments")


@pytest.mark.parametrize(("cold", "size"), [(False, 5), (True, 5), (True, 100)])
@pytest.mark.parametrize("name", ROWS)
def test_row_gives_what_python_gives(name: str, cold: bool, size: int) -> None:
    kind, texts = ROWS[name]
    machine: Any = type("Machine", (Containers,), {"kind": KINDS[kind], "roots": (*ROOTS, "odd")})()
    try:
        machine.open(size=size, cache_size=1 << 30, checkpoint=1000, small=False)
        machine.both(MADE)
        machine.equal()
        for text in texts:
            for fail in (True, False):
                machine.run(_NoData(), [text], caught=True, fail=fail, cold=cold)
                machine.equal()
        machine.crash()
        machine.equal()
        machine.reopen()
        machine.equal()
    finally:
        machine.teardown()


NAN = "_n = float('nan')\n"


@pytest.mark.parametrize("source", [
    "d[_n] = 1", "d[(1, _n)] = 1", "d[frozenset([_n])] = 1", "s.add(_n)", "s |= {(_n,)}", "x = {_n: 1}", "x = {_n}", "d.update({_n: 1})",
    "d.setdefault(_n, 1)", "c[_n] += 1", "o[_n] = 1", "from decimal import Decimal\nd[Decimal('nan')] = 1", "d[complex(_n, 1)] = 1",
])  # fmt: skip
def test_nan_is_no_key_that_is_kept(make: Callable[..., Bench], source: str) -> None:
    """Read again it would not be found: it is equal to nothing. Used within a snippet it is as in CPython."""
    engine = make(durability="none")
    engine.eval("from collections import Counter, OrderedDict\nd = {'a': 1}\ns = {1}\nc = Counter('a')\no = OrderedDict(a=1)")
    before = engine.eval("repr([d, s, c, o])")
    with pytest.raises(Failed, match="NotStorable.*nan"):
        engine.eval(NAN + source)
    assert engine.eval("repr([d, s, c, o])") == before
    assert engine.eval(NAN + "d[_n] = 1\n_found = [_n in d, d[_n], float('nan') in d, len(d)]\ndel d[_n]\n_found") == [
        True, 1, False, 2,
    ]  # fmt: skip
    engine.reopen()
    assert engine.eval("repr([d, s, c, o])") == before


def test_nan_is_found_in_a_list_by_what_it_is(make: Callable[..., Bench]) -> None:
    engine = make(durability="none")
    engine.eval(NAN + "l = [1, _n, 2]")
    look = "[l[1] in l, l.index(l[1]), l.count(l[1]), float('nan') in l, l == l, l == l[:], l[1] == l[1]]"
    expected = [True, 1, 1, False, True, True, False]
    for back in (engine.tend, engine.reopen, engine.crash):
        assert engine.eval(look) == expected
        back()
    assert engine.eval("l.remove(l[1])\nl") == [1, 2]
