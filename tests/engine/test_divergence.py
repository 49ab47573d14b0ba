"""What differs is found and named: two engines run one log, and one of them has another clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.engine import Divergence, Options, Written, compare, is_telling, suspects
from objserver.errors import Diverged
from objserver.heap.readable import Reader

from .bench import Bench

# One of each kind, small and in pieces. What `year()` decides is what differs.
OBJECTS = """
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
import math, re
def year(): return now().year
class Point:
    limit = 7
    def __init__(self, x): self.x = x
    @property
    def double(self): return 2 * self.x
    @staticmethod
    def one(): return 1
    @classmethod
    def make(cls): return cls(0)
class Color(Enum):
    RED = 1
Pair = namedtuple('Pair', 'left right')
d = {'a': 1, (1, 2): 'tuple', frozenset([1]): None, 2.5: [1]}
l = [1, 'two', 3.0, None, True, b'bytes', 10**30, 1j, Decimal('1.10'), Fraction(1, 3), date(2024, 1, 1), range(3)]
l += [timedelta(1), timezone(timedelta(hours=2), 'X'), datetime(2024, 1, 1), float('nan'), Pair(1, [2]), len, math.sin]
l += [re.compile('a+'), Color.RED, Point, year, 'x' * 30_000, int, ...]
s = {1, 'b', (2, 3)}
q = deque([1, 2, 3], maxlen=5)
c = Counter('aab')
o = OrderedDict(a=1, b=2)
e = defaultdict(list, a=[1])
p = Point(Point(3))
add = lambda x, y=[1]: x + y
large = {f'key {i}': [i] for i in range(400)}
numbers = set(range(1000, 1400))
items = [f'item {i}' for i in range(5000)]
line = deque(range(1000, 5000))
"""


class Pair(NamedTuple):
    leader: Bench
    follower: Bench
    entries: deque[bytes]  # of the leader, that the follower has not run

    def feed(self) -> None:
        while self.entries:
            self.follower.engine.apply(self.entries.popleft())


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A leader, and a follower that has the same objects, checkpointed."""
    leader = Bench(tmp_path / "leader", Options(durability="none"))
    follower = Bench(tmp_path / "follower", Options(durability="none"))
    pair = Pair(leader, follower, deque())
    follower.engine.following = True
    leader.engine.appended = lambda seq, entry: pair.entries.append(entry)
    leader.eval(OBJECTS)
    leader.engine.checkpoint()
    pair.feed()
    follower.engine._heap.root.namespace["__builtins__"]["now"] = lambda: datetime(1999, 1, 1)
    yield pair
    leader.engine.close()
    follower.engine.close()


def diverge(pair: Pair, source: str) -> Divergence:
    """Run a snippet on both, up to the next mark, and return what the follower found."""
    pair.leader.eval(source)
    pair.leader.engine.checkpoint()
    with pytest.raises(Diverged) as found:
        pair.feed()
    assert isinstance(found.value.what, Divergence)
    pair.follower.engine.keep_diverged()
    return found.value.what


def shown(pair: Pair, what: Divergence) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """Where, or what -> part -> (here, there), with nothing but what the two engines tell."""
    leader, follower, _ = pair
    if what.kind == "result":
        keys = list(what.changed)
    else:
        here, there = follower.engine.written, leader.engine.written
        assert here is not None and there is not None and here.seq == there.seq == what.as_of_seq
        keys = here.differing(Written(there.seq, there.pack()))
    containers = [key for written in (leader.engine.written, follower.engine.written) if written is not None
                  for key in written.notes() if len(key) == 8]  # fmt: skip
    keys = [key for key in keys if is_telling(key)]
    seq, records = leader.engine.records(keys, 1 << 30)
    assert seq == leader.engine.committed_seq
    found = compare(follower.engine, what, keys, dict(zip(keys, records, strict=True)), containers)
    return {each.where or each.title: {name: (here, there) for name, here, there in each.parts} for each in found}


# snippet -> where, the part, the text here and there; Y stands for the year.
CASES = [
    ("d['a'] = year()\nNone", "d", "['a']", "Y"),
    ("d[2.5].append(year())\nNone", "d[2.5]", "[1]", "Y"),
    ("d[(1, 2)] = (year(), [1])[0]\nNone", "d", "[(1, 2)]", "Y"),
    ("l[1] = str(year())\nNone", "l", "[1]", "'Y'"),
    ("l[23] = 'x' * 30_000 + str(year())\nNone", "l", "[23]", None),
    ("q[1] = year()\nNone", "q", "[1]", "Y"),
    ("c['a'] = year()\nNone", "c", "['a']", "Y"),
    ("o['b'] = year()\nNone", "o", "['b']", "Y"),
    ("e['a'].append(year())\nNone", "e['a']", "[1]", "Y"),
    ("p.x.x = year()\nNone", "p.x", ".x", "Y"),
    ("Point.limit = year()\nNone", "Point", ".limit", "Y"),
    ("large['key 7'] = year()\nNone", "large", "['key 7']", "Y"),
    ("large['key 7'].append(year())\nNone", "large['key 7']", "[1]", "Y"),
    ("large['new'] = year()\nNone", "large", "['new']", "Y"),
    ("x = year()\nNone", "the roots", "x", "Y"),
    ("l[16].right.append(year())\nNone", "l[16][1]", "[1]", "Y"),
]


@pytest.mark.parametrize(("source", "where", "part", "text"), CASES, ids=[case[1] + case[2] for case in CASES])
@pytest.mark.parametrize("result", [False, True], ids=["digest", "result"])
def test_object_and_part_that_differ_are_named(
    pair: Pair, source: str, where: str, part: str, text: str | None, result: bool
) -> None:
    what = diverge(pair, source.replace("\nNone", "\nyear()") if result else source)
    found = shown(pair, what)
    assert [*found] == [where]
    here, there = found[where].pop(part)
    assert not found[where]
    if text is not None:
        assert (here, there) == (text.replace("Y", "1999"), text.replace("Y", "2023"))
    assert here is not None and there is not None and here != there
    assert len(here) < 400 > len(there)


@pytest.mark.parametrize(
    ("source", "where", "parts"),
    [
        ("s.add(year())\nNone", "s", {"holds 1999": ("1999", None), "holds 2023": (None, "2023")}),
        ("numbers.add(year())\nNone", "numbers", {"holds 1999": ("1999", None), "holds 2023": (None, "2023")}),
        (
            "o.move_to_end('a', last=year() > 2000)\nNone",
            "o",
            {"in this order": ("['a', 'b']", "['b', 'a']")},
        ),
        ("items[2500] = year()\nNone", "items", None),
        ("line.append(year())\nNone", "line", None),
        ("large.pop('key 1')\nif year() > 2000: large.pop('key 2')\nNone", "large", None),
    ],
)
def test_parts_that_only_one_side_has_are_named(
    pair: Pair, source: str, where: str, parts: dict[str, tuple[str | None, str | None]] | None
) -> None:
    found = shown(pair, diverge(pair, source))
    assert found[where] if parts is None else found[where] == parts


def test_snippets_that_mention_what_differs_come_first(pair: Pair) -> None:
    pair.leader.eval("c['a'] += 1\nNone")
    for _ in range(3):
        pair.leader.eval("p.x.x = year()\nNone")
    what = diverge(pair, "q.append(1)\nNone")
    found, count = suspects(pair.follower.engine, what, {"p"})
    assert count == 3
    assert [(each.first.code[0], each.count, each.mentions) for each in found] == [
        ("p", 3, ["p"]), ("c", 1, []), ("q", 1, []),
    ]  # fmt: skip
    assert what.since_seq < found[1].first.seq < found[0].first.seq < what.as_of_seq


def test_snippet_that_only_fails_here_shows_what_it_would_change(pair: Pair) -> None:
    what = diverge(pair, "d['a'] = 2\nif year() < 2000: raise ValueError('too early')\nNone")
    assert what.here == "ValueError: too early"
    assert shown(pair, what) == {"d": {"['a']": ("1", "2")}}


def test_snippet_that_changes_nothing_here_is_told_by_its_result(pair: Pair) -> None:
    what = diverge(pair, "if year() > 2000: d['a'] = 2\nNone")
    assert (what.kind, what.here, what.changed) == ("result", "null", {})
    assert what.snippet is not None and what.snippet.code.startswith("if year()")


def test_every_record_reads(pair: Pair) -> None:
    leader = pair.leader
    written = leader.engine.written
    assert written is not None
    reader = Reader(lambda key: leader.engine.records([key], 1)[1][0])
    texts = {}
    for key in written.notes():
        record = reader.get(key)
        assert record is not None
        if len(key) == 8:
            title = reader.title(int.from_bytes(key, "big"), record)
            assert not title.startswith("object "), record
            texts[title] = reader.parts(key, record, None)
    everything = " ".join(text for parts in texts.values() for text in parts.values())
    assert " object at 0x" not in everything
    for told in ("Decimal('1.10')", "Fraction(1, 3)", "nan", "Pair(1, list ", "class Point ", "function year ",
                 "property(function Point.double, line "):  # fmt: skip
        assert told in everything, told


records = st.dictionaries(st.binary(min_size=8, max_size=16), st.none() | st.binary(), max_size=20)


def written(of: dict[bytes, bytes | None]) -> Written:
    found = Written(7)
    found.add(of.items(), [blake2b(key + b"\0" + (record or b"-")).digest() for key, record in of.items()])
    return Written(7, found.pack())


@given(records, records)
def test_keys_that_differ_are_found_without_the_records(
    here: dict[bytes, bytes | None], there: dict[bytes, bytes | None]
) -> None:
    def seen(of: dict[bytes, bytes | None], key: bytes) -> bytes | None:
        return (of[key] or b"-") if key in of else None

    expected = sorted(key for key in here.keys() | there.keys() if seen(here, key) != seen(there, key))
    assert written(here).differing(written(there)) == expected


def test_keys_are_noted_up_to_a_bound_and_only_those_in_both_are_compared() -> None:
    found = Written(7)
    for number in range(300):
        pairs = [((number * 1000 + i).to_bytes(8, "big"), b"") for i in range(1000)]
        found.add(pairs, [b"a digest"] * 1000)
    assert not found.is_whole
    assert len(found.pack()) < 5 * 1024 * 1024
    assert found.differing(Written(7)) == []
