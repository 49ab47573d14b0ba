"""The module `json`: the text that CPython writes for the same data, and what it reads from a text.

    value -> [walk: exact types, a tick for each] -> plain dict, list, str, ... -> json.dumps

Python's encoder asks objects for their items while it writes, and does not survive it when they change themselves
meanwhile. So it gets a copy of plain containers, and `default` is called in the walk that makes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.iterators import Meter
from sandbox.library.enum import acted
from sandbox.seal import Module, Sealed, make_module, sealed

# Nesting of what is written or read. Python's encoder and decoder recurse, and fail at about 1,000.
DEPTH_MAX: Final = 500
_INDENT_MAX: Final = 100
# Characters read for one tick: 1 to 2 us of reading.
_SIZE_PER_TICK: Final = 128

# A string, or a bracket.
_MARKS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_LEAVES: Final = frozenset({bool, float, int, str, type(None)})


class JSONDecodeError(ValueError, metaclass=Sealed):
    """The text is no JSON: `msg`, `doc`, and where, as `pos`, `lineno` and `colno`."""

    def __init__(self, msg: str, doc: str, pos: int) -> None:
        self.msg, self.doc, self.pos = msg, doc, pos
        self.lineno = doc.count("\n", 0, pos) + 1
        self.colno = pos - doc.rfind("\n", 0, pos)
        super().__init__(f"{msg}: line {self.lineno} column {self.colno} (char {pos})")


def make_json(hooks: Hooks) -> Module:
    meter = Meter(hooks)

    def dumps(
        obj: Any, *, skipkeys: Any = False, ensure_ascii: Any = True, check_circular: Any = True, allow_nan: Any = True,
        indent: Any = None, separators: Any = None, default: Any = None, sort_keys: Any = False,
    ) -> str:
        if separators is not None:
            first, second = separators
            if type(first) is not str or type(second) is not str:
                raise TypeError("separators are two texts")
            separators = first, second
        if type(indent) is int:
            if indent > _INDENT_MAX:
                raise ValueError(f"an indent of {indent} is more than {_INDENT_MAX}")
        elif indent is not None and type(indent) is not str:
            raise TypeError("an indent is a number or a text")
        walk = _Walk(hooks, meter.tick, default, bool(skipkeys), bool(sort_keys), bool(allow_nan))
        text = json.dumps(
            walk.plain(obj, 0), ensure_ascii=bool(ensure_ascii), check_circular=False, allow_nan=bool(allow_nan),
            indent=indent, separators=separators,
        )
        meter.pay(len(text) // _SIZE_PER_TICK)
        return text

    def loads(
        s: Any, *, object_hook: Any = None, parse_float: Any = None, parse_int: Any = None, parse_constant: Any = None,
        object_pairs_hook: Any = None,
    ) -> Any:
        if type(s) not in (bytes, str):
            raise TypeError(f"the JSON object must be str or bytes, not {type(s).__name__}")
        meter.pay(len(s) // _SIZE_PER_TICK)
        try:
            if isinstance(s, bytes):
                s = s.decode(json.detect_encoding(s), "surrogatepass")
            _check_depth(s)
            return json.loads(
                s, object_hook=object_hook, parse_float=parse_float, parse_int=parse_int,
                parse_constant=parse_constant, object_pairs_hook=object_pairs_hook,
            )
        except json.JSONDecodeError as error:
            raise JSONDecodeError(error.msg, error.doc, error.pos) from None

    return make_module("json", {"JSONDecodeError": JSONDecodeError, "dumps": sealed(dumps), "loads": sealed(loads)})


def _check_depth(text: str) -> None:
    """Refuse a text that is nested too deeply, before the decoder recurses as deep.

    Looks only at texts with brackets enough for it, and past their strings.
    """
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for match in _MARKS.finditer(text):
        mark = text[match.start()]
        if mark == '"':
            continue
        depth += 1 if mark in "[{" else -1
        if depth > DEPTH_MAX:
            raise JSONDecodeError(f"Nested deeper than {DEPTH_MAX}", text, match.start())


class _Walk:
    """Makes the plain copy of one value."""

    def __init__(
        self, hooks: Hooks, tick: Callable[[], None], default: Any, skip_keys: bool, sort_keys: bool, allow_nan: bool
    ) -> None:
        self._dict: Any = hooks.dict_type
        self._sequences: Any = (tuple, hooks.list_type)
        self._typeof = hooks.typeof
        self._tick = tick
        self._default = default
        self._skip_keys = skip_keys
        self._sort_keys = sort_keys
        self._allow_nan = allow_nan
        self._open: set[int] = set()

    def plain(self, value: Any, depth: int) -> Any:
        self._tick()
        value = acted(value)
        if type(value) in _LEAVES:
            if type(value) is float and not self._allow_nan:
                json.dumps(value, allow_nan=False)  # raises for what is none; before what comes later may raise
            return value
        if depth > DEPTH_MAX:
            raise ValueError(f"nested deeper than {DEPTH_MAX}")
        if id(value) in self._open:
            raise ValueError("Circular reference detected")
        self._open.add(id(value))
        try:
            if isinstance(value, self._dict):
                return self._plain_dict(value, depth)
            if isinstance(value, self._sequences):
                return [self.plain(item, depth + 1) for item in list(value)]
            if self._default is None:
                raise TypeError(f"Object of type {self._typeof(value).__name__} is not JSON serializable")
            return self.plain(self._default(value), depth + 1)
        finally:
            self._open.discard(id(value))

    def _plain_dict(self, value: Any, depth: int) -> dict[Any, Any]:
        items = list(value.items())
        if self._sort_keys:
            items.sort(key=lambda item: item[0])
        plain = {}
        for key, item in items:
            key = acted(key)
            if type(key) in _LEAVES:
                plain[key] = self.plain(item, depth + 1)
            elif not self._skip_keys:
                raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")
        return plain
