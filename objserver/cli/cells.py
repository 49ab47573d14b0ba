"""Cells out of lines: where does what somebody types, or a file on standard input, end a cell?

    typed   Enter runs what is complete Python; a block (if, for, def, class, ...) goes on until an empty line
    piped   each top-level statement is a cell, as if it had been typed; empty lines inside a block are kept

Both ask the compiler of the Python that runs this command. It only decides where a cell ends: what the cell may do
is the server's to say, so text that does not parse counts as complete and is sent.
"""

from __future__ import annotations

import ast
import codeop
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

# These begin a line at the left margin and yet belong to the statement above.
CONTINUES: Final = re.compile(r"(else|elif|except|finally)\b")

# Compiling after each line costs the square of the length; above this the rest of the input is the cell. The
# server's own limit for a cell is smaller.
LINES_MAX: Final = 20_000


def is_complete(text: str) -> bool:
    """Return whether `text` can run as it stands: nothing open, no block without its body, or not Python at all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return codeop.compile_command(text, "<cell>", "exec") is not None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return True


def ends_when_typed(text: str) -> bool:
    """Return whether Enter after `text` runs it: complete, and after a block an empty line has been typed."""
    if not is_complete(text):
        return False
    return not _ends_in_block(text) or text.endswith("\n") or text.rpartition("\n")[2].isspace()


def next_indent(text: str) -> str:
    """Return the blanks that a new line after `text` begins with."""
    line = text.rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    return indent + "    " if line.rstrip().endswith(":") else indent


def split_cells(lines: Iterable[str]) -> Iterator[str]:
    """Yield the cells of piped `lines`, each as soon as the line after it shows that it has ended.

    A line at the left margin that begins with ":" where a cell could begin is a command of the shell and a cell of
    its own. Cells of comments and empty lines alone are left out.
    """
    cell: list[str] = []
    for line in lines:
        line = line.rstrip("\r\n")
        if line.strip() and not line[0].isspace() and not CONTINUES.match(line) and cell:
            if _is_comment(line):
                pass  # says nothing about where the statement above ends: an `else` may follow
            elif len(cell) < LINES_MAX and is_complete("\n".join(cell)):
                yield from _if_any(cell)
                cell = []
        if cell or line.strip():
            cell.append(line)
        if not _is_code(cell[:-1]) and line.startswith(":"):
            yield line
            cell = []
    yield from _if_any(cell)


def _if_any(cell: list[str]) -> Iterator[str]:
    if _is_code(cell):
        yield "\n".join(cell).rstrip("\n")


def _is_code(cell: list[str]) -> bool:
    return any(line.strip() and not _is_comment(line) for line in cell)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _ends_in_block(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return False
    return bool(body) and (hasattr(body[-1], "body") or isinstance(body[-1], ast.Match))
