"""What walks over a large container of the heap, or looks many keys up in it, pays for each entry: however long that
would take in one step of the snippet, fuel ends it. How much it takes does not depend on what is in memory.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.engine import Options

from .bench import Bench, Failed
from .operations import HEAD
from .test_containers import bounds

COUNT = 30_000
# What half of such a walk takes; some of the operations look at every second entry.
FUEL = COUNT // 8 // 2 - 100

SETUP = HEAD + """
size = {count}
l, m = list(range(size)), list(range(size))
d, e = dict.fromkeys(l, 0), dict.fromkeys(l, 0)
s, t = set(l), set(l)
q, r = deque(l), deque(l)
o, p = OrderedDict(d), OrderedDict(d)
c, b = Counter(l), Counter(l)
f, g = defaultdict(int, d), defaultdict(int, d)
k, j = SortedDict(d), SortedDict(d)
"""

# Of two containers x and y. One step of the snippet each, but for what it walks over.
SEQUENCES = [
    "-1 in x", "x.index(-1)", "x.count(1)", "x == y", "x < y", "x != y", "x.copy()", "list(x)", "[*x]", "(*x,)",
    "tuple(x)", "sorted(x)", "min(x)", "max(x)", "sum(x)", "all(e + 1 for e in x)", "x + y", "x * 2", "len(repr(x))",
    "set(x)", "deque(x)", "dict.fromkeys(x)", "list(reversed(x))", "print(*x)", "''.join(x)", "min(x, key=abs)",
    "[].extend(x)", "_it = iter(x)\nfor _ in zip(_it, _it): pass",
]  # fmt: skip
SEQUENCES_CHANGED = [
    "x.remove(-1)", "x.reverse()", "x.extend(y)", "x.extend(x)", "x.extend(range(size))", "x *= 2", "x += y",
]  # fmt: skip
SLICES = ["x[:]", "x[::2]", "x[::-1]", "x[-5::-2]"]
SLICES_CHANGED = ["x[1:] = y", "x[::2] = y[::2]", "del x[::2]", "x.sort(reverse=True)"]
DEQUES_CHANGED = ["x.extendleft(y)", "x.extendleft(range(size))"]
DICTS = [
    "x == y", "x != y", "x.copy()", "dict(x)", "list(x)", "[*x]", "{**x}", "sorted(x)", "min(x)", "list(x.items())",
    "-1 in x.values()", "sum(x.values())", "list(reversed(x))", "x | y", "{} | x", "x.keys() == y.keys()",
    "x.items() <= y.items()", "x.keys() & y.keys()", "x.keys() | {-1}", "x.keys() - {-1}", "{-1} ^ x.keys()",
    "x.keys().isdisjoint(range(-size, 0))", "x.keys() & range(-size, 0)", "len(repr(x))", "for _e in x: pass",
]  # fmt: skip
DICTS_CHANGED = ["x |= y", "x.update(y)", "x.update(x)"]
SETS = [
    "x == y", "x <= y", "x >= y", "x | y", "x & y", "x - y", "x ^ y", "x.copy()", "list(x)", "sorted(x)", "sum(x)",
    "frozenset(x)", "x.union(y)", "x.isdisjoint(range(-size, 0))", "x.issuperset(range(size))", "x.issubset(y)",
    "x == x.copy()", "len(repr(x))",
]  # fmt: skip
SETS_CHANGED = [
    "x.update(y)", "x.update(range(size))", "x &= y", "x ^= y", "x -= y", "x.difference_update(range(-size, 0))",
    "x.symmetric_difference_update(range(size))", "x.intersection_update(range(size))",
]  # fmt: skip
COUNTERS = [
    "x + y", "x - y", "x | y", "x & y", "+x", "-x", "x <= y", "x == y", "x.total()", "x.most_common(1)", "x.copy()",
    "next(x.elements())", "list(x.items())",
]  # fmt: skip
COUNTERS_CHANGED = ["x.update(y)", "x.update(range(size))", "x.subtract(y)", "x += y", "x -= y", "x |= y", "x &= y"]
SORTED = [
    "list(x)", "list(x.irange(5))", "list(x.islice(5))", "x == y", "x.copy()", "x | y", "dict(x)", "sum(x.values())",
    "list(reversed(x))", "-1 in x.values()", "x.keys() & y.keys()", "list(x.irange(5, reverse=True))",
]  # fmt: skip
SORTED_CHANGED = ["x.update(y)", "x |= y"]

READS = {
    "lm": SEQUENCES + SLICES, "qr": SEQUENCES, "de": DICTS, "op": DICTS, "fg": DICTS, "st": SETS, "cb": COUNTERS,
    "kj": SORTED,
}  # fmt: skip
CHANGES = {
    "lm": SEQUENCES_CHANGED + SLICES_CHANGED, "qr": SEQUENCES_CHANGED + DEQUES_CHANGED, "de": DICTS_CHANGED,
    "op": DICTS_CHANGED, "fg": DICTS_CHANGED, "st": SETS_CHANGED, "cb": COUNTERS_CHANGED, "kj": SORTED_CHANGED,
}  # fmt: skip


def named(names: str, text: str) -> str:
    """Return a text about x and y as one about two roots."""
    return re.sub(r"\b[xy]\b", lambda found: names["xy".index(found[0])], text)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """An engine with such containers, all of them on disk, and little fuel."""
    folder = Path(tmp_path_factory.mktemp("walks")) / "data"
    made = Bench(folder, Options(durability="none"))
    made.eval(SETUP.format(count=COUNT) + "None")
    made.engine.close()
    made = Bench(folder, Options(durability="none", fuel=FUEL))
    yield made
    made.kill()


@pytest.mark.parametrize(
    "text", [named(names, text) for kinds in (READS, CHANGES) for names, texts in kinds.items() for text in texts]
)
def test_walk_over_a_large_container_ends_by_fuel(bench: Bench, text: str) -> None:
    with pytest.raises(Failed) as caught:
        bench.eval(f"{text}\nNone")
    assert caught.value.fault.type == "OutOfFuel"


@pytest.mark.parametrize("path", ["l.copy", "l.index", "d.copy", "s.union", "c.total", "q.count", "k.copy", "l.sort"])
def test_method_that_is_called_by_its_path_pays_too(bench: Bench, path: str) -> None:
    with pytest.raises(Failed) as caught:
        bench.call(path, *([-1] if path in ("l.index", "q.count") else []))
    assert caught.value.fault.type == "OutOfFuel"


def test_what_touches_one_entry_pays_nothing(bench: Bench) -> None:
    fuel = bench.engine._runner._fuel
    bench.query("None")
    before = fuel.remaining
    bench.query(
        "[l[5], l[-5], next(iter(l)), next(reversed(l)), 7 in d, d[9], next(iter(d)), d.get(-1), 3 in s, q[0], q[-1], "
        "k[7], k.peekitem(20_000), next(k.irange(20_000)), c[-1], l[7:50], len(d.items())]"
    )
    bench.eval(
        "l.append(l.pop())\nl.insert(50, l.pop(50))\nd[0] = d.pop(29_999)\nd.popitem()\ns.add(s.pop())\n"
        "q.rotate(1)\nq.appendleft(q.pop())\nk.popitem()\no.move_to_end(5)\nc[5] += 1\nNone"
    )
    assert before - fuel.remaining == 0


def test_reply_that_shows_a_large_container_pays_nothing(bench: Bench) -> None:
    assert len(bench.query("m")) == COUNT


# --- what is in memory decides nothing ----------------------------------------------------------------------------

_STEPS = [
    "l.append({n})", "l.insert({n} % len(l), 0)", "del l[{n} % 50:{n} % 90]", "l.extend(range({n}))", "d[{n}] = 1",
    "d.pop({n}, 0)", "del e[next(iter(e))]", "o.move_to_end(next(iter(o)))", "o.popitem()", "p.update(o)",
    "s.discard({n})", "s.add(-{n})", "s.pop()", "s -= t", "t.update(range({n}))", "q.appendleft({n})", "q.rotate({n})",
    "q.popleft()", "c[{n}] += 1", "del c[{n}]", "k.pop({n}, 0)", "k[-{n}] = 1", "f[{n}, 'x']",
    "d = dict(list(d.items())[{n} % 70:])",
]  # fmt: skip


def spent(bench: Bench) -> dict[str, int | str]:
    """Return what each reading operation takes."""
    found: dict[str, int | str] = {}
    for names, texts in READS.items():
        for text in texts:
            text = named(names, text)
            try:
                bench.query(f"{text}\nNone")
                found[text] = bench.engine._runner._fuel.remaining
            except Failed as failed:
                found[text] = failed.fault.type
    return found


@given(
    steps=st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 400)), max_size=12), small=st.booleans(),
    before=st.integers(0, 12),
)  # fmt: skip
@settings(max_examples=6, deadline=None)
def test_fuel_does_not_depend_on_what_is_in_memory(steps: list[tuple[str, int]], small: bool, before: int) -> None:
    """Made in memory, with a checkpoint under way, written, evicted, read again, opened again, replayed."""
    with bounds(small), tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "data", Options(durability="none", checkpoint_count=1, cache_size=1 << 30))
        bench.eval(SETUP.format(count=300) + "None")
        for number, (text, n) in enumerate(steps):
            if number == before:
                bench.engine.checkpoint()
            bench.eval(f"try: {text.format(n=n)}\nexcept (KeyError, StopIteration): pass\nNone")
        expected = spent(bench)
        bench.engine.tend()  # a slice of a checkpoint
        assert spent(bench) == expected
        bench.crash()
        assert spent(bench) == expected
        engine = bench.engine
        engine.checkpoint()
        assert spent(bench) == expected
        while engine._heap.evict(0):
            pass
        assert spent(bench) == expected
        bench.options = Options(durability="none", cache_size=1)
        bench.reopen()
        assert spent(bench) == expected
        bench.kill()
