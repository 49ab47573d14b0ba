"""Enums in the heap: a member is one object, whatever is loaded, defined again or undone."""

from __future__ import annotations

import pytest

from tests.engine.bench import Bench, Failed
from tests.engine.test_classes import run

COLOR = "from enum import Enum, IntEnum, StrEnum, Flag, auto, unique\nclass Color(Enum):\n RED = 1\n GREEN = 2\nr = Color.RED\nd = {Color.RED: 'r', Color.GREEN: 'g'}"
READ = "[r is Color.RED, d[Color.RED], [k.name for k in d], r in d, [k is Color[k.name] for k in d if k.name in Color.__members__]]"


def test_member_is_one_object_after_a_restart(engine: Bench) -> None:
    assert run(engine, COLOR, READ) == [True, "r", ["RED", "GREEN"], True, [True, True]]
    assert run(engine, "r2 = Color(1)\nr2 is r", "match r2:\n case Color.GREEN: x = 'g'\n case Color.RED: x = 'red'\nx") == "red"


def test_member_keeps_its_identity_when_the_enum_is_defined_again(engine: Bench) -> None:
    run(engine, COLOR, "class Color(Enum):\n RED = 10\n BLUE = 3\n def loud(self): return self.name + '!'")
    assert engine.eval(READ) == [True, "r", ["RED", "GREEN"], True, [True]]
    assert engine.eval("[r.value, r.loud(), Color(10) is r, [k.loud() for k in d], len(Color)]") == [10, "RED!", True, ["RED!", "GREEN!"], 2]


@pytest.mark.parametrize("kind", ["IntEnum", "StrEnum", "Flag"])
def test_member_that_hashes_by_its_value_is_another_when_that_changes(engine: Bench, kind: str) -> None:
    """Else a dict that has it as a key would not find it again."""
    one, two, three = ("'a'", "'b'", "'c'") if kind == "StrEnum" else ("1", "2", "4")
    run(engine, COLOR, f"class K({kind}):\n A = {one}\n B = {two}\nd = {{K.A: 'a', K.B: 'b'}}\na, b = K.A, K.B")
    assert run(engine, f"class K({kind}):\n A = {one}\n B = {three}", "[a is K.A, b is K.B, d[a], d[b], K.B in d]") == [True, False, "a", "b", False]


@pytest.mark.parametrize("failing", [
    "@unique\n class Color(Enum):\n  RED = 5\n  UNO = 5",
    "class Color(Enum):\n  RED = 5\n  def __init__(self, x): raise ValueError",
    "class Color(Enum):\n  RED = 5\n  RED = 6",
    "def bad(cls): raise ValueError\n @bad\n class Color(Enum):\n  RED = 7\n  def __init__(self, x): self.extra = x",
])
def test_enum_whose_new_definition_raises_is_as_it_was(engine: Bench, failing: str) -> None:
    run(engine, COLOR, f"try:\n {failing}\nexcept (TypeError, ValueError): pass")
    assert engine.eval(READ) == [True, "r", ["RED", "GREEN"], True, [True, True]]
    assert engine.eval("[r.value, hasattr(r, 'extra'), list(Color.__members__), Color(1) is r]") == [1, False, ["RED", "GREEN"], True]


def test_enum_of_another_kind_is_another_class(engine: Bench) -> None:
    run(engine, COLOR, "class Color(IntEnum):\n RED = 1")
    assert engine.eval("[r is Color.RED, isinstance(r, Color), d[r], Color.RED == 1, r == 1]") == [False, False, "r", True, False]
    run(engine, "class Color:\n x = 3")
    assert engine.eval("[Color.x, d[r]]") == [3, "r"]


def test_members_survive_a_query_and_are_not_changed_by_one(engine: Bench) -> None:
    run(engine, COLOR, "class P(Flag):\n A = auto()\n B = auto()\n AB = A | B")
    assert engine.query("class Q(Enum):\n X = 1\n[repr(Q.X), repr(P.A | P.B), (P.A | P.B) is P.AB, r is Color(1)]") == ["<Q.X: 1>", "<P.AB: 3>", True, True]
    for source in ("r.value = 3", "Color.RED = 3", "del Color.RED", "r._value_ = 3", "del r._name_", "Enum.x = 1"):
        with pytest.raises(Failed, match="(AttributeError|TypeError|ReadOnly): "):
            engine.query(source)
        with pytest.raises(Failed, match="(AttributeError|TypeError): "):
            engine.eval(source)


def test_attribute_of_a_member_is_heap_state(engine: Bench) -> None:
    run(engine, COLOR, "r.seen = [1]", "r.seen.append(2)\nColor.total = 7")
    assert engine.eval("[Color.RED.seen, Color.total, hasattr(Color.GREEN, 'seen')]") == [[1, 2], 7, False]
    with pytest.raises(Failed):
        engine.eval("r.seen = 3\n1 / 0")
    assert engine.eval("r.seen") == [1, 2]


def test_enum_goes_to_a_client_by_name_and_value(engine: Bench) -> None:
    run(engine, COLOR)
    assert engine.eval("r") == {"$class": "Color", "name": "RED", "value": 1}


def test_combination_of_flags_is_kept_as_a_value(engine: Bench) -> None:
    run(engine, COLOR, "class P(Flag):\n R = auto()\n W = auto()\n X = auto()\nm = P.R | P.X\nd = {m: 'rx'}")
    assert engine.eval("[m == P.X | P.R, d[P.R | P.X], repr(m), P.R in m, P.W in m, (m & P.R) is P.R]") == [True, "rx", "<P.R|X: 5>", True, False, True]
