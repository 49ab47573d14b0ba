"""Bytecode: look at what came out of the compiler, and hold it to the policy a second time.

    rewrite -> compile -> [bytecode: check, global names] -> Cell

The rewriting judges names field by field of the syntax tree. This check knows nothing of the tree: it reads the
instructions, so a place that the rewriting forgot, or that a new Python adds, is refused here.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from itertools import islice
from types import CodeType
from typing import Final

from sandbox.errors import SnippetRefused
from sandbox.policy import BUILTINS_REFUSED, DUNDERS_READ, DUNDERS_SUPER, NAMES_RESERVED, attribute_refusal

_LATER: Final = sys.version_info >= (3, 12)

# Instructions that name a global or builtin, and how far the index of the name is shifted in their argument
# (the low bits are flags). Names of instructions are those of Python 3.11 to 3.13.
_READS: Final = {"LOAD_GLOBAL": 1, "LOAD_NAME": 0, "LOAD_FROM_DICT_OR_GLOBALS": 0}
_ATTRIBUTES: Final = {
    "LOAD_ATTR": 1 if _LATER else 0, "LOAD_METHOD": 0, "STORE_ATTR": 0, "DELETE_ATTR": 0, "LOAD_SUPER_ATTR": 2,
}
# Nothing that is compiled here imports, and only the definition of a root stores a global by itself.
_REFUSED: Final = {"IMPORT_NAME", "IMPORT_FROM", "IMPORT_STAR", "DELETE_GLOBAL"}

_SHIFTS: Final = {dis.opmap[name]: shift for name, shift in (_READS | _ATTRIBUTES).items() if name in dis.opmap}
_IS_READ: Final = {dis.opmap[name] for name in _READS if name in dis.opmap}
_IS_ATTRIBUTE: Final = {dis.opmap[name] for name in _ATTRIBUTES if name in dis.opmap}
_IS_REFUSED: Final = {dis.opmap[name] for name in _REFUSED if name in dis.opmap}
_STORE_GLOBAL: Final = dis.opmap["STORE_GLOBAL"]
_CO_OPTIMIZED: Final = 1
_EXTENDED_ARG: Final = dis.opmap["EXTENDED_ARG"]
_NAMED: Final = frozenset(_SHIFTS) | _IS_REFUSED | {_STORE_GLOBAL, _EXTENDED_ARG}

_DUNDERS_ALLOWED: Final = DUNDERS_READ | DUNDERS_SUPER


def inner_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield `code` and all code objects in it, outermost first."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from inner_codes(part)


def functions_of(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """Return every function in `code` by qualified name and first line.

    Several lambdas of a line are told apart by `#1`, `#2` behind the name.
    """
    found: dict[tuple[str, int], CodeType] = {}
    for inner in inner_codes(code):
        name, line = inner.co_qualname, inner.co_firstlineno
        if inner.co_name == "<lambda>":
            count = 0
            while (key := (f"{name}#{count}" if count else name, line)) in found:
                count += 1
            found[key] = inner
        # Comprehensions and the cell itself have names in angle brackets; a class body is no function.
        elif inner.co_flags & _CO_OPTIMIZED and not inner.co_name.startswith("<"):
            found[name, line] = inner
    return found


def global_reads(code: CodeType, defined: frozenset[str]) -> frozenset[str]:
    """Return the names that `code` or a function in it reads from the roots; builtins and hooks are left out.

    In a class body, a name that may be the class's own counts too.

    Args:
        defined: roots that the cell defines with `def` or `class`.
    Raises:
        SnippetRefused: a builtin that is not there is read; or, whatever the syntax was, an attribute or an
            instruction that the policy does not allow.
    """
    found: set[str] = set()
    for inner in inner_codes(code):
        names = inner.co_names
        data = inner.co_code
        high = 0
        for position in range(0, len(data), 2):
            operation = data[position]
            if operation not in _NAMED:
                high = 0
                continue
            argument = data[position + 1] | high
            high = argument << 8 if operation == _EXTENDED_ARG else 0
            if operation == _EXTENDED_ARG:
                continue
            if operation == _STORE_GLOBAL and inner is code and names[argument] in defined:
                continue
            if operation not in _SHIFTS:
                raise SnippetRefused(f"{dis.opname[operation]} is not available", *_place(inner, position))
            name = names[argument >> _SHIFTS[operation]]
            if operation in _IS_READ:
                found.add(name)
                if name in BUILTINS_REFUSED:
                    text = f"{name!r} is not available: {BUILTINS_REFUSED[name]}"
                    raise SnippetRefused(text, *_place(inner, position))
            elif name not in _DUNDERS_ALLOWED and (reason := attribute_refusal(name)) is not None:
                raise SnippetRefused(f"attribute {name!r} is not available: {reason}", *_place(inner, position))
    return frozenset(name for name in found - NAMES_RESERVED if not name.startswith((".", "__")))


def _place(code: CodeType, position: int) -> tuple[int, int | None]:
    """Return line and column of the instruction at `position`; the definition's first line where it has none."""
    line, _, column, _ = next(islice(code.co_positions(), position // 2, None), (None, None, None, None))
    return line or code.co_firstlineno, column
