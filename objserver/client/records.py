"""What stands in a client for objects that stay on the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = ["Record", "Ref"]


class Record:
    """A copy of an instance: its class's name and its public attributes, as they were when the reply was made.

    Read like the instance: `user.name`. It never changes, and equals a record of the same class with equal
    attributes. Its own names begin with an underscore, which no public attribute does: `_class_name`, `_asdict()`.
    """

    __slots__ = ("_attributes", "_class_name")

    _attributes: dict[str, Any]
    _class_name: str

    def __init__(self, class_name: str, attributes: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_class_name", class_name)
        object.__setattr__(self, "_attributes", dict(attributes))

    def _asdict(self) -> dict[str, Any]:
        """Return the attributes by name, in their order."""
        return dict(self._attributes)

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_attributes")[name]
        except KeyError:
            raise AttributeError(f"{self._class_name!r} record has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a record is a copy; set {name!r} on the server, in a snippet")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a record is a copy; delete {name!r} on the server, in a snippet")

    def __eq__(self, other: object) -> bool:
        if type(other) is not Record:
            return NotImplemented
        return self._class_name == other._class_name and self._attributes == other._attributes

    def __hash__(self) -> int:
        # Equal records hash alike: attributes that have no hash are left out. Instances may be members of sets.
        hashes = 0
        for item in self._attributes.items():
            try:
                hashes ^= hash(item)
            except TypeError:
                pass
        return hash((self._class_name, hashes))

    def __repr__(self) -> str:
        return f"{self._class_name}({', '.join(f'{name}={value!r}' for name, value in self._attributes.items())})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._attributes]

    def __reduce__(self) -> tuple[type[Record], tuple[str, dict[str, Any]]]:
        return Record, (self._class_name, self._attributes)


@dataclass(frozen=True, slots=True)
class Ref:
    """The place of something a reply does not show: what lies below the depth asked for, a cycle, a class, a function.

    Attributes:
        oid: the object's number in the heap; None for what was made by the snippet and not kept.
        class_name: of the object, as far as it is known.
    """

    oid: int | None
    class_name: str | None
