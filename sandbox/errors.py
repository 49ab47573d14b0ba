"""The two ends a snippet can come to that are not its own exceptions.

    SnippetRefused (Exception)       the text is not a snippet: nothing was run
    OutOfFuel      (BaseException)   the snippet ran too long: stopped, no snippet can catch it
"""

from __future__ import annotations


class SnippetRefused(Exception):
    """The text can't be run: a syntax error, something the language does not have, or a bound. Nothing was run.

    `line` counts from 1 (1 too where no line is to blame), `column` from 0, in characters (while the compiler works, in
    bytes, as the tree has it), `text` is that line of the source.
    The message says what was refused, why, and what to write instead.
    """

    def __init__(self, message: str, line: int = 1, column: int | None = None, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.text = text

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class OutOfFuel(BaseException):
    """The snippet used up its steps. Raised again by every later step, so that no handler brings it back to life."""
