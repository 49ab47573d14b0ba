"""The modules of values compute what CPython's do, and nothing they give can be changed, or made to run for long."""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import hashlib
import random
import statistics
import string
import textwrap
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import DECIMAL_CONTEXT, SnippetRefused
from sandbox.exact import check_operands, check_power_of
from sandbox.hashing import hash_builtin
from tests.engine.bench import Bench, Failed
from tests.sandbox.host import Host

VALUES = ("base64", "datetime", "decimal", "fractions", "hashlib", "random", "statistics", "string", "textwrap",
          "time", "uuid")
HOST = Host()
LIBRARY = HOST.library
HOST.run("1")


def outcome(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What a call comes to; of an error its class, because some of our texts are other ones."""
    HOST.fuel.refill(1_000_000)
    try:
        with decimal.localcontext(DECIMAL_CONTEXT):
            return "value", repr(function(*arguments, **keywords))
    except Exception as error:
        return "error", type(error).__name__


def same(module: Any, name: str, *arguments: Any, **keywords: Any) -> None:
    ours = outcome(getattr(LIBRARY[module.__name__], name), *arguments, **keywords)
    assert ours == outcome(getattr(module, name), *arguments, **keywords)


DECIMALS = st.decimals(min_value=-(10**30), max_value=10**30, allow_nan=False, places=6)
FRACTIONS = st.fractions(-1000, 1000, max_denominator=10**6)
NUMBERS = st.one_of(st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9), FRACTIONS, DECIMALS)


# --- decimal and fractions --------------------------------------------------------------------------------------------


@given(st.text("0123456789.-+eE_nasif /", max_size=12) | st.integers() | st.floats() | DECIMALS)
def test_decimal_and_fraction_are_made_as_in_python(value: Any) -> None:
    for module, name, kind in ((decimal, "Decimal", Decimal), (fractions, "Fraction", Fraction)):
        expected = outcome(getattr(module, name), value)
        given = outcome(getattr(LIBRARY[module.__name__], name), value)
        if given != ("error", "OverflowError"):
            assert given == expected or (given[0] == expected[0] == "error")
        elif expected[0] == "value":
            made = kind(value)
            assert kind is Fraction or abs(made.adjusted()) > 9999 or len(made.as_tuple().digits) > 1000
            assert kind is Decimal or max(abs(made.numerator), made.denominator).bit_length() > 1 << 14


@given(st.integers(-99, 99), st.integers(-99, 99), st.integers(-9, 9))
def test_fraction_of_two_numbers_and_its_operators_are_pythons(numerator: int, denominator: int, other: int) -> None:
    same(fractions, "Fraction", numerator, denominator)
    if not denominator:
        return
    for operator in ("+", "-", "*", "/", "//", "%", "**", "<", "=="):
        for right in (other, Fraction(other, 7), float(other)):
            for text in (f"x {operator} y", f"y {operator} x"):
                def plain(text: str = text, right: Any = right) -> Any:
                    return eval(text, {"x": Fraction(numerator, denominator), "y": right})

                def ours(text: str = text, right: Any = right) -> Any:
                    return HOST.run(text, x=Fraction(numerator, denominator), y=right)

                assert outcome(ours) == outcome(plain)


@given(DECIMALS, DECIMALS | st.integers(-9, 9))
def test_decimal_operators_are_pythons(left: Decimal, right: Any) -> None:
    for operator in ("+", "-", "*", "/", "//", "%", "**", "<", "=="):
        text = f"x {operator} y"

        def plain(text: str = text) -> Any:
            return eval(text, {"x": left, "y": right})

        def ours(text: str = text) -> Any:
            return HOST.run(text, x=left, y=right)

        assert outcome(ours) == outcome(plain)


def test_decimals_are_computed_alike_whatever_the_thread_does_with_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.eval("from decimal import Decimal")
    with decimal.localcontext() as context:
        context.prec, context.rounding = 3, decimal.ROUND_UP
        context.clear_flags()
        assert str(bench.eval("Decimal(1) / 3")) == "0." + "3" * 28
        assert context.prec == 3
        assert not context.flags[decimal.Inexact]
    bench.engine.close()


@pytest.mark.parametrize("source", [
    "Decimal('1e10000')", "Decimal('1e200000000')", "Decimal('1e-20000')", "Decimal('0e-999999999')",
    "Decimal('1' * 1001)", "Decimal(10 ** 2000)", "Decimal((0, (1,) * 2000, 0))", "Decimal((0, (1,), 10 ** 9))",
    "Decimal('1.1') ** (1 << 100_000)", "(1 << 100_000) ** Decimal('0.5')", "pow(1 << 100_000, Decimal('0.5'))",
    "x = 1 << 100_000\nx **= Decimal('0.5')",
    "Fraction('1e500000000')", "Fraction('1e-500000000')", "Fraction(10 ** 6000)", "Fraction(1, 10 ** 6000)",
    "Fraction(3, 2) ** 10 ** 9", "Fraction(3, 2) ** -10 ** 9", "2 ** Fraction(10 ** 9)",
    "Fraction(3, 2) ** Fraction(10 ** 9)", "pow(Fraction(3, 2), 10 ** 9)", "x = Fraction(3, 2)\nx **= 10 ** 9",
    "x = Fraction(3, 2)\nfor i in range(100): x = x * x", "x = Fraction(3, 2)\nfor i in range(100): x *= x",
    "x = Fraction(3, 2)\nfor i in range(100): x = x / (1 / x)", "x = Fraction(3, 2)\nfor i in range(100): x /= 1 / x",
    "round(Fraction(1, 3), 10 ** 9)", "round(Fraction(1, 3), -10 ** 9)",
    "import math\nmath.prod([Fraction(3, 2)] * 20_000)",
    "import statistics\nstatistics.mean(range(10 ** 6))",
    "import statistics\nstatistics.variance([(1 << 130_000) + i for i in range(100)])",
    "import statistics\nstatistics.mean([Fraction(1, 10 ** 9 + i) for i in range(5000)])",
    "import statistics\nstatistics.pvariance([1, 2], mu=1 << 10 ** 5 << 1000) if 0 else Decimal('1e10000')",
    "import statistics\nstatistics.quantiles([1, 2], n=10 ** 9)",
    "import random\nrandom.getrandbits(10 ** 9)", "import random\nrandom.randbytes(10 ** 9)",
    "import random\nrandom.sample([1], 10 ** 9)", "import random\nrandom.choices([1], k=10 ** 9)",
    "import textwrap\ntextwrap.wrap('a' * 10 ** 6)", "import textwrap\ntextwrap.wrap('\\t' * 50_000, 1)",
    "import textwrap\ntextwrap.wrap(' ' * 50_000, 1)", "import textwrap\ntextwrap.fill('\\t', tabsize=10 ** 9)",
    "import textwrap\ntextwrap.fill('a ' * 5000, 3, initial_indent='x' * 10 ** 4, subsequent_indent='y' * 10 ** 4)",
    "import textwrap\ntextwrap.indent('a\\n' * 1000, 'x' * 10 ** 5)", "import textwrap\ntextwrap.dedent(' ' * 10 ** 6)",
    "import base64\nbase64.b85encode(b'a' * 10 ** 6)", "import base64\nbase64.b32decode('A' * 10 ** 6)",
    "import hashlib\nhashlib.shake_128(b'').digest(10 ** 9)",
    "from datetime import timedelta\ntimedelta(days=10 ** 10)",
])
def test_one_step_makes_nothing_huge(source: str) -> None:
    with pytest.raises(OverflowError):
        Host(fuel=10**7).run("from decimal import Decimal\nfrom fractions import Fraction\n" + source)


@pytest.mark.parametrize("source", [
    "import random\nx = list(range(10 ** 6))\nrandom.shuffle(x)", "import random\nrandom.choices([1, 2], k=10 ** 6)",
    "import random\nrandom.sample(range(10 ** 7), 10 ** 6)",
    "import statistics\ndef f():\n while True: yield 1\nstatistics.mean(f())",
    "import statistics\nstatistics.fmean(range(10 ** 7))", "import statistics\nstatistics.mode([1] * 10 ** 6)",
    "import random\nx = random.Random(1)\nwhile True: x.random()", "import uuid\nwhile True: uuid.uuid4()",
    "from fractions import Fraction\nx = Fraction(1)\ni = 1\nwhile True:\n i += 1\n x += Fraction(1, i % 50 + 1)",
])
def test_what_takes_many_steps_is_paid(source: str) -> None:
    with pytest.raises(BaseException, match="ran out of fuel"):
        Host().run(source)


def test_checks_of_sizes_let_ordinary_numbers_pass() -> None:
    check_operands(Fraction(1, 3), 5)
    check_operands(1.5, Fraction(1, 3))
    check_power_of(Fraction(-1), 10**9)
    check_power_of(Fraction(1, 3), 0.5)
    check_power_of(Decimal(2), 100)


# --- statistics, random, uuid -----------------------------------------------------------------------------------------

LISTS = st.one_of(*(st.lists(numbers, max_size=8) for numbers in (
    st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9), FRACTIONS, DECIMALS,
)))


@given(LISTS, LISTS)
def test_statistics_are_pythons(data: list[Any], other: list[Any]) -> None:
    for name in (
        "fmean", "geometric_mean", "harmonic_mean", "mean", "median", "median_grouped", "median_high", "median_low",
        "mode", "multimode", "pstdev", "pvariance", "quantiles", "stdev", "variance",
    ):
        same(statistics, name, data)
    same(statistics, "quantiles", data, n=7, method="inclusive")
    for name in ("covariance", "correlation", "linear_regression"):
        same(statistics, name, data, other[:len(data)])
    if data:
        same(statistics, "pvariance", data, data[0])
        same(statistics, "fmean", data, [1] * len(data))


def test_mode_counts_what_is_no_number() -> None:
    source = "import statistics as s\n[s.mode('abb'), s.multimode('aabb'), s.median_low(['a', 'b', 'c'])]"
    assert Host().run(source) == ["b", ["a", "b"], "b"]


@given(st.integers() | st.text(max_size=9) | st.binary(max_size=9) | st.floats(allow_nan=False), st.integers(0, 40))
def test_a_seed_gives_the_numbers_it_gives_in_python(seed: Any, count: int) -> None:
    HOST.fuel.refill(1_000_000)
    ours, plain = LIBRARY["random"].Random(seed), random.Random(seed)
    items = list(range(count + 1))
    for name, *arguments in (
        ("random",), ("randint", 1, 6), ("randrange", 10), ("randrange", 0, 100, 5), ("uniform", 1, 2), ("choice",
        items),
        ("choice", "abc"), ("sample", items, min(count, 5)), ("getrandbits", 70), ("gauss", 0, 1), ("expovariate", 2),
        ("triangular", 1, 3, 2), ("betavariate", 1, 2), ("gammavariate", 1, 2), ("normalvariate", 1, 2),
        ("lognormvariate", 0, 1), ("paretovariate", 2), ("vonmisesvariate", 0, 4), ("weibullvariate", 1, 2),
        ("randbytes", 5), ("getstate",),
    ):
        assert getattr(ours, name)(*arguments) == getattr(plain, name)(*arguments), name
    weights = [place % 3 + 1 for place in items]
    assert ours.choices(items, weights, k=2500) == plain.choices(items, weights, k=2500)
    assert ours.choices(items, k=0) == []
    assert ours.choices("abc", cum_weights=[1, 1, 5], k=3) == plain.choices("abc", cum_weights=[1, 1, 5], k=3)
    assert ours.sample(items, 1, counts=weights) == plain.sample(items, 1, counts=weights)
    other = list(items)
    ours.shuffle(items)
    plain.shuffle(other)
    assert items == other
    state = ours.getstate()
    drawn = ours.random()
    ours.setstate(state)
    assert ours.random() == drawn


def test_numbers_and_uuids_come_from_the_snippets_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    source = (
        "import random, uuid\n"
        "x = [random.random(), random.randint(1, 10 ** 9), str(uuid.uuid4()), random.sample(range(99), 3)]\nx"
    )
    first, second = bench.eval(source), bench.eval(source)
    assert first != second
    assert uuid.UUID(first[2]).version == 4
    bench.crash()
    assert bench.query("x") == second
    bench.engine.close()


@given(st.uuids(), st.text(max_size=9))
def test_uuids_are_pythons(value: uuid.UUID, name: str) -> None:
    for keywords in (
        {"hex": str(value)}, {"int": value.int}, {"bytes": value.bytes}, {"bytes_le": value.bytes_le},
        {"fields": value.fields}, {"int": value.int, "version": 4}, {}, {"hex": "x"}, {"int": -1}, {"bytes": b""},
    ):
        same(uuid, "UUID", **keywords)
    same(uuid, "uuid3", value, name)
    same(uuid, "uuid5", value, name)


# --- texts and bytes --------------------------------------------------------------------------------------------------


@given(st.text("ab -\t\n.é", max_size=60), st.integers(0, 12), st.text("> ", max_size=2))
def test_textwrap_and_string_are_pythons(text: str, width: int, indent: str) -> None:
    same(textwrap, "dedent", text)
    same(textwrap, "indent", text, indent)
    same(textwrap, "wrap", text, width)
    same(textwrap, "wrap", text, width=width, initial_indent=indent, break_long_words=False, tabsize=3)
    same(textwrap, "fill", text, width, subsequent_indent=indent, max_lines=2, placeholder="..")
    same(textwrap, "shorten", text, width)
    same(string, "capwords", text)
    same(string, "capwords", text, "a")


@given(st.binary(max_size=30))
def test_base64_and_hashes_are_pythons(data: bytes) -> None:
    for name in dir(LIBRARY["base64"]):
        if "encode" in name:
            same(base64, name, data)
            encoded = getattr(base64, name)(data)
            same(base64, name.replace("encode", "decode"), encoded)
        same(base64, name, data)
    for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s"):
        ours, plain = getattr(LIBRARY["hashlib"], name)(data), getattr(hashlib, name)(data)
        for each in (ours, plain, copy := ours.copy()):
            each.update(b"more")
        assert ours.hexdigest() == plain.hexdigest() == copy.hexdigest()
        assert (ours.digest(), ours.name, ours.digest_size, ours.block_size) == (
            plain.digest(), plain.name, plain.digest_size, plain.block_size,
        )
    assert LIBRARY["hashlib"].new("sha1", data).digest() == hashlib.sha1(data).digest()
    assert LIBRARY["hashlib"].shake_128(data).hexdigest(4) == hashlib.shake_128(data).hexdigest(4)
    assert LIBRARY["hashlib"].blake2b(data, digest_size=8, key=b"k").digest() == (
        hashlib.blake2b(data, digest_size=8, key=b"k").digest()
    )


# --- what can't be done -----------------------------------------------------------------------------------------------

IMPORTS = "".join(f"import {name}\n" for name in VALUES) + (
    "from datetime import datetime as DT, date, timezone, timedelta\nfrom decimal import Decimal\n"
    "from fractions import Fraction\nfrom uuid import UUID\n"
)


@pytest.mark.parametrize("source", [
    "Fraction._numerator = 1", "x = Fraction(1, 2)\nx._numerator = 5", "x = Fraction(1, 2)\ndel x._numerator",
    "setattr(Fraction(1), '_numerator', 2)", "delattr(UUID(int=1), 'int')", "x = UUID(int=1)\nx.int = 2",
    "x = UUID(int=1)\ndel x.int", "[0 for Fraction(1)._numerator in [1]]", "UUID(int=1).is_safe.x = 1",
    "getattr(UUID(int=1), 'is_safe')", "Fraction.x = 1", "Decimal.x = 1", "DT.now = 1", "type(Fraction(1)).x = 1",
    "Fraction.limit_denominator.x = 1", "Fraction(1).limit_denominator.x = 1", "Fraction(1)._add(1, 2)",
    "Fraction(1)._from_coprime_ints('a', 1)", "Fraction(1)._operator_fallbacks(1, 2)", "Fraction(1)._abc_impl",
    "getattr(Fraction(1), '_richcmp')", "Fraction.register(int)", "Fraction('1/2', _normalize=False)",
    "Fraction(1, 2, _normalize=False)", "decimal.InvalidOperation.x = 1", "type(decimal.InvalidOperation()).x = 1",
    "statistics.StatisticsError.x = 1", "class X(decimal.InvalidOperation): pass", "class X(Decimal): pass",
    "class X(DT): pass", "class X(Fraction): pass", "class X(random.Random): pass", "class X(time.struct_time): pass",
    "try: base64.b64decode(b'a')\nexcept Exception as e: type(e).x = 1",
    "Decimal(1).as_tuple()._field_defaults", "statistics.linear_regression([1, 2], [1, 2])._field_defaults",
    "Decimal(1).as_tuple().sign = 2", "type(Decimal(1).as_tuple()).x = 1", "Decimal.original", "DT.__original__",
    "random.Random(1).__generator__", "random.Random(1).x = 1", "random.Random.random = 1", "random.Random()",
    "random.Random(None)", "random.Random([1])", "random.seed(1)", "random.Random(1).setstate((3, (1,), None))",
    "random.Random(1).setstate((3, tuple('a' * 625), None))", "random.Random(1).setstate((3, (1 << 40,) * 625, None))",
    "class C:\n def __lt__(self, o): return False\nUUID(int=C())", "UUID(fields=('a',) * 6)", "UUID(hex=1)",
    "UUID(int=1, version='a')", "uuid.uuid5('a', 'b')", "DT(b'1234567890')", "date(b'1234')",
    "datetime.time(b'123456')",
    "datetime.tzinfo()", "DT.now().now()", "DT.now().strftime('%c')", "f'{DT.now():%x}'", "time.strftime('%Q')",
    "DT.strptime('1', '%c')", "DT.strptime('1', '%d' * 200)", "DT.strptime('1', '%d%d')", "DT.strptime(1, '%d')",
    "time.sleep(1)", "from time import sleep", "import zoneinfo", "time.gmtime() * 10 ** 9", "10 ** 9 * time.gmtime()",
    "Decimal('1').as_tuple() * 10 ** 9", "x = DT.now().isocalendar()\nx *= 10 ** 9", "time.struct_time((1,))",
    "time.mktime((1,) * 8)", "hashlib.scrypt(b'')", "hashlib.new('md4')", "hashlib.sha256('text')",
    "hashlib.sha256().__inner__", "hashlib.sha256().x = 1", "type(hashlib.sha256())().update(b'')",
    "string.Formatter()", "string.Template('x')", "textwrap.TextWrapper()", "textwrap.wrap('a', fix=1)",
    "textwrap.wrap(['a'])", "textwrap.wrap('a', initial_indent=1)", "decimal.getcontext()", "decimal.localcontext()",
    "Decimal(1, None)", "Decimal(object())", "Decimal(Fraction(1))", "class C:\n numerator = 1\nFraction(C())",
    "class C: pass\nstatistics.mean([C()])", "class C:\n def __add__(s, o): return 1\nrandom.choices([1], [C()])",
    "random.gauss('a')", "import math\nmath.x = 1", "UUID.hex", "DT.min.x = 1", "timezone.utc.x = 1",
    "str.ljust('a', 10 ** 10)", "str.original",
])
def test_what_is_given_can_not_be_changed_and_leads_nowhere(source: str) -> None:
    host = Host()
    host.run(IMPORTS)
    with pytest.raises((Exception, SnippetRefused)) as caught:
        host.run(source)
    assert not isinstance(caught.value, SystemError | AssertionError)
    assert Fraction(1, 2) + Fraction(1, 2) == 1
    assert not hasattr(Fraction, "x")
    assert not hasattr(decimal.InvalidOperation, "x")


def test_what_a_value_is_of_is_what_was_imported() -> None:
    checks = {
        "DT.now()": "DT", "date.today()": "date", "Decimal(1)": "Decimal", "Fraction(1)": "Fraction",
        "uuid.uuid4()": "UUID",
        "timedelta(1)": "timedelta", "timezone.utc": "timezone", "time.gmtime()": "time.struct_time",
        "Decimal('1') + 1": "Decimal", "Fraction(1) * 2": "Fraction", "random.Random(1)": "random.Random",
        "DT.now().time()": "datetime.time", "Decimal(1).as_tuple()": "decimal.DecimalTuple",
    }
    host = Host()
    host.run(IMPORTS)
    for value, kind in checks.items():
        assert host.run(f"x = {value}\n[type(x) is {kind}, isinstance(x, {kind}), x.__class__ is {kind}]") == [True] * 3
        assert host.run(f"match {value}:\n case {kind}(): y = 1\n case _: y = 2\ny") == 1
    source = "[issubclass(DT, date), issubclass(date, DT), isinstance(DT.now(), date), isinstance(1, Decimal)]"
    assert host.run(source) == [True, False, True, False]
    assert host.run("[str(DT), str(Decimal), str(Fraction), str(UUID)]") == [
        str(kind) for kind in (datetime.datetime, Decimal, Fraction, uuid.UUID)
    ]


@given(st.datetimes(timezones=st.sampled_from([
    None, datetime.UTC, *(datetime.timezone(datetime.timedelta(minutes=minutes)) for minutes in (-90, 60, 61)),
])), st.integers(-1000, 1000))
def test_equal_values_have_equal_hashes(moment: datetime.datetime, number: int) -> None:
    others: list[Any] = [moment, moment.replace(fold=1), moment.timetz(), moment.time()]
    try:
        if moment.tzinfo is not None:
            others += [moment.astimezone(datetime.UTC),
            moment.astimezone(datetime.timezone(datetime.timedelta(hours=5)))]
    except OverflowError:
        pass
    others += [number, Decimal(number), Fraction(number), float(number), uuid.UUID(int=abs(number))]
    for left in others:
        for right in others:
            if left == right:
                assert hash_builtin(left) == hash_builtin(right)


# --- what is kept -----------------------------------------------------------------------------------------------------

KEPT = [
    "Decimal('1.10')", "Decimal('-0')", "Decimal('1e-9999')", "Decimal('Infinity')", "Fraction(1, 3)",
    "Fraction(-2 ** 100, 3)",
    "UUID(int=5)", "DT(2024, 2, 29, 1, 2, 3, 4)", "DT.min", "DT.max", "DT(2024, 1, 1, fold=1)", "date(1, 1, 1)",
    "datetime.time(1, 2, 3, fold=1)", "datetime.time(1, tzinfo=timezone(timedelta(hours=1), 'CET'))",
    "timedelta(-1, 5, 7)",
    "timezone.utc", "timezone(timedelta(hours=1))", "timezone(timedelta(hours=1), 'CET')",
    "timezone(timedelta(0), 'x')",
    "timezone(timedelta(seconds=1, microseconds=3))", "DT(2024, 1, 1, tzinfo=timezone(timedelta(hours=1), 'CET'))",
    "DT(2024, 1, 1, tzinfo=timezone(timedelta(microseconds=1)))", "DT.now(timezone.utc)", "random.Random(3).getstate()",
    "tuple(time.gmtime(5))",
]
FOUND = ["Decimal", "Fraction", "UUID", "DT", "date", "timezone", "datetime", "random.choice", "time.time",
"uuid.uuid4",
         "statistics.mean", "hashlib.sha256", "textwrap.wrap", "random.Random", "decimal.InvalidOperation", "base64"]


def test_values_classes_and_functions_survive_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.eval(IMPORTS + "shown = {}\nvalues = {}\nnames = {}")
    for source in KEPT:
        bench.eval(f"values[k] = {source}\nshown[k] = repr(values[k])\nd = {{values[k]: 1}}", k=source)
    for source in FOUND:
        bench.eval(f"names[k] = {source}", k=source)
    for restart in (bench.crash, bench.reopen, bench.crash_in_commit):
        restart()
        for source in KEPT:
            assert bench.query("[repr(values[k]) == shown[k], values[k] is values[k]]", k=source) == [True, True]
        for source in FOUND:
            assert bench.query(f"names[k] is {source}", k=source) is True, source
        assert bench.eval("values['DT.min'].replace(year=2000).isoformat()") == "2000-01-01T00:00:00"
        assert bench.eval("[type(values[k]) is names['Fraction'] for k in ['Fraction(1, 3)']]") == [True]
        assert bench.eval("values[k].tzinfo.tzname(None)", k=KEPT[20]) == "CET"
    bench.engine.close()


@pytest.mark.parametrize("source", [
    "random.Random(1)", "hashlib.sha256()", "time.gmtime()", "Decimal(1).as_tuple()", "DT.now().isocalendar()",
    "random.Random(1).random", "Decimal('nan')", "Fraction(1).limit_denominator",
])
def test_what_can_not_be_kept_says_so(source: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.eval(IMPORTS)
    with pytest.raises(Failed, match="NotStorable: x"):
        bench.eval(f"x = {source}")
    bench.engine.close()


def test_the_clock_is_that_of_the_snippet(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    source = (
        "import time\nfrom datetime import datetime, date, timezone\n"
        "[time.time(), time.time_ns(), time.monotonic(), time.perf_counter_ns(), str(datetime.now()), "
        "str(datetime.utcnow()), "
        "str(date.today()), datetime.now().timestamp(), str(datetime.fromtimestamp(0)), "
        "datetime.now(timezone.utc) == now(), "
        "time.localtime() == time.gmtime(), time.tzname, time.mktime(time.localtime(99))]"
    )
    bench.time_ns = 1_700_000_000_123_456_000 - 1_000_000
    assert bench.query(source) == [
        1700000000.123456, 1700000000123456000, 1700000000.123456, 1700000000123456000, "2023-11-14 22:13:20.123456",
        "2023-11-14 22:13:20.123456", "2023-11-14", 1700000000.123456, "1970-01-01 00:00:00", True, True, ("UTC",
        "UTC"), 99.0,
    ]
    bench.engine.close()
