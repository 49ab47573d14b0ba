"""What a result looks like to the codec: the shape of each object that is not a plain value."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType
from typing import Any, Final

from ..errors import ResultTooLarge
from ..heap import FrozenSet, Heap, HeapClass, Instance, NamedTuple
from ..heap.containers import PAGED, STATES
from ..heap.instances import KINDS, attributes
from ..heap.views import Items, Keys, Values
from ..limits import RESULT_SIZE_MAX
from .requests import Codec

__all__ = ["Describer"]

# Iterables that a snippet often ends with and that hold nothing but values: sent as lists.
_LISTED: Final = frozenset({type({}.keys()), type({}.values()), type({}.items()), range, Keys, Values, Items})


# Bytes that an entry of a dict takes in JSON at least, and an item of a set: `0,`.
_ENTRY_SIZE_MIN: Final = 2


# What an instance that acts as one may hold before it is kept.
_HELD: Final[dict[type, str]] = {dict: "dict", list: "list"}


class Describer:
    """Callable: value -> shape, for objects of one heap and what snippets make beside them.

    Raises:
        TypeError: the value can't be sent; says what to send instead.
    """

    def __init__(self, heap: Heap, codec: Codec) -> None:
        self._heap = heap
        self._shape = codec.shape
        self.outdated: list[Any] = []  # instances met that must be upgraded before they are shown

    def __call__(self, value: Any) -> Any:
        # Dense, because every reply passes here: a plain tuple costs a third of a named one.
        cls = type(value)
        kind = _KINDS.get(cls)
        if kind is not None:
            try:
                items = value.__items__
            except AttributeError:  # a ghost has no items
                self._heap.load(value)
                items = value.__items__
            if type(items) in PAGED:
                items = _bounded(items)
            if kind == "dict" and type(items) is list:
                items = dict(items)
            return kind, items, _NAMES[cls], value.__oid__ or None
        if type(cls) in KINDS and issubclass(cls, Instance):
            reference = self._heap.refer_if_kept(value)
            if reference is not None and self._heap.fetch(value):
                self.outdated.append(value)
                return self._shape("instance", {}, cls.__name__, reference)
            own = attributes(value)
            if hasattr(cls, "__acts_as__"):  # it derives from list, dict or set, and is shown as what it holds
                held = own.get("_items_")
                kind = _HELD.get(type(held))
                if kind is not None:
                    return kind, held, cls.__name__, reference
                if type(held) in _KINDS:
                    kind, items, _, _ = self(held)
                    return kind, items, cls.__name__, reference
            if type(cls) is not HeapClass and hasattr(cls, "__enum__") and "_name_" in own:  # a member
                # By these names: `name` and `value` may be properties of the client's.
                shown = {"name": own["_name_"], "value": own["_value_"]}
                return self._shape("instance", shown, cls.__name__, reference)
            public_attributes = {name: item for name, item in own.items() if not name.startswith("_")}
            return self._shape("instance", public_attributes, cls.__name__, reference)
        if cls is FrozenSet:
            return "frozenset", value.__items__, "frozenset", None
        if issubclass(cls, NamedTuple):
            return "namedtuple", NamedTuple._asdict(value), cls.__name__, None
        if cls in _LISTED:
            return self._shape("list", list(value), cls.__name__, None)
        if isinstance(value, type):
            return self._shape("reference", None, "class", self._heap.refer_if_kept(value))
        if isinstance(value, FunctionType | BuiltinFunctionType):
            return self._shape("reference", None, "function", self._heap.refer_if_kept(value))
        advice = "return list(...) of it" if hasattr(cls, "__next__") else "return the values it holds"
        raise TypeError(advice)


    def name(self, value: Any) -> Any:
        """Return the shape of a value whose content is not wanted: reads nothing from disk."""
        cls = type(value)
        kind = _KINDS.get(cls)
        if kind is not None:
            return kind, None, _NAMES[cls], value.__oid__ or None
        if type(cls) in KINDS and issubclass(cls, Instance):
            return self._shape("instance", None, cls.__name__, self._heap.refer_if_kept(value))
        return self(value)


def _bounded(items: Any) -> Any:
    """Return a plain container of what a large one holds. Raises ResultTooLarge."""
    if len(items) > RESULT_SIZE_MAX // _ENTRY_SIZE_MIN:
        raise ResultTooLarge(f"the value has {len(items)} items, too many for a reply; return a part of it")
    return items.copy()


# For each state of a container its kind on the wire, where every kind of dict is one, and the name of its class.
_KINDS: Final[dict[type, str]] = {state: public.__form__ for state, public in STATES.items()}
_NAMES: Final[dict[type, str]] = {state: public.__name__ for state, public in STATES.items()}
