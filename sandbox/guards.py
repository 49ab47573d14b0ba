"""Guards: operations whose cost or meaning the compiler can't judge, judged when they run.

Operators that can make something huge in one step are bounded by the size of what they would make; attributes that are
dangerous on some host types alone are looked at together with the object; comparison methods call functions that take
exact types only. All of them do what Python does, or raise an ordinary exception that says why not.
"""

from __future__ import annotations

import operator
import sys
from abc import ABCMeta
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final
from uuid import UUID

from sandbox.codecs import decode, encode
from sandbox.dates import (
    DATES,
    astimezone,
    format_date,
    plain_ctime,
    plain_tuple,
    plain_utc_tuple,
    timestamp,
)
from sandbox.errors import OutOfFuel
from sandbox.exact import EXACT, check_operands, check_power_of, decimal_tuple, limit_denominator
from sandbox.formatting import format_text
from sandbox.fuel import charge
from sandbox.kinds import ValueKind
from sandbox.policy import ATTRIBUTES_GUARDED, INT_BITS_MAX, LENGTH_MAX, SEQUENCE_COUNT_MAX, attribute_refusal
from sandbox.seal import sealed
from sandbox.text import check_percent_format, scrub
from sandbox.work import (
    CONTAINERS,
    FREE_COUNT,
    ITEMS_PER_TICK,
    PRODUCT_BITS_FREE,
    SIZE_PER_TICK,
    charge_product,
    given,
)

_CLASS_NAMES: Final = frozenset({"fromtimestamp", "now", "strptime", "today", "utcfromtimestamp", "utcnow"})
_DATE_METHODS: Final[dict[str, Callable[..., Any]]] = {
    "astimezone": astimezone, "ctime": plain_ctime, "strftime": format_date, "timestamp": timestamp,
    "timetuple": plain_tuple, "utctimetuple": plain_utc_tuple,
}
_EXACT_METHODS: Final[dict[tuple[type, str], Callable[..., Any]]] = {
    (Decimal, "as_tuple"): decimal_tuple, (Fraction, "limit_denominator"): limit_denominator,
}
_CODECS: Final[dict[str, Callable[..., Any]]] = {"decode": decode, "encode": encode}
_PADDING_NAMES: Final = frozenset({"center", "expandtabs", "ljust", "rjust", "to_bytes", "zfill"})
_VIEWS: Final[tuple[type, ...]] = (type({}.items()), type({}.keys()), type({}.values()))
# The types on which a name of ATTRIBUTES_GUARDED means what it must not.
_LOOKED_AT: Final = (*_VIEWS, *DATES, Decimal, Fraction, UUID, bytes, int, str)
# Above this, `pow(a, b, m)` would run for seconds: bits of the exponent times bits of the modulus.
_POWER_BITS_MAX: Final = 1 << 24
# Numbers up to this many bits take no longer than a tick or two.
_BITS_FREE: Final = 1 << 10
_BITS_PER_TICK: Final = 1 << 14

# What outlives a snippet and has attributes, or seems to, that the host does not keep: functions; classes that are no
# snippet's; values that can't change, written in Python.
UNCHANGING: Final = frozenset({ABCMeta, BuiltinFunctionType, Fraction, FunctionType, MethodType, UUID, type})

# --- operators --------------------------------------------------------------------------------------------------------


def _check_bits(count: int, what: str) -> None:
    if count > INT_BITS_MAX:
        raise OverflowError(f"{what} would have {count} bits, more than {INT_BITS_MAX}")


def check_count(count: int, what: str) -> None:
    """Raise OverflowError when `count` items are too many for one step."""
    if count > SEQUENCE_COUNT_MAX:
        raise OverflowError(f"{what} would have {count} items, more than {SEQUENCE_COUNT_MAX}")


Operator = Callable[[Any, Any], Any]


def make_times(sequences: frozenset[type], multiply: Operator = operator.mul) -> Operator:
    """Return the function behind `*`, or with `operator.imul` that behind `*=`.

    Args:
        sequences: exact types that `*` with a number repeats.
    """
    def times(left: Any, right: Any) -> Any:
        # The common kinds first. Small numbers do not come here: they are multiplied in place (operators).
        kind, other = type(left), type(right)
        if kind is int and other is int:
            bits = left.bit_length() + right.bit_length()
            if bits > _BITS_FREE:
                _check_bits(bits, "the product")
                charge_product(left.bit_length(), right.bit_length())
            return left * right
        elif kind is float or (other is float and multiply is operator.mul):
            return left * right
        elif kind in sequences or other in sequences:
            if kind in sequences and other in sequences:
                raise TypeError(f"can't multiply sequence by non-int of type {other.__name__!r}")
            items, factor = (left, right) if kind in sequences else (right, left)
            if type(factor) is int or type(factor) is bool:
                count = len(items) * factor
                if count >= FREE_COUNT:
                    check_count(count, "the repeated sequence")
                    charge(count // (SIZE_PER_TICK if type(items) in (bytes, str) else ITEMS_PER_TICK))
            else:
                if items is left:
                    names = ["__rmul__"]
                else:
                    names = ["__imul__", "__mul__"] if multiply is operator.imul else ["__mul__"]
                return _times_object(items, factor, names)
        elif kind in EXACT or other in EXACT:
            check_operands(left, right)
        elif isinstance(left, tuple) or isinstance(right, tuple):
            raise TypeError(f"can't multiply a {kind.__name__} and a {other.__name__}; make a tuple of it first")
        return multiply(left, right)

    return times


def _times_object(items: Any, factor: Any, names: list[str]) -> Any:
    """Multiply a sequence with an object: by a method of the object, not by its `__index__`, which is unbounded."""
    for name in names:
        method = getattr(type(factor), name, None)
        result = NotImplemented if method is None else method(factor, items)
        if result is not NotImplemented:
            return result
    raise TypeError(f"can't multiply sequence by non-int of type {type(factor).__name__!r}")


def check_power(base: Any, exponent: Any) -> None:
    """Raise OverflowError when the power of two whole or exact numbers would be too large."""
    if type(base) is int and type(exponent) is int and exponent > 0 and not -2 < base < 2:
        # The bound of the exponent keeps the product below small.
        bits = base.bit_length() * exponent
        if bits > _BITS_FREE:
            _check_bits(bits, "the power")
            charge_product(bits // 2, bits // 2)
    elif type(base) in EXACT or type(exponent) in EXACT:
        check_power_of(base, exponent)


def check_shift(value: Any, count: Any) -> None:
    """Raise OverflowError when shifting left would make a number too large."""
    if type(value) in (int, bool) and type(count) in (int, bool) and count > 0 and value:
        bits = value.bit_length() + count
        if bits > _BITS_FREE:
            _check_bits(bits, "the shifted number")
            charge(bits // _BITS_PER_TICK)


def power(base: Any, exponent: Any) -> Any:
    check_power(base, exponent)
    return base**exponent


def pow_builtin(base: Any, exp: Any, mod: Any = None) -> Any:
    if mod is None:
        return power(base, exp)
    if type(exp) is int and type(mod) is int:
        bits = exp.bit_length() * mod.bit_length()
        if bits > _POWER_BITS_MAX:
            raise OverflowError("the exponent and the modulus are too large; make one of them smaller")
        if bits > _BITS_FREE:
            charge(bits * mod.bit_length() // PRODUCT_BITS_FREE)
    return pow(base, exp, mod)


def shift(value: Any, count: Any) -> Any:
    check_shift(value, count)
    return value << count


def check_quotient(left: Any, right: Any) -> None:
    """Raise OverflowError when a quotient of fractions would be too large: it is as large as a product."""
    if type(left) is Fraction or type(right) is Fraction:
        check_operands(left, right)


def divide(left: Any, right: Any) -> Any:
    check_quotient(left, right)
    return left / right


def modulo(left: Any, right: Any) -> Any:
    """`left % right`; a text on the left is a format."""
    kind = type(left)
    if kind is str:
        check_percent_format(left if len(left) < FREE_COUNT else given(left))
        text = left % right
        return text if len(text) < FREE_COUNT and " at 0x" not in text else scrub(given(text))
    if kind is bytes:
        check_percent_format(given(left).decode("latin-1"))
        return scrub(given(left % right).decode("latin-1")).encode("latin-1")
    if kind is Fraction or type(right) is Fraction:
        check_operands(left, right)
    return left % right


def in_place(check: Callable[[Any, Any], object], change: Operator) -> Operator:
    """Return the augmented form of an operator: checked first, then done by `change`, of module `operator`."""
    def changed(left: Any, right: Any) -> Any:
        check(left, right)
        return change(left, right)

    return changed


def in_place_modulo(left: Any, right: Any) -> Any:
    if type(left) in (Fraction, bytes, str) or type(right) is Fraction:
        return modulo(left, right)
    left %= right
    return left


def make_set_operators(set_type: type) -> dict[str, Callable[..., Any]]:
    """Return the operators that Python's sets have, by the names of their hooks, with sets in order.

    Of views of a dict (`d.keys() & e.keys()`) Python makes a set of its own, whose order depends on addresses.
    """
    def ordered(result: Any, left: Any, right: Any) -> Any:
        for operand in (left, right):
            if type(operand) in CONTAINERS:
                given(operand)
        kept = set_type([item for operand in (left, right) for item in operand if item in result])
        if len(kept) != len(result):
            raise TypeError("one side of a set operation was an iterator; make a list of it first")
        return kept

    def minus(left: Any, right: Any) -> Any:
        # Written out, and not as the others, because numbers are subtracted in loops.
        result = left - right
        return result if type(result) is not set else ordered(result, left, right)

    def in_place_minus(left: Any, right: Any) -> Any:
        result = left
        result -= right
        return result if type(result) is not set else ordered(result, left, right)

    def guarded(change: Operator) -> Operator:
        def changed(left: Any, right: Any) -> Any:
            result = change(left, right)
            return result if type(result) is not set else ordered(result, left, right)

        return changed

    return {
        ".and": guarded(operator.and_),
        ".in_order": ordered,
        ".in_place_and": guarded(operator.iand),
        ".in_place_minus": in_place_minus,
        ".in_place_or": guarded(operator.ior),
        ".in_place_xor": guarded(operator.ixor),
        ".minus": minus,
        ".or": guarded(operator.or_),
        ".xor": guarded(operator.xor),
    }


def round_builtin(number: Any, ndigits: Any = None) -> Any:
    """`round`; digits left of the point are bounded, because Python computes that power of ten."""
    if type(ndigits) is int:
        if ndigits < 0 and type(number) is int:
            check_power(10, -ndigits)
        elif type(number) is Fraction:
            check_power_of(Fraction(10), ndigits)
    return round(number) if ndigits is None else round(number, ndigits)


def range_builtin(*arguments: Any) -> range:
    result = range(*arguments)
    try:
        count = len(result)
    except OverflowError:
        count = sys.maxsize
    check_count(count, "the range")
    return result


def length(value: Any) -> int:
    """Return what a `__len__` of a snippet gives, if C code may take room for so many items."""
    count = operator.index(value)
    if count > LENGTH_MAX:
        raise OverflowError(f"__len__ gives {count}, more than {LENGTH_MAX}; give such a count by another method")
    return count


# --- slices with a step -----------------------------------------------------------------------------------------------


class Stepped:
    """A list whose slice with a step is assigned to: by what is a list already.

    CPython asks another iterable for its items after it has looked at the length of the list, and writes past its end
    when these make the list shorter (cpython gh-120384).
    """

    __slots__ = ("_items",)

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[key] = list(value) if type(key) is slice else value


def stepped(value: Any) -> Any:
    return Stepped(value) if type(value) is list else value


def unstepped(key: Any) -> Any:
    """Return `key`.

    Raises:
        TypeError: a slice with a step, of which the compiler does not know that it is one.
    """
    if type(key) is slice and not (key.step is None or (type(key.step) is int and key.step == 1)):
        raise TypeError("what is assigned to a slice with a step must name it: x[i:j:k] = ..., and no slice object")
    return key


# --- attributes by name -----------------------------------------------------------------------------------------------


def guard(value: Any, name: str) -> Any:
    """Return the attribute `name`, one of ATTRIBUTES_GUARDED, of `value`.

    Raises:
        AttributeError: it would lead to the inside of a view or of a Fraction, or it is for the class to answer.
    """
    kind = value if isinstance(value, type) else type(value)
    if isinstance(kind, ValueKind) or not issubclass(kind, _LOOKED_AT) or not hasattr(kind, name):
        return getattr(value, name)
    if name == "mapping":
        # Of a container of the host's this dict is the inside: a change to it would be neither kept nor undone.
        raise AttributeError("a view does not give its dict; keep the dict itself")
    if name in _CODECS:
        # `str.encode` is a function of the stand-in itself.
        return getattr(value, name) if kind is value else MethodType(_CODECS[name], value)
    if kind is value:
        raise AttributeError(f"{kind.__name__}.{name} is available on a value only: value.{name}(...)")
    if name == "format":
        return MethodType(_format, value)
    if name == "format_map":
        return MethodType(_format_map, value)
    if name in _PADDING_NAMES:
        return MethodType(_padded, (value, name))
    method = _DATE_METHODS.get(name) if isinstance(value, DATES) else _EXACT_METHODS.get((kind, name))
    if method is not None:
        return MethodType(method, value)
    if name in _CLASS_NAMES:
        raise AttributeError(f"{name!r} is available on the class only: {kind.__name__}.{name}(...)")
    raise AttributeError(f"{name!r} belongs to the inside of a {kind.__name__}")


def codec_of(kind: type, name: str) -> Any:
    """Return what `str.encode` or `bytes.decode` is: a function of a value of `kind`."""
    function = _CODECS[name]

    def of(value: Any, /, *arguments: Any, **keywords: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{kind.__name__}.{name}() takes a {kind.__name__}, not a {type(value).__name__}")
        return function(value, *arguments, **keywords)

    return staticmethod(sealed(of, name))


def _format(template: str, /, *arguments: Any, **keywords: Any) -> str:
    return format_text(template, arguments, keywords, getattr_builtin)


def _format_map(template: str, mapping: Any, /) -> str:
    return format_text(template, None, mapping, getattr_builtin)


def _padded(bound: tuple[Any, str], *arguments: Any, **keywords: Any) -> Any:
    value, name = bound
    for width in (*arguments, *keywords.values()):
        if type(width) is int:
            # A tab becomes that many characters, other padding makes the whole that long.
            tabs = value.count("\t" if isinstance(value, str) else b"\t") if name == "expandtabs" else 1
            check_count(width * tabs, "the padded value")
            if width * tabs >= SIZE_PER_TICK:
                charge(width * tabs // SIZE_PER_TICK)
        elif type(width) not in (bool, bytes, str):
            raise TypeError(f"{name}() takes a width that is an int")
    if type(value) is not int and len(value) >= FREE_COUNT:
        given(value)
    return getattr(value, name)(*arguments, **keywords)


def checked_name(name: Any, *, reading: bool = False) -> str:
    """Return `name` if it may be an attribute's.

    Raises:
        AttributeError: the policy refuses it.
        TypeError: no exact str, so that nobody can answer this check and then be another text.
    """
    if type(name) is not str:
        raise TypeError("the name of an attribute is a str")
    reason = attribute_refusal(name)
    if reason is not None and not (reading and name in ("__doc__", "__name__")):
        raise AttributeError(f"attribute {name!r} is not available: {reason}")
    return name


def getattr_builtin(value: Any, name: str, *default: Any) -> Any:
    if len(default) > 1:
        raise TypeError(f"getattr expected at most 3 arguments, got {len(default) + 2}")
    checked_name(name, reading=True)
    if name not in ATTRIBUTES_GUARDED:
        return getattr(value, name, *default)
    try:
        return guard(value, name)
    except AttributeError:
        if default:
            return default[0]
        raise


def hasattr_builtin(value: Any, name: str) -> bool:
    return hasattr(value, checked_name(name, reading=True))


def attribute_target(value: Any) -> Any:
    """Return `value` if its attributes may be changed.

    Raises:
        AttributeError: it is a function, a class of the language or a value; what is kept there would be neither
            stored nor undone.
    """
    kind = type(value)
    if kind in UNCHANGING:
        if isinstance(value, type):
            raise AttributeError(f"cannot set attributes of {value.__name__!r}: it belongs to the language")
        if kind in (Fraction, UUID):
            raise AttributeError(f"a {kind.__name__} can't be changed; make another")
        raise AttributeError("a function can't have attributes; keep it in a root or a class attribute")
    return value


def setattr_builtin(value: Any, name: str, new: Any) -> None:
    setattr(attribute_target(value), checked_name(name), new)


def delattr_builtin(value: Any, name: str) -> None:
    delattr(attribute_target(value), checked_name(name))


# --- exceptions and generators ----------------------------------------------------------------------------------------

# The state of the machine, not of the snippet, and what ends the snippet or a generator: no handler sees these.
FATAL: Final = (RecursionError, MemoryError, SystemError, OutOfFuel, GeneratorExit, KeyboardInterrupt, SystemExit)

_ARGS: Final[Any] = BaseException.args
_OBJ: Final[Any] = AttributeError.obj


def make_caught(fatal: tuple[type[BaseException], ...]) -> tuple[Callable[[], None], Callable[[Any], None]]:
    """Return the first calls of every handler, `finally` and `__exit__`: they raise again what no snippet may catch.

    Of what it may catch they clean the parts that show the machine: addresses in texts, the object of an
    AttributeError, which may be one of the host's.
    """
    def leaving(error: Any) -> None:
        if isinstance(error, fatal):
            raise error
        if isinstance(error, AttributeError):
            _OBJ.__set__(error, None)
        if isinstance(error, BaseException):
            arguments = _ARGS.__get__(error)
            if any(type(part) is str and " at 0x" in part for part in arguments):
                _ARGS.__set__(error, tuple(scrub(part) if type(part) is str else part for part in arguments))

    def caught() -> None:
        leaving(sys.exception())

    return caught, leaving


# --- what pure methods call -------------------------------------------------------------------------------------------


def pure_text(value: Any, name: str) -> str:
    if type(value) is not str:
        raise TypeError(f"a comparison or hash method can call {name!r} on a str alone")
    return str(getattr(given(value), name)())


def pure_tuple(value: Any = ()) -> tuple[Any, ...]:
    if type(value) not in (list, tuple):
        raise TypeError("a comparison or hash method can make a tuple of a list or tuple alone")
    return tuple(given(value))
