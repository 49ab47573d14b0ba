"""Shape: is the text of a size, a depth and an expansion that the rest of the compiler can take?

    source text -> [shape: text, tree] -> scope -> rewrite -> compile

Promise: any text, of any length, gives a tree of bounded depth and bounded compiled size, or SnippetRefused, in time
linear in SOURCE_SIZE_MAX. Nothing here recurses on a tree whose depth was not measured before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from sandbox.errors import SnippetRefused
from sandbox.policy import EXPANDED_COUNT_MAX, SOURCE_SIZE_MAX, TREE_COUNT_MAX, TREE_DEPTH_MAX

_TOO_DEEP: Final = "nested too deeply; split it into several statements or functions"


def read_text(source: str) -> str:
    """Return `source` with the line ends that Python's own reader sees, `\\n` alone.

    Raises:
        SnippetRefused: too long, or characters that are not text.
    """
    # Characters first: encoding costs as much as the text is long, and a text is never shorter in bytes.
    if len(source) > SOURCE_SIZE_MAX or len(data := _encoded(source)) > SOURCE_SIZE_MAX:
        size = len(source) if len(source) > SOURCE_SIZE_MAX else len(data)
        raise SnippetRefused(
            f"the snippet has {size} bytes, more than {SOURCE_SIZE_MAX}; send data as parameters, code in parts"
        )
    if "\0" in source:
        line = source.count("\n", 0, source.index("\0")) + 1
        raise SnippetRefused("the snippet holds a null character; remove it", line)
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source


def _encoded(source: str) -> bytes:
    try:
        return source.encode()
    except UnicodeEncodeError as error:
        line = source.count("\n", 0, error.start) + 1
        raise SnippetRefused("the snippet holds half of a surrogate pair, which is no character", line) from None


def parse(source: str, filename: str) -> ast.Module:
    """Return the tree of `source`, not deeper than TREE_DEPTH_MAX and not larger than EXPANDED_COUNT_MAX.

    Raises:
        SnippetRefused: no Python, or a bound.
    """
    try:
        tree = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True, optimize=0)
    except SyntaxError as error:
        raise refused_syntax(error) from None
    except (RecursionError, MemoryError):
        # The parser reports its own nesting bounds so; text of this size does not fill the memory.
        raise SnippetRefused(_TOO_DEEP) from None
    except (ValueError, OverflowError) as error:
        raise SnippetRefused(f"not Python: {error}") from None
    assert isinstance(tree, ast.Module)
    if _measure(tree) and _expanded(tree.body, 0) > EXPANDED_COUNT_MAX:
        raise SnippetRefused("too many ways out of 'try ... finally' blocks; split the function")
    return tree


def refused_syntax(error: SyntaxError) -> SnippetRefused:
    """Return the refusal that says what the SyntaxError says."""
    message = "nested too deeply" if "too many statically nested blocks" in error.msg else error.msg
    column = error.offset - 1 if error.offset is not None and error.offset > 0 else None
    text = error.text or ""
    if column is not None:
        message += _foreign(text, column) if message == "invalid syntax" else ""
        column = len(text[:column].encode()) if text else column
    return SnippetRefused(f"not Python: {message}", error.lineno or 1, column)


# What other languages write there.
_FOREIGN: Final = (
    ("&&", "write 'and'"), ("||", "write 'or'"), ("<>", "write '!='"), ("!==", "write '!='"), ("===", "write '=='"),
    ("?", "write 'a if condition else b'"), ("!", "write 'not'"),
)  # fmt: skip


def _foreign(text: str, column: int) -> str:
    if text[:column].rstrip().endswith(("++", "--")):
        return "; write '+= 1' or '-= 1'"
    # CPython stops at the first sign or behind it.
    near = text[max(column - 2, 0) : column + 2]
    return next((f"; {advice}" for sign, advice in _FOREIGN if sign in near), "")


def child_fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a node class that may hold nodes; contexts left out, as they follow from the place."""
    return () if issubclass(kind, ast.Constant | ast.Name) else tuple(f for f in kind._fields if f != "ctx")


CHILD_FIELDS: Final = {
    kind: child_fields(kind)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, ast.slice)
}


def walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield these nodes and all in them, each before what is in it. Takes less than half the time of ast.walk."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for field in CHILD_FIELDS[type(node)]:
            value = getattr(node, field)
            if type(value) is list:
                waiting += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)


def parts_of(node: ast.AST) -> list[ast.ExceptHandler] | list[ast.match_case]:
    """Return the parts of a `try` or `match` that have bodies of their own."""
    if isinstance(node, ast.Match):
        return node.cases
    return node.handlers if isinstance(node, ast.Try | ast.TryStar) else []


def _measure(tree: ast.Module) -> bool:
    """Measure depth and count level by level, without recursion. Return whether there is a `finally` anywhere."""
    level: list[ast.AST] = [tree]
    count = 0
    copies = False
    line = 1
    for _ in range(TREE_DEPTH_MAX):
        count += len(level)
        if count > TREE_COUNT_MAX:
            raise SnippetRefused(f"more than {TREE_COUNT_MAX} parts of syntax; send data as parameters, code in parts")
        below: list[ast.AST] = []
        for node in level:
            for field in CHILD_FIELDS[type(node)]:
                value = getattr(node, field)
                if type(value) is list:
                    below += [item for item in value if isinstance(item, ast.AST)]
                    copies = copies or (field == "finalbody" and bool(value))
                elif isinstance(value, ast.AST):
                    below.append(value)
        if not below:
            return copies
        level = below
        line = getattr(level[0], "lineno", line)
    raise SnippetRefused(_TOO_DEEP, line)


def _expanded(body: list[ast.stmt], copies: int) -> int:
    """Return how many nodes `body` has when each way out of a `try` has its own copy of the `finally` body.

    `copies` is the size of the `finally` bodies around it, which every jump out of `body` copies.
    """
    count = len(body)
    for node in body:
        if isinstance(node, ast.Return | ast.Break | ast.Continue):
            count += copies
        inner = copies
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = 0
        elif isinstance(node, ast.Try | ast.TryStar):
            final = _expanded(node.finalbody, copies)
            count += final
            inner += final
        for field in CHILD_FIELDS[type(node)]:
            value = getattr(node, field)
            if field == "finalbody":
                count += inner - copies
            elif field in ("body", "orelse"):
                count += _expanded(value, inner)
            elif field in ("handlers", "cases"):
                count += sum(_expanded(part.body, inner) + 10 for part in value)
            else:
                for item in value if type(value) is list else (value,):
                    count += sum(1 for _ in ast.walk(item)) if isinstance(item, ast.AST) else 1
        if count > EXPANDED_COUNT_MAX:
            break
    return count
