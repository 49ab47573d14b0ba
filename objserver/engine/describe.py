"""What a result looks like to the codec: the shape of each object that is not a plain value."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType
from typing import Any, Final

from ..heap import Dict, Heap, HeapClass, Instance, List, Set
from ..heap.containers import STATES
from ..heap.instances import attributes
from .requests import Codec

__all__ = ["Describer"]

# Iterables that a snippet often ends with and that hold nothing but values: sent as lists.
_LISTED: Final = frozenset({type({}.keys()), type({}.values()), type({}.items()), range})


class Describer:
    """Callable: value -> shape, for objects of one heap and what snippets make beside them.

    Raises:
        TypeError: the value can't be sent; says what to send instead.
    """

    def __init__(self, heap: Heap, codec: Codec) -> None:
        self._heap = heap
        self._shape = codec.shape

    def __call__(self, value: Any) -> Any:
        cls = type(value)
        public = STATES.get(cls)
        if public is not None:
            if cls is cls.__ghost__:
                self._heap.load(value)
            return self._shape(_KINDS[public], value.__items__, public.__name__, value.__oid__ or None)
        if type(cls) is HeapClass and issubclass(cls, Instance):
            reference = self._heap.refer_if_kept(value)
            if reference is not None:
                self._heap.load(value)
            public_attributes = {name: item for name, item in attributes(value).items() if not name.startswith("_")}
            return self._shape("instance", public_attributes, cls.__name__, reference)
        if cls in _LISTED:
            return self._shape("list", list(value), cls.__name__, None)
        if isinstance(value, type):
            return self._shape("reference", None, "class", self._heap.refer_if_kept(value))
        if isinstance(value, FunctionType | BuiltinFunctionType):
            return self._shape("reference", None, "function", self._heap.refer_if_kept(value))
        advice = "return list(...) of it" if hasattr(cls, "__next__") else "return the values it holds"
        raise TypeError(f"a {cls.__name__} can't be sent; {advice}")


_KINDS: Final[dict[type, str]] = {Dict: "dict", List: "list", Set: "set"}
