"""Upgrades: an instance written by an older version of its class is brought forward when a snippet first touches it.

    class C: version 1     class C: version 2, with __upgrade__      a.x
    a, shape [C 1]  ----->  a becomes stale               ----->     a.__upgrade__(1), shape [C 2], then a.x

The *shape* of an instance says which version of its class, and of the client's classes above that, it was written
with: [oid, version, oid, version, ...]. An instance is due when a class above it that defines `__upgrade__` itself is
further than the shape says. Each such class is asked once, bases first, with the version it was at (0: the instance
was not of this class then); its version is noted, those of classes without `__upgrade__` stay what they were.

*Stale* is a fourth state (objserver/heap/states.py): loaded, but with the methods of a ghost, so that any touch asks
the heap first. A redefinition makes the clean instances stale by changing their class, not them, so it costs the same
for one and for a million. Instances that the snippet had changed or made before it defined the class have been seen
already: the former are due from the next snippet on, the latter count as of the new version.

In a query the upgrade runs as well, and the runner rolls it back when the query ends.

Promise: whether an instance was a ghost, clean or evicted makes no difference (tests/engine/test_upgrades.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MachineError, UpgradeFailed
from . import instances
from .instances import KINDS, CodeInfo, HeapClass, Instance

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["Upgrades"]

Shape = list[int]


class Lineage(NamedTuple):
    """What the versions of a class and of those above it are now."""

    shape: Shape  # of a new instance; one list for all of them
    upgrades: list[tuple[int, int, Any, Any]]  # (oid, version, class, its __upgrade__), bases first


class Upgrades:
    """The versions of one heap's instances.

    Attributes:
        before: oid -> shape before the upgrade, of those that the running snippet upgraded.
    """

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self.before: dict[int, Shape] = {}

    def outdate(self, cls: Any) -> None:
        """A class has a new version or other bases: its instances, and those of classes below, may be due."""
        below = instances.tree(cls)
        for each in below:
            each.__dict__["__info__"].lineage = None
        if issubclass(cls, Instance) and any(map(_upgrade_of, cls.__mro__)):
            for each in below:
                instances.outdate(each)

    def begin(self, obj: Any) -> None:
        """Give a new instance its shape. Anything else is left alone."""
        cls = type(obj)
        if type(cls) in KINDS and issubclass(cls, Instance):
            instances.set_shape(obj, self._lineage(cls.__info__, cls).shape)

    def place(self, obj: Any, info: CodeInfo, shape: Shape) -> None:
        """Put a loaded instance that no snippet is changing into its state: clean or stale."""
        lineage = self._lineage(info, type(obj))
        if shape == lineage.shape:
            shape = lineage.shape
        instances.set_shape(obj, shape)
        if lineage.upgrades and shape is not lineage.shape and _steps(lineage, shape):
            instances.set_class(obj, instances.stale_twin(_public(type(obj))))
        else:
            instances.set_class(obj, info.clean)

    def is_due(self, obj: Any) -> bool:
        """Whether a loaded instance must be upgraded before it is read. One that only seemed so becomes clean."""
        cls: Any = type(obj)
        info = cls.__info__
        if cls is info.clean or "__public__" not in cls.__dict__:
            return False
        self.place(obj, info, instances.shape_of(obj))
        return type(obj) is not info.clean

    def run(self, obj: Any) -> None:
        """Upgrade an instance that is due.

        Raises:
            UpgradeFailed: an `__upgrade__` raised. No snippet can catch it.
        """
        heap = self._heap
        cls = _public(type(obj))
        info = cls.__info__
        lineage = self._lineage(info, cls)
        steps = _steps(lineage, instances.shape_of(obj))
        shape = _upgraded(lineage, instances.shape_of(obj))
        if heap.in_comparison():
            # It would change the object in the middle of what dict, list or set do with it.
            name = next((name for name in instances.attributes(obj) if not name.startswith("_")), "name")
            raise UpgradeFailed(
                f"a comparison or hash method is the first to touch a {cls.__name__!r} object of an older version, and "
                f"its __upgrade__ can't run in there; touch each object before, as in 'for x in objects: x.{name}'"
            )
        read_only, heap.read_only = heap.read_only, False
        try:
            instances.set_class(obj, info.clean)
            heap.touch(obj)
            self.before.setdefault(instances.oid_of(obj), instances.shape_of(obj))
            instances.set_shape(obj, shape)
            for of, function, version, target in steps:
                try:
                    function.__get__(obj, cls)(version)
                except (MachineError, MemoryError, RecursionError, SystemError, UpgradeFailed):
                    raise
                except Exception as error:
                    raise UpgradeFailed(
                        f"{of.__name__}.__upgrade__({version}) raised {type(error).__name__} and left the "
                        f"{cls.__name__!r} object as it was; define {of.__name__!r} again with an __upgrade__ "
                        f"that leads from version {version} to {target}"
                    ) from error
        finally:
            heap.read_only = read_only
        if read_only:
            instances.set_class(obj, info.clean)  # a query may not change what it sees

    def end(self) -> None:
        """The snippet's upgrades stay."""
        self.before.clear()

    def undo(self, touched: Iterable[Any], redefined: Iterable[Any]) -> None:
        """Give the instances of a snippet back their shapes, after every class is again what it was.

        Args:
            redefined: classes that were something else for a while, when their instances may have seemed up to date.
        """
        for each in redefined:
            self.outdate(each)
        for oid, shape in self.before.items():
            instances.set_shape(self._heap.live[oid], shape)
        self.before.clear()
        for obj in touched:
            cls: Any = type(obj)
            if type(cls) in KINDS and issubclass(cls, Instance):
                self.place(obj, cls.__info__, instances.shape_of(obj))

    def _lineage(self, info: CodeInfo, cls: Any) -> Lineage:
        lineage: Lineage | None = info.lineage
        if lineage is None:
            shape: Shape = []
            upgrades = []
            for each in _public(cls).__mro__:
                found = each.__dict__.get("__info__")
                if found is not None:
                    shape += (found.oid, found.version)
                    # Members of enums are made anew by the class statement; and a dict that is read hashes those that
                    # are its keys, which must run no code of a client.
                    function = _upgrade_of(each) if type(cls) is HeapClass else None
                    if function is not None:
                        upgrades.append((found.oid, found.version, each, function))
            lineage = Lineage(shape, upgrades[::-1])
            if all(shape[::2]):  # else a class of this snippet, which has no oid yet
                info.lineage = lineage
        return lineage


def _public(cls: Any) -> Any:
    return cls.__dict__.get("__public__", cls)


def _upgrade_of(cls: Any) -> Any:
    """Return what a class itself defines as `__upgrade__`."""
    function = cls.__dict__.get("__upgrade__")
    return function if isinstance(function, FunctionType | classmethod | staticmethod) else None


def _version(shape: Shape, oid: int) -> int:
    """Return the version of a class that a shape tells, 0 for none."""
    for index in range(0, len(shape), 2):
        if shape[index] == oid:
            return shape[index + 1]
    return 0


def _steps(lineage: Lineage, shape: Shape) -> list[tuple[Any, Any, int, int]]:
    """Return (class, __upgrade__, from version, to version) of each upgrade that is due, in order."""
    return [
        (cls, function, known, version)
        for oid, version, cls, function in lineage.upgrades
        if (known := _version(shape, oid)) < version
    ]


def _upgraded(lineage: Lineage, shape: Shape) -> Shape:
    """Return the shape after all that is due."""
    asked = {oid for oid, _, _, _ in lineage.upgrades}
    now = lineage.shape
    after: Shape = []
    for index in range(0, len(now), 2):
        oid = now[index]
        after += (oid, now[index + 1] if oid in asked else _version(shape, oid))
    return now if after == now else after
