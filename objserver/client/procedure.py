"""Procedures: functions written in a client's file that run on the server.

    @db.procedure                          text of the function, without its decorator
    def total(name: str) -> int: ...  -->  source there the same? else eval(text)          once for each client
    total("bob")                      -->  call("total", "bob")

What a function needs must be where it runs: arguments, roots of the server, builtins of the language, modules it
imports itself. What it would take from the file it stands in can't travel and is refused where it is decorated.
"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final, Generic, ParamSpec, TypeVar

__all__ = ["Procedure", "source_to_ship"]

P = ParamSpec("P")
R = TypeVar("R")

_GLOBAL_READS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})


class Procedure(Generic[P, R]):
    """A function of the server, called like the one it was made from, which is `__wrapped__`."""

    def __init__(self, function: Callable[..., Any], call: Callable[P, R]) -> None:
        functools.update_wrapper(self, function)
        self.name = function.__name__
        self.source = source_to_ship(function)
        self._call = call

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._call(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<procedure {self.name}>"


def source_to_ship(function: Callable[..., Any]) -> str:
    """Return the text of a function as a cell that defines it.

    Raises:
        TypeError: it is no function written with `def`, or takes something along that can't travel; says what.
    """
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise TypeError("a procedure is a function written with 'def'")
    name = function.__name__
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"procedure {name!r} is async; nothing waits on the server: write 'def' and await the call")
    if name.startswith("_"):
        raise TypeError(f"procedure {name!r} begins with '_', which ends with the snippet there; give it another name")
    for taken, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if not isinstance(_content(cell), Procedure):  # which stands for a root
            raise TypeError(f"procedure {name!r} uses {taken!r} of the function around it, which can't travel; "
                "pass it as an argument")  # fmt: skip
    text, node = _definition(function)
    for read in _reads(function, node):
        _check_read(name, read, function.__globals__)
    return text


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is bound yet
        return None


def _definition(function: FunctionType) -> tuple[str, ast.FunctionDef]:
    """Return the text of a function without its decorator and indentation, and its syntax."""
    name = function.__name__
    try:
        found = inspect.getsource(function)
    except (OSError, TypeError):
        raise TypeError(f"procedure {name!r} has no source file to be read from; use eval with its text") from None
    text = textwrap.dedent(found)
    node = _parsed(text)
    if node is None or (text != found and ast.dump(node) != ast.dump(_parsed(f"if 1:\n{found}") or node)):
        raise TypeError(f"the text of procedure {name!r} changes when it is dedented; define it at the left margin")
    if len(node.decorator_list) > 1:
        raise TypeError(f"procedure {name!r} has another decorator, which can't travel; decorate it there, by eval")
    assert node.end_lineno is not None
    return "\n".join(text.split("\n")[node.lineno - 1 : node.end_lineno]), node


def _parsed(text: str) -> ast.FunctionDef | None:
    try:
        node: ast.stmt = ast.parse(text).body[0]
    except SyntaxError:
        return None
    if isinstance(node, ast.If):
        node = node.body[0]
    return node if isinstance(node, ast.FunctionDef) else None


def _reads(function: FunctionType, node: ast.FunctionDef) -> Iterator[str]:
    """Yield the global names that a function reads: in its body, and in its defaults, which are computed there."""
    codes: list[CodeType] = [function.__code__]
    for code in codes:
        codes.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
        for instruction in dis.get_instructions(code):
            if instruction.opname in _GLOBAL_READS:
                yield instruction.argval
    for default in [*node.args.defaults, *node.args.kw_defaults]:
        for part in ast.walk(default) if default is not None else ():
            if isinstance(part, ast.Name):
                yield part.id


def _check_read(name: str, read: str, names: dict[str, Any]) -> None:
    """Refuse what this file has under a name that the function will look for on the server."""
    value = names.get(read)
    if read not in names or read == name or isinstance(value, Procedure):
        return
    if isinstance(value, ModuleType):
        raise TypeError(f"procedure {name!r} uses module {read!r} of its file; import it inside the function")
    kind = type(value).__name__
    raise TypeError(
        f"procedure {name!r} uses {read!r} ({kind}) of its file, which can't travel; pass it as an argument, make it a "
        "procedure, or keep it on the server and give what is here another name"
    )
