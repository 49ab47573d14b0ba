"""What is in a heap, or in a model of it, as plain data that compares: content, order, types, sharing and cycles.

    roots -> [graph] -> [name and value of each root, then each object in the order in which they are met]

Objects stand by the number at which they were met, so that sharing shows; values by their repr, so that 1, 1.0 and True
are three things. Of a set of CPython's own, which has no order, the members are sorted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["graph"]

_KEYED = frozenset(("dict", "OrderedDict", "defaultdict", "Counter", "SortedDict"))
_IN_ORDER = frozenset(("list", "deque", "set"))


def graph(roots: Mapping[str, Any], attributes: Mapping[str, Sequence[str]]) -> list[Any]:
    """Return everything that `roots`, name -> value, lead to.

    Args:
        attributes: of each class of instances, by its name, the attributes to look at.
    """
    numbers: dict[int, int] = {}
    met: list[Any] = []

    def refer(value: Any) -> Any:
        kind = type(value)
        name = kind.__name__
        if kind is str or value is None:
            return value
        if name in ("tuple", "frozenset"):
            members = [refer(member) for member in value]
            return (name, *(sorted(members, key=repr) if kind is frozenset else members))
        if isinstance(value, type):
            return ("type", value.__name__)
        if name not in _KEYED and name not in _IN_ORDER and name not in attributes:
            return (name, repr(value))
        number = numbers.setdefault(id(value), len(numbers))
        if number == len(met):
            met.append(value)
        return ("#", number)

    def content(value: Any) -> list[Any]:
        name = type(value).__name__
        if name in attributes:
            known = [attribute for attribute in attributes[name] if hasattr(value, attribute)]
            return [name, *((attribute, refer(getattr(value, attribute))) for attribute in known)]
        if name in _KEYED:
            factory = getattr(value, "default_factory", None)
            return [name, factory and factory.__name__, *((refer(key), refer(item)) for key, item in value.items())]
        items = map(refer, value)
        return [name, getattr(value, "maxlen", None), *(sorted(items, key=repr) if type(value) is set else items)]

    found: list[Any] = [[name, refer(roots[name])] for name in sorted(roots)]
    found.extend(map(content, met))  # `met` grows meanwhile
    return found
