"""Values: what goes in comes out, any JSON gives a value or a BadRequest, and the limits bound time and memory."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import BadRequest, ResultTooLarge
from objserver.limits import FRACTION_BITS_MAX, INT_BITS_MAX, RESULT_SIZE_MAX, VALUE_COUNT_MAX, VALUE_DEPTH_MAX
from objserver.wire import Factories, Shape, decode, encode, loads, needs_decode

texts = st.text(st.characters() | st.sampled_from("$\ud800\udfff\0\"\\"), max_size=8)  # lone surrogates too
zones = st.none() | st.integers(-86399, 86399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
whole = st.integers() | st.integers(2**60, 2**70) | st.integers(-(2**70), -(2**60)) | st.just(7**5000)
atoms = (
    st.none() | st.booleans() | whole | st.floats() | texts | st.binary(max_size=20) | st.complex_numbers()
    | st.dates() | st.datetimes(timezones=zones) | st.times(timezones=zones) | st.timedeltas() | st.uuids()
    | st.decimals() | st.fractions()
)  # fmt: skip
keys = st.recursive(
    atoms.filter(lambda atom: not (isinstance(atom, Decimal) and atom.is_snan())),  # Python gives it no hash
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
storable = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=4)
    | st.builds(deque, st.lists(inner, max_size=4), st.none() | st.just(9)) | st.lists(inner, max_size=4).map(tuple)
    | st.sets(keys, max_size=4) | st.frozensets(keys, max_size=4)
    | st.dictionaries(texts, inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def exactly(value: Any) -> Any:
    """Everything that tells two values apart: types, the sign of zero, nan as itself, the order of a dict."""
    kind = type(value)
    if kind in (list, tuple):
        return kind, [exactly(item) for item in value]
    if kind is deque:
        return kind, value.maxlen, [exactly(item) for item in value]
    if kind in (set, frozenset):
        return kind, sorted((exactly(item) for item in value), key=repr)
    if kind is dict:
        return kind, [(exactly(key), exactly(item)) for key, item in value.items()]
    if kind is complex:
        return kind, exactly(value.real), exactly(value.imag)
    return kind, repr(value)


def nested(levels: int, wrap: Callable[[Any], Any], value: Any) -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


@given(storable)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    text = encode(value)
    assert exactly(loads(text)) == exactly(value)
    assert exactly(decode(orjson.loads(text))) == exactly(value)


@given(st.lists(storable, max_size=3), st.integers(0, 10))
def test_value_comes_back_from_inside_other_containers(values: list[Any], levels: int) -> None:
    wrapped = nested(levels, lambda inner: {"a": 1, "b": [inner]}, values)
    assert exactly(loads(encode(wrapped))) == exactly(wrapped)


TAGS = """
    $set $frozenset $tuple $bytes $datetime $date $time $timedelta $decimal $fraction $uuid $int $float $complex $dict
    $str $deque $namedtuple $class $ref $ $$ $$set $unknown a
"""
tags = st.sampled_from(TAGS.split())
contents = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from([
        "nan", "-0x", "0xff", "--1", "+1", "1_0", "٣", "NaN", "sNaN", "1e9999999999999999999", "2024-01-01",
        "2024-01-01T00:00:00+99:99", "24:00", "AA==", "A", "2ggA", "{12345678123456781234567812345678}", "1" * 5000,
    ])
)  # fmt: skip
trees = st.recursive(
    contents, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(tags, inner, max_size=2), max_leaves=12
)


@given(trees)
def test_any_json_is_a_value_or_a_bad_request(tree: Any) -> None:
    makers: list[dict[str, Any]] = [{}, {"instance": lambda *parts: parts, "reference": lambda *parts: parts}]
    for made in makers:
        try:
            value = loads(orjson.dumps(tree), **made)
        except BadRequest as error:
            assert len(str(error)) < 500
        else:
            if not made:
                assert exactly(loads(encode(value))) == exactly(value)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_value_or_a_bad_request(data: bytes) -> None:
    try:
        loads(data)
    except BadRequest:
        pass


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"$what":1}', r"unknown tag '\$what'"),
        (b'{"$set":[1],"b":2}', r"'\$set' does not stand alone"),
        (b'{"$$a":1,"$tuple":[]}', r"does not stand alone"),
        (b'{"$set":[[1]]}', r"'\$set' can't be made of list of 1: unhashable type: 'list'"),
        (b'{"$dict":[[1,2,3]]}', r"'\$dict' can't be made"),
        (b'{"$dict":[[{},2]]}', r"unhashable"),
        (b'{"$bytes":"A"}', r"'\$bytes' can't be made of 'A'"),
        (b'{"$bytes":"A===A==="}', r"'\$bytes'"),
        (b'{"$timedelta":[999999999999,0,0]}', r"'\$timedelta'"),
        (b'{"$timedelta":[1.5,0,0]}', r"'\$timedelta'"),
        (b'{"$fraction":[1,0]}', r"'\$fraction'"),
        (b'{"$fraction":[1]}', r"'\$fraction'"),
        (b'{"$fraction":[true,1]}', r"'\$fraction'"),
        (b'{"$decimal":"one"}', r"'\$decimal'"),
        (b'{"$set":[{"$decimal":"sNaN"}]}', r"'\$set'"),
        (b'{"$float":"Infinity"}', r"'\$float'"),
        (b'{"$float":["nan"]}', r"'\$float'"),
        (b'{"$complex":[1]}', r"'\$complex'"),
        (b'{"$complex":[true,1]}', r"'\$complex'"),
        (b'{"$uuid":5}', r"'\$uuid'"),
        (b'{"$date":"2024-13-01"}', r"'\$date'"),
        (b'{"$time":["02:00:00",2]}', r"'\$time'"),
        (b'{"$datetime":["2024-01-01"]}', r"'\$datetime'"),
        (b'{"$int":"1e5"}', r"'\$int'"),
        (b'{"$int":5}', r"'\$int'"),
        (b'{"$class":"User","name":"Bob"}', r"arguments carry values; make the instance of 'User' in the snippet"),
        (b'{"$ref":7,"$class":"User"}', r"arguments carry values; name the object 7"),
        (b'{"$class":5}', r"neither an instance nor a reference"),
        (b'{"$ref":7,"name":1}', r"neither an instance nor a reference"),
        (b'{"$ref":"7"}', r"neither an instance nor a reference"),
        (b"[1", r"not JSON"),
    ],
)  # fmt: skip
def test_malformed_value_is_refused_by_name(text: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        loads(text)


# What the text looks like: clients in other languages are written from the table.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (-5, "-5"), (2**64 - 1, "18446744073709551615"), (-(2**63), str(-(2**63))),
        (1.0, "1.0"), (-0.0, "-0.0"), ("é\n", '"é\\n"'), ([], "[]"), ({}, "{}"), ([1, [2]], "[1,[2]]"),
        ({1, }, '{"$set":[1]}'), (frozenset(), '{"$frozenset":[]}'), ((1, (2,)), '{"$tuple":[1,{"$tuple":[2]}]}'),
        (b"\xff\0", '{"$bytes":"/wA="}'), (2**64, '{"$int":"18446744073709551616"}'),
        (-(2**63) - 1, '{"$int":"-9223372036854775809"}'), (float("nan"), '{"$float":"nan"}'),
        ([float("-inf")], '[{"$float":"-inf"}]'), (1j, '{"$complex":[0.0,1.0]}'),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), '{"$datetime":"2024-02-29T12:00:00+00:00"}'),
        (date(2024, 2, 29), '{"$date":"2024-02-29"}'), (time(1, 2, 3, 4), '{"$time":"01:02:03.000004"}'),
        (time(2, fold=1), '{"$time":["02:00:00",1]}'),
        (timedelta(-1, 2, 3), '{"$timedelta":[-1,2,3]}'), (Decimal("1.50"), '{"$decimal":"1.50"}'),
        (Fraction(1, 3), '{"$fraction":[1,3]}'), (Fraction(2**64), '{"$fraction":["18446744073709551616",1]}'),
        (UUID(int=1), '{"$uuid":"00000000-0000-0000-0000-000000000001"}'),
        ({1: 2, "a": [3]}, '{"$dict":[[1,2],["a",[3]]]}'), ({"$a": 1, "$$b": 2}, '{"$$a":1,"$$$b":2}'),
        ({"a": "$set"}, '{"a":"$set"}'), ("\ud800", '{"$str":"7aCA"}'),
        ({"\ud800": 1}, '{"$dict":[[{"$str":"7aCA"},1]]}'),
    ],
)  # fmt: skip
def test_text_is_as_the_table_says(value: Any, text: str) -> None:
    assert encode(value).decode() == text
    assert exactly(loads(text.encode())) == exactly(value)


def test_dollar_written_as_an_escape_means_the_same() -> None:
    """JSON has two ways to write it, and the search for tags must not see one only."""
    assert loads(b'{"\\u0024set":[1]}') == {1}
    assert needs_decode(b'{"\\u0024set":[1]}')


def test_sets_are_made_by_the_factory() -> None:
    factories = Factories(set=lambda items: ["ours", *items], frozenset=tuple)
    made = loads(b'[{"$set":[2,1,2]},{"$frozenset":[1]},{"$deque":[[1],3]}]', factories=factories)
    assert made == [["ours", 2, 1, 2], (1,), deque([1])]


def test_named_tuples_of_one_name_and_fields_are_of_one_class() -> None:
    first, second = loads(b'[{"$namedtuple":["P",{"x":1,"y":[2]}]},{"$namedtuple":["P",{"x":3,"y":4}]}]')
    assert type(first) is type(second) and first == (1, [2]) and repr(second) == "P(x=3, y=4)"
    assert loads(encode([first, second])) == [first, second]


@pytest.mark.parametrize("text", [
    '{"$namedtuple":["P",{"_x":1}]}', '{"$namedtuple":["P",{"x y":1}]}', '{"$namedtuple":["class",{"x":1}]}',
    '{"$namedtuple":["P",{"def":1}]}', '{"$namedtuple":["P",["x"]]}', '{"$namedtuple":["P"]}', '{"$namedtuple":"P"}',
    '{"$namedtuple":["__import__(\'os\')",{"x":1}]}', '{"$deque":[1,2]}', '{"$deque":[[1]]}', '{"$deque":[[1],-1]}',
    '{"$deque":[[1],"a"]}', '{"$deque":[1]}',
])
def test_deque_or_named_tuple_of_the_wrong_form_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        loads(text.encode())


# What is not a plain value: shapes.


class Thing:
    """An object of a heap, as `describe` sees it."""

    def __init__(self, kind: Any, content: Any, class_name: str = "Thing", oid: int | None = None) -> None:
        self.shape = Shape(kind, content, class_name, oid)


def describe(value: Any) -> Shape:
    if isinstance(value, Thing):
        return value.shape
    raise TypeError("it is foreign")


show = partial(encode, describe=describe)


def test_objects_of_the_heap_look_like_the_plain_ones() -> None:
    assert show(Thing("dict", {"a": 1})) == b'{"a":1}'
    assert show(Thing("dict", {1: Thing("list", [1, 2.5])})) == b'{"$dict":[[1,[1,2.5]]]}'
    assert show(Thing("set", {3: None, 1: None})) == b'{"$set":[3,1]}'
    assert show([Thing("frozenset", [1]), Thing("tuple", [2])]) == b'[{"$frozenset":[1]},{"$tuple":[2]}]'


def test_instance_is_its_class_and_attributes() -> None:
    bob = Thing("instance", {"name": "Bob", "age": 41}, "User", 5)
    assert show(bob) == b'{"$class":"User","name":"Bob","age":41}'
    assert show([bob]) == b'[{"$class":"User","name":"Bob","age":41}]'
    assert show(Thing("instance", {}, "Empty")) == b'{"$class":"Empty"}'
    assert show(Thing("instance", {"$class": {1}}, "Odd")) == b'{"$class":"Odd","$$class":{"$set":[1]}}'
    read = loads(show([bob, Thing("instance", {"$ref": [1]}, "Odd")]), instance=lambda name, parts: (name, parts))
    assert read == [("User", {"name": "Bob", "age": 41}), ("Odd", {"$ref": [1]})]


def test_reference_names_what_is_not_shown() -> None:
    assert show(Thing("reference", None, "User", 9)) == b'{"$ref":9,"$class":"User"}'
    assert loads(show([Thing("reference", None, "User")]), reference=lambda *parts: parts) == [(None, "User")]


def test_type_without_a_shape_is_named() -> None:
    with pytest.raises(TypeError, match=r"'object' can't be sent$"):
        encode([object()])
    with pytest.raises(TypeError, match="'object' can't be sent: it is foreign"):
        show({"a": object()})
    with pytest.raises(TypeError, match=r"microseconds=1.*convert it to datetime\.timezone\.utc"):
        encode(time(tzinfo=timezone(timedelta(microseconds=1))))
    with pytest.raises(TypeError, match=r"ZoneInfo.*convert it to datetime\.timezone\.utc"):
        encode(datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")))


def test_depth_cuts_containers_below_it() -> None:
    value = {"a": [1, {"b": (2,)}], "c": {3}}
    assert show(value, depth=0) == b'{"$ref":null,"$class":"dict"}'
    assert show(value, depth=1) == b'{"a":{"$ref":null,"$class":"list"},"c":{"$ref":null,"$class":"set"}}'
    assert show(value, depth=2) == b'{"a":[1,{"$ref":null,"$class":"dict"}],"c":{"$set":[3]}}'
    assert show(value, depth=4) == show(value)
    bob = Thing("instance", {"friend": Thing("instance", {}, "User", 6)}, "User", 5)
    assert show(bob, depth=0) == b'{"$ref":5,"$class":"User"}'
    assert show(bob, depth=1) == b'{"$class":"User","friend":{"$ref":6,"$class":"User"}}'
    assert show(5, depth=0) == b"5"
    assert show(b"x", depth=0) == b'{"$bytes":"eA=="}'


def test_depth_leaves_the_keys_of_a_dict_whole() -> None:
    """Cut, all of them would be the same key."""
    assert show({(1, (2,)): [3]}, depth=1) == (
        b'{"$dict":[[{"$tuple":[1,{"$tuple":[2]}]},{"$ref":null,"$class":"list"}]]}'
    )


def test_cycle_becomes_a_reference() -> None:
    value: dict[str, Any] = {}
    value["self"] = [value]
    assert show(value) == b'{"self":[{"$ref":null,"$class":"dict"}]}'
    bob = Thing("instance", {}, "User", 5)
    bob.shape.content["me"] = bob
    assert show(bob) == b'{"$class":"User","me":{"$ref":5,"$class":"User"}}'


def test_object_that_comes_from_disk_twice_is_known_by_its_number() -> None:
    """A cycle over an object that was given back and read again has other addresses and the same oid."""

    def fresh(value: Any) -> Shape:
        return Shape("list", [Thing("list", None)], "list", 7)

    assert encode(Thing("list", None), fresh) == b'[{"$ref":7,"$class":"list"}]'


def test_object_held_twice_is_shown_twice() -> None:
    shared = {"a": [1]}
    assert show([shared, shared]) == b'[{"a":[1]},{"a":[1]}]'


# Limits.


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"a": v}, lambda v: {1: v, "$": 0}])
def test_values_nest_to_the_limit_and_no_deeper(wrap: Callable[[Any], Any]) -> None:
    """Both ways, for the wordiest containers too, and with what needs a tag at the bottom."""
    deepest = nested(VALUE_DEPTH_MAX, wrap, "\ud800")
    assert exactly(loads(encode(deepest))) == exactly(deepest)
    with pytest.raises(ResultTooLarge, match=f"limit is {VALUE_DEPTH_MAX} levels.*`depth`"):
        encode(wrap(deepest))
    assert encode(wrap(deepest), depth=VALUE_DEPTH_MAX)


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'{"$tuple":[', b'{"$dict":[[1,'])
def test_deep_json_is_refused(opened: bytes) -> None:
    closed = opened.translate(bytes.maketrans(b"[{", b"]}"), b'"a:$tupledict1,')[::-1]
    levels = VALUE_DEPTH_MAX + 1
    with pytest.raises(BadRequest, match=f"deeper than {VALUE_DEPTH_MAX} levels"):
        loads(opened * levels + b"0" + closed * levels)


def test_text_that_would_be_endless_stops_early() -> None:
    """Sixty lists, each holding the next one twice, are 2**60 as text."""
    with pytest.raises(ResultTooLarge, match=f"{VALUE_COUNT_MAX}.*`depth`"):
        encode(nested(60, lambda inner: [inner, inner], []))
    with pytest.raises(ResultTooLarge, match="`depth`"):
        encode(nested(60, lambda inner: {"a": "x" * 1000, "b": inner, "c": inner}, []), size_max=100_000)


def test_long_text_held_many_times_is_not_written_out() -> None:
    long = "x" * 1_000_000
    for value in ([long] * 1_000_000, [long] * 1_000_000 + [{1}], {str(n): long for n in range(10_000)}):
        with pytest.raises(ResultTooLarge):
            encode(value)


@given(storable, st.integers(0, 200))
def test_size_limit_is_exact(value: Any, size_max: int) -> None:
    size = len(encode(value))
    if size <= size_max:
        assert len(encode(value, size_max=size_max)) == size
    else:
        with pytest.raises(ResultTooLarge, match="`depth`"):
            encode(value, size_max=size_max)


def test_largest_result_has_the_size_of_the_limit() -> None:
    assert len(encode("x" * (RESULT_SIZE_MAX - 2))) == RESULT_SIZE_MAX
    with pytest.raises(ResultTooLarge):
        encode("x" * (RESULT_SIZE_MAX - 1))


def test_huge_ints_travel_as_hexadecimal_text_up_to_a_limit() -> None:
    """Decimal text takes quadratic time, which Python itself refuses above 4300 digits."""
    largest = (1 << INT_BITS_MAX) - 1
    assert encode(largest).startswith(b'{"$int":"0xffff')
    assert loads(encode(-largest)) == -largest
    with pytest.raises(ResultTooLarge, match="an int of"):
        encode(largest + 1)
    with pytest.raises(BadRequest):
        loads(b'{"$int":"0x1%b"}' % (b"0" * (INT_BITS_MAX // 4 + 10)))
    assert loads(b'{"$int":"%b"}' % (b"9" * 4300)) == 10**4300 - 1
    with pytest.raises(BadRequest):
        loads(b'{"$int":"%b"}' % (b"9" * 4301))
    with pytest.raises(ResultTooLarge, match="an int of"):
        encode(Fraction(1, 1 << FRACTION_BITS_MAX))


@pytest.mark.parametrize("tag", ["$set", "$frozenset", "$dict"])
def test_members_made_to_have_one_hash_are_refused(tag: str) -> None:
    """Ten thousand of them would take seconds, and a frame holds half a million."""

    def text(step: int) -> bytes:
        members: list[Any] = [{"$int": str(number * step)} for number in range(10_000)]
        return orjson.dumps({tag: [[member, 0] for member in members] if tag == "$dict" else members})

    assert len(loads(text(2**61))) == 10_000
    with pytest.raises(BadRequest, match="have the same hash"):
        loads(text(2**61 - 1))


def test_set_of_a_reply_may_hold_many_instances_that_are_alike() -> None:
    """Apart over there, equal as copies: the check on hashes is for arguments."""
    crowd = Thing("set", [Thing("instance", {}, "Token", oid) for oid in range(1000)])
    assert loads(show(crowd), instance=lambda name, parts: name) == {"Token"}


@pytest.mark.parametrize(
    "value", ["complex(n, 1)", "datetime(2026, 1, 1) + timedelta(n)", "Fraction(n, 7)", "timezone(timedelta(0, n % 9))"]
)
def test_many_short_texts_take_memory_in_proportion(value: str) -> None:
    """Each lay in the buffer of 4 KiB that orjson had begun it in: a set of 100,000 complex numbers took 400 MB."""
    program = (
        "import resource\nfrom datetime import *\nfrom fractions import Fraction\nfrom objserver.wire import encode\n"
        f"values = [{value} for n in range(50_000)]\n"
        "size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = size()\nencode(values)\nprint(size() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 50_000  # KiB
