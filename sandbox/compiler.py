"""Compiler: source text to code that can only do what it may.

    text -> shape -> scope -> rewrite -> [compile] -> bytecode check -> Cell

A cell becomes one function. Its parameters and own names are locals, as fast as Python's; its roots are globals, and
every store to one is a call of a hook. The same text with the same parameters always gives the same code.
"""

from __future__ import annotations

import ast
import keyword
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, MappingProxyType
from typing import Final, TypeVar

from sandbox import policy, scope, shape
from sandbox.build import at
from sandbox.bytecode import functions_of, global_reads
from sandbox.errors import SnippetRefused
from sandbox.owners import Owners
from sandbox.rewrite import Rewriter

CELL_NAME: Final = "<cell>"
# Frames that the compiler may use on top of its caller's; TREE_DEPTH_MAX levels need four each.
_FRAMES_MAX: Final = 1_000

assert _FRAMES_MAX > 5 * policy.TREE_DEPTH_MAX


@dataclass(frozen=True, slots=True)
class Cell:
    """A compiled snippet. `FunctionType(cell.code, roots)` called with the parameters by name runs it.

    `binds` are the roots it may bind or delete, `reads` those that are read
    anywhere in it, functions included.
    """

    code: CodeType
    source: str
    parameters: tuple[str, ...]
    binds: frozenset[str]
    reads: frozenset[str]
    filename: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A stored function or class, compiled from its text alone.

    `codes` holds every function in it by qualified name and first line, the definition's first line being 1. Of the
    lambdas of one line the second has `#1` behind its name, and so on. `nonlocals` are the names that a function in it
    declares `nonlocal`.
    """

    name: str
    source: str
    codes: Mapping[tuple[str, int], CodeType]
    filename: str
    nonlocals: frozenset[str]


def compile_cell(
    source: str, parameters: tuple[str, ...] = (), *, read_only: bool = False, generated: bool = False,
    filename: str = CELL_NAME,
) -> Cell:
    """Compile a snippet.

    Args:
        parameters: names of the values that come with the request.
        read_only: compile a query, which binds no roots: all its names are its own.
        generated: the text is the library's: it may use hooks, spelled `__name__`.
        filename: shown in tracebacks, and by which describe_error finds the source.
    Raises:
        SnippetRefused: for any text that is not a snippet, whatever is wrong with it.
    """
    text = ""
    try:
        text = shape.read_text(source)
        _check_parameters(parameters)
        with _room():
            tree = shape.parse(text, filename)
            if generated:
                _spell_hooks(tree)
            roots = frozenset() if read_only else scope.roots(tree.body, parameters)
            rewriter = Rewriter(text.split("\n"), roots, read_only=read_only)
            rewriter.scope.settled = Owners(tree.body, parameters, roots).settled
            rewriter.generated = generated
            if read_only:
                rewriter.only_deleted = scope.only_deleted(tree.body) - set(parameters)
            code = _compile(rewriter, tree, parameters, roots, filename)
        reads = _checked(code, rewriter)
    except SnippetRefused as error:
        raise _with_text(error, text) from None
    return Cell(code, source, parameters, roots, reads, filename)


def compile_definition(source: str, name: str, filename: str, *, generated: bool = False) -> Definition:
    """Compile the text of one `def` or `class`, as the `.define` hook was given it.

    The code is that of the cell it came from, with lines counted from the definition's first.

    Args:
        name: of what it defines; "" for the text of a statement that holds a lambda (statement_at).
        generated: the text is one that `generate` wrote: it may use hooks, spelled `__name__`.
    Raises:
        SnippetRefused: the text is not the definition of `name`.
    """
    text = ""
    try:
        text = shape.read_text(source)
        with _room():
            # A form feed sets the indentation back to nothing.
            indented = text[: len(text) - len(text.lstrip(" \t\f"))].rpartition("\f")[2] != ""
            tree = shape.parse("if 1:\n" + text if indented else text, filename)
            if indented:
                block = tree.body[0]
                assert isinstance(block, ast.If)
                tree.body = [*block.body, *tree.body[1:]]
                ast.increment_lineno(tree, -1)
            only = tree.body[0] if len(tree.body) == 1 else None
            if name and (not isinstance(only, ast.FunctionDef | ast.ClassDef) or only.name != name):
                raise SnippetRefused(f"the text must be the definition of {name!r} and nothing else")
            if generated:
                _spell_hooks(tree)
            roots = scope.roots(tree.body, ())
            rewriter = Rewriter(text.split("\n"), roots, read_only=False)
            rewriter.generated = generated
            code = _compile(rewriter, tree, (), roots, filename)
        _checked(code, rewriter)
    except SnippetRefused as error:
        raise _with_text(error, text) from None
    return Definition(name, source, MappingProxyType(functions_of(code)), filename, frozenset(rewriter.nonlocals))


def statement_at(source: str, line: int) -> tuple[int, str] | None:
    """Return (first line, text) of the statement of a cell, no `def` or `class`, in which a lambda begins on this line.

    Several that share a line are one text. None when there is no such statement; the cell has been compiled.
    """
    text = shape.read_text(source)
    with _room():
        body = shape.parse(text, CELL_NAME).body
    while True:
        found = [node for node in body if node.lineno <= line <= (node.end_lineno or 0)]
        if not found or isinstance(found[0], ast.FunctionDef | ast.ClassDef):
            return None
        inner = [getattr(found[0], field, []) for field in ("body", "orelse", "finalbody")]
        inner += [part.body for part in shape.parts_of(found[0])]
        blocks = [block for block in inner if block]
        if not blocks:
            first, last = found[0], found[-1]
            lines = text.split("\n")[first.lineno - 1:last.end_lineno]
            lines[-1] = lines[-1].encode()[:last.end_col_offset].decode()
            lines[0] = lines[0].encode()[first.col_offset:].decode()
            return first.lineno, "\n".join(lines)
        body = [node for block in blocks for node in block]


def binding_line(source: str, name: str) -> int | None:
    """Return the line of the last statement of a cell, which has been compiled, that binds or mentions this root."""
    with _room():
        body = shape.parse(shape.read_text(source), CELL_NAME).body
    named = [node for node in shape.walk(body) if isinstance(node, ast.Name) and node.id == name]
    stores = [node.lineno for node in named if not isinstance(node.ctx, ast.Load)]
    return max(stores or [node.lineno for node in named], default=None)


def _spell_hooks(tree: ast.AST) -> None:
    """Give hooks their names, in text of our own, where a name with a dot can't stand."""
    for node in shape.walk([tree]):
        if isinstance(node, ast.Name) and policy.is_dunder(node.id) and node.id != "__class__":
            node.id = f".{node.id[2:-2]}"


def _check_parameters(parameters: tuple[str, ...]) -> None:
    if len(parameters) > policy.PARAMETER_COUNT_MAX:
        raise SnippetRefused(f"{len(parameters)} parameters are more than {policy.PARAMETER_COUNT_MAX}; send a dict")
    for name in parameters:
        if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
            raise SnippetRefused(f"{name!r} can't name a parameter; use a plain identifier")
        if name.startswith("_") or policy.name_refusal(name) is not None:
            raise SnippetRefused(f"{name!r} can't name a parameter; use another name")
    if len(set(parameters)) < len(parameters):
        raise SnippetRefused("a parameter is named twice")


@contextmanager
def _room() -> Iterator[None]:
    """Give the compiler the same room wherever it is called, so that it refuses the same texts everywhere.

    A warning becomes neither an error nor a line on the console, however the process was started.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _FRAMES_MAX)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        sys.setrecursionlimit(limit)


def _compile(
    rewriter: Rewriter, tree: ast.Module, parameters: tuple[str, ...], roots: frozenset[str], filename: str
) -> CodeType:
    place = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
    returns = bool(tree.body) and isinstance(tree.body[-1], ast.Expr)
    body: list[ast.stmt] = rewriter.each(tree.body)
    if returns:
        last = body[-1]
        assert isinstance(last, ast.Expr)
        body[-1] = at(ast.Return(last.value), last)
    if roots:
        body.insert(0, ast.Global(sorted(roots), **place))
    cell = ast.FunctionDef(
        name=CELL_NAME,
        args=ast.arguments([], [ast.arg(name, None, None, **place) for name in parameters], None, [], [], None, []),
        body=body or [ast.Pass(**place)],
        decorator_list=[],
        returns=None,
        type_comment=None,
        **place,
    )
    if sys.version_info >= (3, 12):
        cell.type_params = []
    module = ast.Module([cell], [])
    try:
        # Neither this module's __future__ imports nor the interpreter's -O may change what a snippet means.
        code: CodeType = compile(module, filename, "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        raise shape.refused_syntax(error) from None
    except (RecursionError, MemoryError):
        raise SnippetRefused("nested too deeply; split it into several statements or functions") from None
    except (ValueError, OverflowError, SystemError) as error:
        raise SnippetRefused(f"not Python: {error}") from None
    return next(part for part in code.co_consts if isinstance(part, CodeType))


def _checked(code: CodeType, rewriter: Rewriter) -> frozenset[str]:
    """Check the finished code; return the global names it reads."""
    defined = rewriter.defined
    for part in code.co_consts:
        if isinstance(part, CodeType) and part.co_name in defined:
            captured = set(part.co_freevars) - {"__class__"}
            if captured:
                name = min(captured)
                raise SnippetRefused(
                    f"{part.co_name!r} is kept, but uses {name!r}, which ends with the snippet; "
                    f"pass it as an argument, or keep it under a name of its own",
                    defined[part.co_name],
                )
    return global_reads(code, frozenset(defined))


def _with_text(error: SnippetRefused, text: str) -> SnippetRefused:
    lines = text.split("\n")
    if 1 <= error.line <= len(lines):
        error.text = lines[error.line - 1]
        if error.column is not None:
            error.column = len(error.text.encode()[: error.column].decode(errors="replace"))
    return error


T = TypeVar("T")


# What a cell is compiled from: source, names of the parameters, whether it is a query.
CellKey = tuple[str, tuple[str, ...], bool]


class CellCache(dict[CellKey, T]):
    """What a host made of compiled cells: `cache[source, parameters, read_only]` compiles what is not there.

    Two generations: the dict itself holds what was used since the one before it was full, and `_old` is that one. So a
    hit costs a look into a dict, and what goes first was not used for a long time. Refusals are not kept.
    """

    def __init__(self, count_max: int, size_max: int, prepare: Callable[[Cell], T]) -> None:
        """Keep at most `count_max` cells, and of sources about `size_max` characters.

        Args:
            prepare: makes of a new cell what `get` returns, such as a function that can be called.
        """
        assert count_max > 1
        super().__init__()
        self._count_max = count_max // 2
        self._size_max = size_max // 2
        self._prepare = prepare
        self._old: dict[CellKey, T] = {}
        self._size = 0  # of the sources, without the old ones

    def __missing__(self, key: CellKey) -> T:
        """Return what is made of the cell.

        Raises:
            SnippetRefused: see compile_cell. And what `prepare` raises.
        """
        prepared = self._old.pop(key, None)
        if prepared is None:
            source, parameters, read_only = key
            prepared = self._prepare(compile_cell(source, parameters, read_only=read_only))
        if len(self) == self._count_max or self._size > self._size_max:
            self._old = self.copy()
            self.clear()
            self._size = 0
        self[key] = prepared
        self._size += len(key[0])
        return prepared

    @property
    def count(self) -> int:
        """Cells that are kept."""
        return len(self) + len(self._old)
