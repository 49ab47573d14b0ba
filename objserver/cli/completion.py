"""Completion in the shell: names of roots, asked from the server, and the shell's own commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from objserver.cli.shell import COMMANDS
from objserver.errors import ObjserverError

if TYPE_CHECKING:
    from objserver.client import Client

# The name that the cursor stands behind; not an attribute, which only the server could know.
NAME: Final = re.compile(r"(?:^|[^\w.])([^\W\d]\w*)$")


class RootCompleter(Completer):
    """Completes the name before the cursor. Asks the server each time, so that the roots of others are there, too."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield what the name before the cursor may become; nothing when the server does not answer."""
        before = document.text_before_cursor
        if before.startswith(":"):
            yield from _completions(before, dict.fromkeys(COMMANDS, "command"))
        elif found := NAME.search(before):
            try:
                roots = self._client.stats()["roots"]
            except (ObjserverError, OSError):
                return
            yield from _completions(found[1], roots)


def _completions(begin: str, names: dict[str, str]) -> Iterator[Completion]:
    for name, kind in sorted(names.items()):
        if name.startswith(begin):
            yield Completion(name, start_position=-len(begin), display_meta=kind)
