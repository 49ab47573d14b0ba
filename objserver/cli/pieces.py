"""A value of any size out of the server as JSON, in pieces that fit a reply.

    expression -> its kind and length -> pages of keys -> pages of entries -> JSON text, entry by entry
                                                              |
                                          an entry too large for a reply is an expression of its own

Only `query` is used. Keys travel as parameters; the text made here is a path of subscripts: `users[users_k0]`.
What comes back is the wire's JSON, passed on as it is: tagged values keep their tags.

Promise: memory holds a few pages, whatever the value's size. It is no snapshot: an entry that changes while pages
are read may be the old or the new one. (tests/cli/test_dump.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from objserver.cli.trees import request_tree, value_of
from objserver.client import ResultTooLarge

if TYPE_CHECKING:
    from objserver.client import Client

# Listing keys costs the server a walk over all of them, so there are few calls for many keys; entries cost what
# they hold.
KEYS_COUNT: Final = 20_000
ENTRIES_COUNT: Final = 500

KIND: Final = """\
_value = {path}
_kind = "other"
if isinstance(_value, dict):
    _kind = "dict"
if isinstance(_value, list):
    _kind = "list"
if isinstance(_value, set):
    _kind = "set"
[_kind, len(_value) if _kind != "other" else 1]
"""


class DumpFailed(Exception):
    """The value can't be written. What is written already is not complete."""


class Place(NamedTuple):
    """Where a value is: an expression, and the parameters in it."""

    root: str
    path: str
    args: dict[str, Any]

    def item(self, key: Any) -> Place:
        """Return the place of an entry. The parameter's name begins with the root's, so it hides no root."""
        name = f"{self.root}_k{len(self.args)}"
        return Place(self.root, f"{self.path}[{name}]", {**self.args, name: key})

    def __str__(self) -> str:
        text = self.path
        for name, key in self.args.items():
            text = text.replace(f"[{name}]", f"[{key!r}]", 1)
        return text


class Pieces:
    """Reads values from one server. `count` is how many entries it has read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inside: list[Any] = []  # what is being written in pieces, outermost first, as references
        self.count = 0

    def kind(self, place: Place) -> str:
        """Return "dict", "list", "set" or "other"."""
        return str(self._ask(KIND.format(path=place.path), place.args)[0])

    def value(self, place: Place) -> Iterator[bytes]:
        """Yield the JSON text of the value at `place`.

        Raises:
            DumpFailed: what can't be cut is too large for a reply, or the kinds of keys changed meanwhile.
        """
        kind, length = self._ask(KIND.format(path=place.path), place.args)
        if length <= ENTRIES_COUNT:
            try:
                whole = self._ask(place.path, place.args)
                self.count += length
                yield orjson.dumps(whole)
                return
            except ResultTooLarge:
                if kind == "other" or not length:
                    raise DumpFailed(f"{place} is too large for one reply, and is no dict, list or set") from None
        reference = self._ask(place.path, place.args, depth=0)
        if reference["$ref"] is not None and reference in self._inside:
            # A cycle: only named here, as the server does within a reply.
            yield orjson.dumps(reference)
            return
        self._inside.append(reference)
        plain = kind == "dict" and self._has_plain_keys(place)
        begin, end = _BRACKETS[kind, plain]
        yield begin
        comma = b""
        for key, text in self.entries(place, kind):
            yield comma
            comma = b","
            yield from _entry(place, key, text, plain) if kind == "dict" else text
        yield end
        self._inside.pop()

    def entries(self, place: Place, kind: str) -> Iterator[tuple[Any, Iterable[bytes]]]:
        """Yield what is in the container at `place`: (JSON tree of the key, JSON text of the value) of each entry.

        Items of lists and sets have no key: None.
        """
        if kind == "dict":
            for _, keys in self._slices(place, kind):
                for start in range(0, len(keys), ENTRIES_COUNT):
                    yield from self._pairs(place, keys[start : start + ENTRIES_COUNT])
            return
        for start, items in self._slices(place, kind):
            self.count += len(items)
            for item in items:
                yield None, (orjson.dumps(item),)
            if not items:  # one item, too large for a reply
                yield None, self.value(place.item(start))

    def _slices(self, place: Place, kind: str) -> Iterator[tuple[int, list[Any]]]:
        """Yield (index of the first, JSON trees) of items or keys in order; no trees for one item too large."""
        whole = place.path if kind == "list" else f"list({place.path})"
        start, count = 0, ENTRIES_COUNT if kind == "list" else KEYS_COUNT
        bounds = f"{place.root}_start", f"{place.root}_end"
        source = f"{whole}[{bounds[0]}:{bounds[1]}]"
        while True:
            try:
                trees = self._ask(source, {**place.args, bounds[0]: start, bounds[1]: start + count})
            except ResultTooLarge:
                if count > 1:
                    count //= 2
                    continue
                if kind != "list":
                    raise DumpFailed(f"item {start} of {place} is too large for one reply") from None
                yield start, []
                start += 1
                continue
            if not trees:
                return
            yield start, trees
            start += len(trees)

    def _pairs(self, place: Place, keys: list[Any]) -> Iterator[tuple[Any, Iterable[bytes]]]:
        """Yield (key, text) of the entries with these keys; a key that is gone meanwhile is left out."""
        name, path = f"{place.root}_keys", place.path
        values = [value_of(key) for key in keys]
        try:
            pairs = self._ask(f"[[k, {path}[k]] for k in {name} if k in {path}]", {**place.args, name: values})
        except ResultTooLarge:
            if len(keys) == 1:
                yield keys[0], self.value(place.item(values[0]))
                return
            middle = len(keys) // 2
            yield from self._pairs(place, keys[:middle])
            yield from self._pairs(place, keys[middle:])
            return
        self.count += len(pairs)
        for key, value in pairs:
            yield key, (orjson.dumps(value),)

    def _has_plain_keys(self, place: Place) -> bool:
        return all(type(key) is str for _, keys in self._slices(place, "dict") for key in keys)

    def _ask(self, source: str, args: dict[str, Any], depth: int | None = None) -> Any:
        params: dict[str, Any] = {"source": source, "args": args}
        if depth is not None:
            params["depth"] = depth
        return request_tree(self._client, "query", **params)


# (kind, whether all keys are texts) -> how the JSON begins and ends
_BRACKETS: Final = {
    ("dict", True): (b"{", b"}"),
    ("dict", False): (b'{"$dict":[', b"]}"),
    ("list", False): (b"[", b"]"),
    ("set", False): (b'{"$set":[', b"]}"),
}


def _entry(place: Place, key: Any, text: Iterable[bytes], plain: bool) -> Iterator[bytes]:
    if not plain:
        yield b"[" + orjson.dumps(key) + b","
        yield from text
        yield b"]"
    elif type(key) is str:
        # As a name in an object it must not look like a tag.
        yield orjson.dumps("$" + key if key.startswith("$") else key) + b":"
        yield from text
    else:
        raise DumpFailed(f"{place} got a key that is no text while it was written; dump it again")
