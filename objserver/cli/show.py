"""What the commands print: values, and text that came from somebody else.

Standard output carries the data and nothing else; what a snippet printed, errors and progress go to standard error.
Text of others can hold escape sequences that repaint a terminal or answer in the user's name, so on a terminal
control characters are shown instead of sent. Values are shown by `repr`, which does the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import click

# C0 and C1 without tab and line end, DEL, and the marks that reorder what is read.
UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# A value in the shell is for reading. `objserver eval` prints all of it.
SHOWN_ITEMS_MAX: Final = 100
SHOWN_TEXT_MAX: Final = 4_000


def printable(text: str) -> str:
    """Return `text` with its control characters spelled out, line ends and tabs kept."""
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def print_foreign(text: str, file: IO[str] | None = None) -> None:
    """Print text of others to `file` (standard error by default) on lines of its own; see above for terminals."""
    file = file or sys.stderr
    text = printable(text) if file.isatty() else text
    encoding = getattr(file, "encoding", None) or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(text, file=file, nl=not text.endswith("\n"))


def print_value(value: object, *, short: bool = False) -> None:
    """Print a value for reading: over several lines in colours on a terminal, else its `repr` on one line.

    None prints nothing, as in Python's own shell. With `short`, a terminal gets the beginning of long containers and
    texts.
    """
    if value is None:
        return
    with _any_int():
        if sys.stdout.isatty():
            from rich.console import Console
            from rich.pretty import pprint

            pprint(
                value,
                console=Console(),
                indent_guides=False,
                max_length=SHOWN_ITEMS_MAX if short else None,
                max_string=SHOWN_TEXT_MAX if short else None,
            )
        else:
            print_foreign(repr(value), sys.stdout)


@contextmanager
def _any_int() -> Iterator[None]:
    """Let ints of any size be written: Python's own bound is for servers, and the wire bounds what comes here."""
    digits_max = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(digits_max)


def print_json(tree: object) -> None:
    """Print what JSON can say as one line of it."""
    import orjson

    click.echo(orjson.dumps(tree, option=orjson.OPT_APPEND_NEWLINE), nl=False)
