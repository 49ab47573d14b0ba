"""What the compiler can't judge is judged when it runs: sizes, texts, attributes by name, sets, hashes."""

from __future__ import annotations

import dis
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SnippetRefused, compile_definition, policy
from sandbox.guards import make_times, modulo, power, round_builtin, shift
from tests.sandbox.host import Host

times = make_times(frozenset({bytes, list, str, tuple}))
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.booleans(), st.complex_numbers(max_magnitude=1e9)
)
SEQUENCES = st.one_of(
    st.text(max_size=4), st.binary(max_size=4), st.lists(st.integers(), max_size=3), st.tuples(st.integers())
)
SMALL = st.integers(-5, 30)
PAIRS = st.one_of(
    st.tuples(NUMBERS, NUMBERS), st.tuples(SEQUENCES, SMALL), st.tuples(SMALL, SEQUENCES), st.tuples(SEQUENCES, NUMBERS)
)


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return "value", repr(function(*arguments))
    except Exception as error:
        return type(error).__name__, str(error)


@given(PAIRS)
def test_times_is_pythons(operands: tuple[Any, Any]) -> None:
    left, right = operands
    if isinstance(right, int) and not isinstance(left, int | float | complex) and len(left) * right > 10**7:
        assert outcome(times, left, right)[0] == "OverflowError"
    elif isinstance(left, list | str | bytes | tuple) and not isinstance(right, int):
        assert outcome(times, left, right)[0] == "TypeError"
    else:
        assert outcome(times, left, right) == outcome(lambda a, b: a * b, left, right)


@given(st.one_of(NUMBERS, SMALL), SMALL)
def test_power_shift_and_modulo_are_pythons(left: Any, right: int) -> None:
    assert outcome(power, left, right) == outcome(lambda a, b: a**b, left, right)
    assert outcome(shift, left, right) == outcome(lambda a, b: a << b, left, right)
    assert outcome(modulo, left, right) == outcome(lambda a, b: a % b, left, right)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), st.none() | st.integers(-20, 20))
def test_round_is_pythons(number: Any, digits: int | None) -> None:
    assert outcome(round_builtin, number, digits) == outcome(round, number, digits)


@pytest.mark.parametrize("source", [
    "'a' * 10 ** 8", "10 ** 8 * [0]", "x = (1,)\nx *= 10 ** 8", "b'a' * 10 ** 8", "[[0] * 10 ** 5] * 10 ** 8",
    "10 ** 10 ** 10", "2 ** 200_000", "pow(10, 10 ** 10)", "x = 10\nx **= 10 ** 10", "1 << 10 ** 10",
    "x = 1\nx <<= 10 ** 10", "x = 3\nfor i in range(40): x *= x", "x = 3\nfor i in range(40): x = x * x",
    "pow(3, 1 << 100_000, 1 << 100_001)", "round(5, -10 ** 9)", "range(10 ** 8)", "range(-10 ** 18, 10 ** 18)",
    "bytes(10 ** 8)", "'a'.ljust(10 ** 8)",
    "'\\t'.expandtabs(10 ** 8)", "('\\t' * 1000).expandtabs(10 ** 5)", "'\\t'.expandtabs(tabsize=10 ** 8)",
    "b'a'.zfill(10 ** 8)", "(5).to_bytes(10 ** 8, 'big')", "import math\nmath.factorial(10 ** 6)",
    "import math\nmath.comb(10 ** 6, 10 ** 5)",
    "import math\nmath.perm(10 ** 6)", "import math\nmath.prod([3 ** 10_000] * 100)",
    "import math\nmath.lcm(*[3 ** 40_000 + i for i in range(50)])",
])
def test_one_step_makes_nothing_huge(source: str) -> None:
    with pytest.raises(OverflowError):
        Host().run(source)


@pytest.mark.parametrize("source", [
    "'%1000000d' % 1", "'%.1000000f' % 1.0", "'%(a)1000000d' % {'a': 1}", "'%*d' % (10, 1)", "b'%1000000d' % 1",
    "f'{1:1000000}'", "f'{1.0:.1000000f}'", "f'{1:{10 ** 6}}'", "format(1, '1000000')", "x = '%1000000d'\nx %= 1",
    "f'{1!r:>1000000}'",
    "f'{1:" + "9" * 30 + "}'",
])
def test_formats_have_a_width(source: str) -> None:
    with pytest.raises(ValueError, match="format"):
        Host().run(source)


@pytest.mark.parametrize("source", [
    "class I:\n def __index__(self): return 10 ** 8\n'a' * I()",
    "class I:\n def __index__(self): return 10 ** 8\nI() * [1]",
    "class I:\n def __index__(self): return 10 ** 8\nbytes(I())",
    "class I:\n def __index__(self): return 10 ** 8\n'a'.ljust(I())",
    "class I:\n def __index__(self): return 10 ** 8\n def __rmul__(self, o): return NotImplemented\n'a' * I()",
    "sum([[1], 2], [])", "sum([(1,), [2]], ())",
    "sum(['a'], '')", "iter(print, 1)", "print(file=1)", "print(end=1)", "format(1, 2)",
])
def test_sizes_come_from_plain_numbers(source: str) -> None:
    with pytest.raises(TypeError):
        Host().run(source)


@pytest.mark.parametrize("source", [
    "str(VALUE)", "repr(VALUE)", "ascii(VALUE)", "f'{VALUE}'", "f'{VALUE!r}'", "f'{VALUE!s:>5}'", "'%s' % VALUE",
    "'%r' % (VALUE,)",
    "list(map(str, [VALUE]))[0]", "str([VALUE])", "f'{[VALUE]}'", "print(VALUE)", "format(VALUE)", "repr((VALUE,))",
    "try: [].index(VALUE)\nexcept ValueError as e: _r = str(e), repr(e), e.args\n_r", "str(ValueError(VALUE))",
])
@pytest.mark.parametrize("value", [
    "(lambda: 0)", "(x for x in [])", "[].append", "print", "iter([])", "map(str, [])", "super(KeyError, KeyError())",
    "property(lambda s: 0)",
    "(lambda: (yield_ for yield_ in []))()", "reversed([1])", "zip([])", "(1).to_bytes",
])
def test_no_text_shows_an_address(source: str, value: str) -> None:
    host = Host()
    result = host.run(source.replace("VALUE", value))
    assert "0x" not in repr(result) + host.output


def test_text_that_looks_like_an_address_stays() -> None:
    text = "page fault at 0x7f00"
    host = Host()
    assert host.run("[str(t), f'{t}', '%s' % t]", t=text) == [text] * 3
    assert host.run("[f'{[t]}', repr(t)]", t=text) == [f"[{text!r}]", repr(text)]


def test_sets_of_dict_views_keep_their_order() -> None:
    host = Host()
    cases = "a.keys() & b, a.keys() | b, a.keys() - b, a.keys() ^ b, a.items() & b.items(), [7] - a.keys()"
    source = f"a = {{3: 1, 1: 2, 2: 3}}\nb = {{2: 0, 3: 0, 9: 9}}\n[list(x) for x in ({cases})]"
    assert host.run(source) == [[3, 2], [3, 1, 2, 9], [1], [1, 9], [], [7]]
    with pytest.raises(TypeError, match="iterator"):
        host.run("iter([7]) - {}.keys()")
    assert host.run("k = {1: 2}.keys()\nk -= {}\nk |= [5]\nk ^= [1]\nk &= [5]\nlist(k)") == [5]


def test_hash_is_the_same_in_every_process() -> None:
    """Python's own differs with the seed of the process for texts, with addresses for None (3.11), nan and objects."""
    source = (
        "class C:\n def __init__(self, *x): self.x = x\n def __hash__(self): return hash(self.x)\n"
        " def __eq__(self, o): return self.x == o.x\n"
        "[hash(x) for x in ('a', b'a', 1, 1.5, None, True, ('a', None, 2), float('nan'), 1j, C('a', C(None)))]"
    )
    program = f"from tests.sandbox.host import Host; print(Host().run({source!r}))"
    outputs = set()
    for seed in ("0", "1", "random"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert Host().run("hash(1) == hash(1.0) == hash(True) and hash((1, 2)) == hash((1.0, 2.0))")


def test_private_types_of_python_show_stand_ins() -> None:
    host = Host()
    assert host.run("[type(x).__name__ for x in (1, 'a', b'', len, lambda: 0, print, now(), {})]") == [
        "int", "str", "bytes", "builtin_function_or_method", "function", "method", "datetime", "dict",
    ]
    for true in (
        "type('a') is str", "type('a')(5) == '5'", "'a'.__class__ is str", "isinstance(lambda: 0, type(lambda: 0))",
        "isinstance('a', str)", "issubclass(str, str)", "isinstance(1, (str, int))", "isinstance(b'', bytes)",
        "not isinstance(1, str)", "type(type) is type", "type(int) is type",
    ):
        assert host.run(true) is True, true
    with pytest.raises(TypeError):
        host.run("type(lambda: 0)(1, {})")
    with pytest.raises(TypeError):
        host.run("type([].append)(print, 1)")


def test_dates_read_no_clock_and_no_zone_of_the_machine() -> None:
    host = Host()
    assert host.run("[now().isoformat(), f'{now():%Y-%m-%d}', now().strftime('%H:%M'), now().timestamp()]") == [
        "2026-01-02T03:04:05+00:00", "2026-01-02", "03:04", 1767323045.0,
    ]
    # The zone of the machine is UTC, its clock that of the snippet.
    assert host.run(
        "_n = now()\n"
        "[_n.replace(tzinfo=None).timestamp(), str(type(_n.date()).today()), tuple(_n.date().timetuple())[:3], "
        "str(type(_n.date()).fromtimestamp(0)), str(_n.astimezone()), str(type(_n).now()), str(type(_n).utcnow())]"
    ) == [
        1767323045.0, "2026-01-02", (2026, 1, 2), "1970-01-01", "2026-01-02 03:04:05+00:00", "2026-01-02 03:04:05",
        "2026-01-02 03:04:05",
    ]
    for source in ("now().time().strftime('%s')", "type(now()).strftime(now(), '%c')", "now().now()", "now().today()"):
        with pytest.raises((AttributeError, ValueError)):
            host.run(source)
    # On one's own objects these are names like any other.
    host.run("class C:\n now = 1\n def today(self): return 2")
    assert host.run("c = C()\nc.timestamp = 3\n[c.now, c.today(), c.timestamp]") == [1, 2, 3]


def test_bounds_of_the_policy_are_reached_and_no_more() -> None:
    host = Host()
    bits = policy.INT_BITS_MAX
    assert host.run(f"(1 << {bits - 1}).bit_length()") == bits
    assert host.run(f"len(range({policy.SEQUENCE_COUNT_MAX}))") == policy.SEQUENCE_COUNT_MAX
    assert len(host.run(f"f'{{1:{policy.FORMAT_WIDTH_MAX}}}'")) == policy.FORMAT_WIDTH_MAX


LIAR = """
class Liar:
    def __len__(self):
        if self: return {count}
    def __iter__(self): return self
    def __next__(self): raise StopIteration
    def __bool__(self): return True
    def __getitem__(self, index): raise IndexError
x = Liar()
class Around:
    def __iter__(self): return x
class Index:
    def __index__(self): return {count}
class Indexed(Liar):
    def __len__(self): return Index()
"""

# What takes room for as many items as `__len__` says there are.
TAKES_ROOM = [
    "list(x)", "[*x]", "(*x,)", "tuple(x)", "print(*x)", "*b, = Around()", "''.join(Around())",
    "b''.join(Around())", "[].extend(x)", "y = []\ny += x", "y = [1]\ny[:] = Around()", "bytes(x)", "[*Indexed()]",
    "[*reversed(x)]",
]


@pytest.mark.parametrize("source", ["len(x)", "len(Indexed())", "x.__len__() * 0", "Liar.__len__(x)", *TAKES_ROOM])
def test_length_above_the_bound_is_an_error_that_can_be_caught(source: str) -> None:
    host = Host()
    host.run(LIAR.format(count=10**12))
    with pytest.raises(OverflowError, match=f"__len__ gives {10**12}, more than {policy.LENGTH_MAX}"):
        host.run(source)
    caught = "".join(f"    {line}\n" for line in source.splitlines())
    assert host.run(f"try:\n{caught}except OverflowError: out = 1\nout") == 1


@pytest.mark.parametrize("source", ["sorted(x)", "set(x)", *TAKES_ROOM])
def test_length_below_the_bound_is_believed(source: str) -> None:
    host = Host()
    host.run(LIAR.format(count=1000))
    host.run(source)
    host.run(LIAR.format(count=policy.LENGTH_MAX))
    assert host.run("len(x), len(Indexed()), x.__len__()") == (policy.LENGTH_MAX,) * 3


def test_length_is_what_the_method_itself_returns() -> None:
    """Functions inside it return what they like; a second name would pass by the look."""
    host = Host()
    host.run("class C:\n def __len__(self):\n  def f(): return 'a' * 3\n  return len(f())")
    assert host.run("len(C())") == 3
    host.run("class D:\n def __len__(self):\n  try: return 1 / 0\n  except ZeroDivisionError: return True")
    assert host.run("len(D())") == 1
    for value, error in (("'a'", TypeError), ("None", TypeError), ("-1", ValueError), ("1.0", TypeError)):
        host.run(f"class E:\n def __len__(self): return {value}")
        with pytest.raises(error):
            host.run("len(E())")
    for source in ("class F:\n def __index__(self): return 10**12\n __len__ = __index__", "class F: __len__ = len"):
        with pytest.raises(SnippetRefused, match="'__len__' can't be assigned; define it with 'def'"):
            host.run(source)


def test_objects_take_attributes_wherever_an_attribute_is_a_target() -> None:
    host = Host()
    host.run(
        "class C:\n"
        " n = 0\n"
        " def __init__(self, x=0): self.x, self.y = x, [x]\n"
        " def add(self):\n"
        "  'counts'\n"
        "  self.x += 1\n"
        "  self.x *= 3\n"
        "  del self.y\n"
        "  return self\n"
        " @classmethod\n"
        " def count(cls): cls.n += 1\n"
        " def later(self):\n"
        "  def change(): self.x = 9\n"
        "  change()\n"
        " @property\n"
        " def p(self): return self.x\n"
        " @p.setter\n"
        " def p(self, new): self.x = new\n"
        " def swap(self, other): self.x, other.x = other.x, self.x\n"
        " def take(self, *, x):\n"
        "  for self.x in x: pass\n"
        "  [0 for self.y in x]\n"
    )
    assert host.run("c = C(1).add()\n(c.x, hasattr(c, 'y'), C.add.__doc__)") == (6, False, "counts")
    assert host.run("C.count()\nc.count()\n(C.n, c.n)") == (2, 2)
    assert host.run("c.later()\n_x = c.x\nc.p = 4\n(_x, c.p)") == (9, 4)
    assert host.run("_d = C(7)\nc.swap(_d)\n(c.x, _d.x)") == (7, 4)
    assert host.run("c.take(x=[1, 2])\n(c.x, c.y)") == (2, 2)
    assert host.run("setattr(c, 'x', 3)\nc.x **= 2\ndelattr(c, 'y')\nC.add(c) if 0 else c.x") == 9


def test_receiver_that_was_looked_at_on_entry_is_changed_by_plain_bytecode() -> None:
    source = "class C:\n def __init__(self, a, b):\n  self.a = a\n  self.b = b\n  self.c = a + b"
    definition = compile_definition(source, "C", "<C>")
    (code,) = definition.codes.values()
    assert code.co_names.count(".attribute_target") == 1
    assert [part.argval for part in dis.get_instructions(code) if part.opname == "STORE_ATTR"] == ["a", "b", "c"]
    assert sum(part.argval == ".attribute_target" for part in dis.get_instructions(code)) == 1


def test_mapping_is_a_name_like_any_other_but_on_views() -> None:
    host = Host()
    host.run("class C: mapping = 1\nc = C()")
    assert host.run("_a = c.mapping\nc.mapping = {2: 3}\n(_a, c.mapping, C.mapping, getattr(c, 'mapping'))") == (
        1, {2: 3}, 1, {2: 3},
    )
    assert host.run("[hasattr(x, 'mapping') for x in (c, 1, {})]") == [True, False, False]
    with pytest.raises(AttributeError, match="keep the dict itself"):
        host.run("{}.keys().mapping")
