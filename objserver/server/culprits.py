"""Culprits: the requests that ended the server, remembered so that they don't do it again.

    supervisor: the server ended while it ran a request --> Culprits.add --> folder/culprits.json
    server:     Culprits.load --> refusal(request): None, or why it is not run

A request is known by its method and parameters, arguments included: the same function with other arguments is another
request. It is refused for a day: the heap may have changed, and the next try costs one restart at most. What ends the
server CODE_COUNT times in CODE_SECONDS with other arguments each time is refused with any, until that time is over. A
client that varies the code itself is not stopped by this, only by its principal's rights.

The file is beside the heap and no part of it: it says what this machine can't do, not what the heap is.

Promise: never more than COUNT_MAX, the oldest are forgotten; a server that meets no culprit's code pays nothing
(tests/server/test_supervisor.py).
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from objserver.limits import KIB

__all__ = ["Culprit", "Culprits"]

FILE: Final = "culprits.json"
COUNT_MAX: Final = 100
SECONDS_MAX: Final = 24 * 3600
# Code that ended the server so often in this time is refused with all arguments, for as long again.
CODE_COUNT: Final = 3
CODE_SECONDS: Final = 600
# Longer ones are refused by the language before they run.
CODE_SIZE_MAX: Final = 64 * KIB


class Culprit(NamedTuple):
    """A request that ended the server, and the text that says when and why."""

    code: str
    digest: str
    time: float  # Unix time, seconds
    why: str


class Refusal(NamedTuple):
    """Why a request is not run: what was like it, and whether its arguments were not."""

    culprit: Culprit
    until: float  # Unix time, seconds
    any_arguments: bool


class Culprits:
    """What is remembered, for one data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._found: list[Culprit] = []
        self._by_code: dict[str, list[Culprit]] = {}

    @classmethod
    def load(cls, folder: Path) -> Culprits:
        """Read what is remembered in `folder`; nothing when there is no file, or none that can be read."""
        culprits = cls(folder)
        with suppress(OSError, ValueError, TypeError):
            culprits._set([Culprit(*map(_check, found, (str, str, float, str))) for found in json.loads(
                culprits._path.read_bytes())])
        return culprits

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Any:
        return iter(self._found)

    def add(self, body: bytes, time: float, why: str) -> Culprit | None:
        """Remember the request `body`; None when it can't be known again.

        Raises:
            OSError: it is remembered by this process alone.
        """
        try:
            code, digest = _identify(body)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        if len(code) > CODE_SIZE_MAX:
            return None
        culprit = Culprit(code, digest, time, why)
        others = [other for other in self._found if other.digest != digest and other.time > time - SECONDS_MAX]
        self._set([*others, culprit][-COUNT_MAX:])
        self._save()
        return culprit

    def refusal(self, code: str, body: bytes, time: float) -> Refusal | None:
        """Return why this request is refused, None when it may run."""
        found = self._by_code.get(code)
        if found is None:
            return None
        digest = _identify(body)[1]
        for it in found:
            if it.digest == digest and time - SECONDS_MAX < it.time:
                return Refusal(it, it.time + SECONDS_MAX, False)
        last = found[-CODE_COUNT:]
        if len(last) == CODE_COUNT and last[-1].time - last[0].time < CODE_SECONDS and (
            time - CODE_SECONDS < last[-1].time
        ):
            return Refusal(last[-1], last[-1].time + CODE_SECONDS, True)
        return None

    def _set(self, found: list[Culprit]) -> None:
        self._found = found
        self._by_code = {}
        for culprit in found:
            self._by_code.setdefault(culprit.code, []).append(culprit)

    def _save(self) -> None:
        """Write the file; it is there whole, old or new, whenever the machine stops."""
        beside = self._path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(json.dumps(self._found).encode())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _identify(body: bytes) -> tuple[str, str]:
    """Return the code of a request and the digest of all that it asks for, its id left out.

    Raises:
        ValueError, KeyError, TypeError, RecursionError: it is no request.
    """
    # Numbers as text: a long one must not be refused for its length.
    message = json.loads(body, parse_int=str, parse_float=str)
    params = message["params"]
    code = params["path"] if message["method"] == "call" else params["source"]
    if type(code) is not str:
        raise TypeError(f"code is {type(code).__name__}")
    asked = json.dumps([message["method"], params], sort_keys=True)
    return code, blake2b(asked.encode(), digest_size=16).hexdigest()


def _check(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
