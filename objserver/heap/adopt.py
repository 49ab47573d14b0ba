"""Adoption: when a snippet ends, what it left in the heap becomes part of it.

    users["bob"] = {"tags": []}   ->   the dict and the list get an oid each, users refers to them

A plain container becomes the content of a Dict, List or Set; the same container in two places becomes the same
object in both. A new instance gets an oid as it is. What can't be kept raises NotStorable with the path to it. The
walk goes over what the snippet changed and over what is new, no further, and without recursion: depth is bounded by
memory, not stack.

Promise: oids are given in one order on every replica: that of the changes, then breadth first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from itertools import islice
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from ..errors import NotStorable
from . import instances
from .atoms import ATOMS, NAN, WITH_NAN, are_settled, is_nan
from .containers import PAGED, STATES, Dict, List
from .deques import Deque
from .dict_kinds import DefaultDict
from .instances import KINDS, Instance, Version
from .named import NamedTupleType
from .paged_dict import PagedDict
from .paged_list import Place
from .paged_sorted import PagedSorted
from .root import INTERNAL, Root
from .sets import FrozenSet, Set
from .sorted_dict import SortedDict

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["Adoption"]

_WRAPS: Final[dict[type, Any]] = {dict: Dict, list: List}

_TEXT: Final = frozenset({str})

# Types whose values are left alone: atoms that are no nan, and containers that are in the heap and were not changed.
_SETTLED: Final[frozenset[type]] = (ATOMS - WITH_NAN) | {
    state for state, public in STATES.items() if state is not public.__free__
}

# Tuples and frozensets are stored inline; deeper ones would recurse too far when they are packed.
_TUPLE_DEPTH_MAX: Final = 50

# The key, in paths, of the factory of a defaultdict.
_FACTORY: Final = object()

# How many objects the search for a path looks at before it settles for less.
_PATH_COUNT_MAX: Final = 10_000


class Adoption:
    """The walk over the changes of one snippet."""

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self.created: list[Any] = []  # in order of their oids, and in that they are looked at
        self._wrapped: dict[int, Any] = {}  # id of a plain container -> the object it became
        self._origin: dict[int, tuple[Any, Any]] = {}  # oid of a new object -> where it was found: (owner, key)

    def run(self, touched: list[Any], root: Root) -> None:
        """Adopt everything new in the objects touched and in the root. Raises NotStorable."""
        namespace = root.namespace
        for name, _ in root.journal:
            if name in namespace and (type(namespace[name]) not in ATOMS or is_nan(namespace[name])):
                namespace[name] = self._adopt(namespace[name], root, name)
        for obj in touched:
            if type(obj) in STATES and type(obj.__items__) in PAGED:
                self._scan_paged(obj)
            else:
                self._scan(obj)
        for obj in self.created:  # which grows meanwhile
            self._scan(obj)

    def end(self) -> None:
        """Forget the walk: its snippet was committed or rolled back."""
        if self.created:
            self.created.clear()
            self._wrapped.clear()
            self._origin.clear()

    def _scan(self, obj: Any) -> None:
        """Adopt whatever `obj` holds."""
        public = STATES.get(type(obj))
        if public is Dict:
            items = obj.__items__
            if not _TEXT.issuperset(map(type, items)) and not are_settled(items, keys=True):
                for key in items:
                    self._adopt_key(key, obj)
            if not _SETTLED.issuperset(map(type, items.values())):
                self._adopt_values(items, obj)
        elif public is List:
            items = obj.__items__
            if kinds := _unsettled(items):
                for at, value in enumerate(items):
                    if type(value) in kinds:
                        items[at] = self._adopt(value, obj, at)
        elif public is SortedDict:
            self._adopt_entries(obj.__items__, obj)
        elif public is Deque:
            items = obj.__items__
            if kinds := _unsettled(items):
                # By index the middle is far away.
                adopted = [
                    self._adopt(value, obj, at) if type(value) in kinds else value for at, value in enumerate(items)
                ]
                items.clear()
                items.extend(adopted)
        elif public is not None:
            items = obj.__items__
            if not are_settled(items, keys=True):
                for key in items:
                    self._adopt_key(key, obj)
            if public is not Set:
                self._adopt_values(items, obj)
            if public is DefaultDict:
                self._adopt_factory(obj)
        elif type(obj) in KINDS:
            self._scan_class(obj)
        elif type(obj) is FunctionType:
            self._scan_history(obj)
            self._scan_function(obj, obj)
        elif type(obj) is Version:
            pass
        else:
            self._adopt_values(instances.attributes(obj), obj)

    def _scan_paged(self, obj: Any) -> None:
        """Adopt what a large container got in this snippet, at a cost that follows that and not its size."""
        items = obj.__items__
        if type(items) is not PagedDict:
            for part, first, end in items.changed_in_snippet():
                if end - first == 1 and type(items) is not PagedSorted:  # the most frequent of changes
                    part[first] = self._adopt(part[first], obj, Place((items, part, first)))
                    continue
                found = part[first:end]
                if type(items) is PagedSorted:
                    self._adopt_entries(found, obj)
                    part[first:end] = found
                elif kinds := _unsettled(found):
                    for at, value in enumerate(found, first):
                        if type(value) in kinds:
                            part[at] = self._adopt(value, obj, Place((items, part, at)))
            return
        entries = items.changed_in_snippet()
        # Most are atoms, and a look at each is a tenth of what an entry costs.
        keys, kinds = [entry[3] for entry in entries], _unsettled([entry[1] for entry in entries])
        if kinds or not are_settled(keys, keys=True):
            for entry in entries:
                _, value, _, key = entry
                self._adopt_key(key, obj)
                if type(value) in kinds:
                    items.replace(entry, self._adopt(value, obj, key))
        if STATES[type(obj)] is DefaultDict:
            self._adopt_factory(obj)

    def _adopt_factory(self, obj: Any) -> None:
        if obj.__factory__ is not None:
            obj.__factory__ = self._adopt(obj.__factory__, obj, _FACTORY)

    def _adopt_entries(self, entries: list[Any], owner: Any) -> None:
        """Adopt the values of (key, value) in a SortedDict, whose keys are values that can't change."""
        if kinds := _unsettled([value for _, value in entries]):
            for at, (key, value) in enumerate(entries):
                if type(value) in kinds:
                    entries[at] = key, self._adopt(value, owner, key)

    def _adopt_values(self, items: dict[Any, Any], owner: Any) -> None:
        if kinds := _unsettled(items.values()):
            for key, value in items.items():
                if type(value) in kinds:
                    items[key] = self._adopt(value, owner, key)

    def _adopt_key(self, key: Any, owner: Any) -> None:
        if type(key) not in ATOMS or is_nan(key):
            self._check_key(key, owner)
            if self._adopt(key, owner, key) is not key:
                raise NotStorable(f"{self._path(owner, key)}: a key can't hold a plain container")

    def _check_key(self, key: Any, owner: Any) -> None:
        """Refuse keys whose place in a dict is decided by a client's code: read again, it may decide otherwise."""
        cls = type(key)
        if is_nan(key):
            raise NotStorable(f"{self._path(owner, key)}: a nan is unequal to itself and can't be kept as a key")
        if cls is tuple or cls is FrozenSet or issubclass(type(cls), NamedTupleType):
            for item in key:
                self._check_key(item, owner)
        elif type(cls) in KINDS:
            if not all(instances.is_known(self._heap, cls, name) for name in instances.KEY_METHODS):
                raise NotStorable(
                    f"{self._path(owner, key)}: a key of class {cls.__name__!r}, which defines __eq__ or __hash__, "
                    "can't be kept; use a NamedTuple, or a text, number or tuple that stands for it"
                )
            instances.mark_keyed(cls)

    def _scan_history(self, code: Any) -> None:
        info = code.__dict__["__info__"]
        if not info.current.oid:
            info.current.oid = self._enroll(info.current, code, "version")
        if info.history is not None:
            self._adopt(info.history, code, "history")

    def _scan_class(self, cls: Any) -> None:
        self._scan_history(cls)
        body = sorted(instances.class_body(cls).items())
        # A method of two names is an object, so that they stay names of one.
        seen = Counter(id(function) for _, value in body for function in instances.functions_of(value))
        is_method = self._heap.definitions.is_method
        # Sorted, as they are in a record: a class that was loaded has them in another order than one that was defined.
        properties: set[int] = set()
        for name, value in body:
            if type(value) is property:
                # One that has two names becomes two, each with its own, as those of a loaded class are.
                if id(value) in properties:
                    value = property(value.fget, value.fset, value.fdel, value.__doc__)
                    type.__setattr__(cls, name, value)
                properties.add(id(value))
                value.__set_name__(cls, name)  # type: ignore[attr-defined]
            functions = instances.functions_of(value)
            if functions:
                for function in functions:
                    known = "__info__" in function.__dict__
                    if known or seen[id(function)] > 1 or not is_method(function, cls):
                        self._adopt(function, cls, name)
                    else:
                        self._scan_function(function, cls)
            elif type(value) not in ATOMS or is_nan(value):
                adopted = self._adopt(value, cls, name)
                if adopted is not value:
                    type.__setattr__(cls, name, adopted)
        for base in cls.__bases__:
            if (type(base) in KINDS and base is not Instance) or type(base) is NamedTupleType:
                self._adopt(base, cls, "__bases__")

    def _scan_function(self, function: FunctionType, owner: Any) -> None:
        if function.__defaults__:
            function.__defaults__ = self._adopt(function.__defaults__, owner, "default")
        keyword_defaults = function.__kwdefaults__ or {}
        for key, value in keyword_defaults.items():
            keyword_defaults[key] = self._adopt(value, owner, key)
        for key, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # nothing was bound to the name yet, or not any more
                continue
            if (adopted := self._adopt(value, owner, key)) is not value:
                cell.cell_contents = adopted

    def _keep_function(self, function: FunctionType, owner: Any, key: Any) -> Any:
        """Return the info of a function that no root's `def` made; None when it can't be kept."""
        closures = self._heap.definitions.closures
        version = closures.version_of(function)
        if version is None:
            return None
        shared = version.nonlocals.intersection(function.__code__.co_freevars)
        if shared:
            name = min(shared)
            raise NotStorable(
                f"{self._path(owner, key)} is {_describe(function)} of {version.path!r}, where {name!r} is 'nonlocal', "
                f"so it can't be kept; keep {name!r} in an attribute of an object, or in a dict"
            )
        return closures.keep(function, version)

    def _adopt(self, value: Any, owner: Any, key: Any, depth: int = 0) -> Any:
        """Return what stands for `value` in the heap: itself, or the object that a plain container became."""
        heap = self._heap
        cls = type(value)
        if cls in ATOMS:
            if not is_nan(value):
                return value
            if cls is float:
                return NAN
            raise NotStorable(f"{self._path(owner, key)}: a {cls.__name__} nan can't be kept; keep float('nan')")
        if cls in _WRAPS:
            known = self._wrapped.get(id(value))
            if known is None:
                self._wrapped[id(value)] = known = object.__new__(_WRAPS[cls])
                known.__items__ = value
                self._enroll_container(known, owner, key)
            return known
        if cls in STATES:
            if not value.__oid__:
                self._enroll_container(value, owner, key)
            return value
        if cls is tuple or cls is FrozenSet or issubclass(type(cls), NamedTupleType):
            if issubclass(type(cls), NamedTupleType):
                self._adopt(cls, owner, key)
            if depth > _TUPLE_DEPTH_MAX:
                raise NotStorable(f"{self._path(owner, key)}: tuples nested deeper than {_TUPLE_DEPTH_MAX}; use a list")
            if are_settled(value):
                return value
            if cls is FrozenSet:
                for item in value:
                    if type(item) not in ATOMS:
                        self._check_key(item, owner)
            adopted = [self._adopt(item, owner, key, depth + 1) for item in value]
            if all(map(_same, value, adopted)):
                return value
            return tuple.__new__(cls, adopted) if issubclass(cls, tuple) else cls(adopted)
        if type(cls) in KINDS and issubclass(cls, Instance):
            return self._adopt_instance(value, owner, key)
        if cls in KINDS or cls is FunctionType:
            info = value.__dict__.get("__info__")
            if info is None and cls is FunctionType:
                info = self._keep_function(value, owner, key)
            if info is not None:
                if not info.version:
                    raise NotStorable(
                        f"{self._path(owner, key)} is the class {info.name!r}, whose definition did not end"
                    )
                if not info.oid:
                    info.oid = self._enroll(value, owner, key)
                return value
        if heap.builtin_name(value) is not None:
            return value
        if cls is NamedTupleType:
            if value.__kept__:
                return value
            raise NotStorable(
                f"{self._path(owner, key)}: the named tuple {value.__name__!r} has a default that can change; use None"
            )
        path = self._path(owner, key)
        raise NotStorable(f"{path} is {_describe(value)}, which can't be kept; {_advice(value, path)}")

    def _adopt_instance(self, value: Any, owner: Any, key: Any) -> Any:
        try:
            instances.oid_of(value)
            return value
        except AttributeError:  # the slot is empty: the instance is new
            pass
        cls = type(value)
        if "__info__" not in cls.__dict__:
            raise NotStorable(
                f"{self._path(owner, key)} is an instance of {cls.__name__!r}, a class of this snippet alone; "
                f"define {cls.__name__!r} at the top of a cell"
            )
        self._adopt(cls, owner, key)
        instances.enroll(value, self._heap, self._enroll(value, owner, key))
        instances.set_attributes(value, {**instances.attributes(value)})
        return value

    def _enroll_container(self, obj: Any, owner: Any, key: Any) -> None:
        heap = obj.__heap__ = self._heap
        obj.__oid__ = self._enroll(obj, owner, key)
        obj.__saved__ = obj.__text__ = None
        obj.__laid__ = heap.snippet  # this snippet made it: its layout is that of every replica

    def _enroll(self, obj: Any, owner: Any, key: Any) -> int:
        heap = self._heap
        oid = heap.next_oid
        heap.next_oid += 1
        heap.live[oid] = obj
        self.created.append(obj)
        self._origin[oid] = (owner, key)
        return oid

    # --- where a value is, for messages ---------------------------------------------------------------------------

    def _path(self, owner: Any, key: Any) -> str:
        """Return how a snippet would reach `owner[key]`, as far as that is found quickly."""
        steps = [_step(owner, key)]
        while not isinstance(owner, Root):
            found = self._origin.get(self._heap._oid(owner))
            if found is None:
                return self._search(owner) + "".join(reversed(steps))
            owner, key = found
            steps.append(_step(owner, key))
        return "".join(reversed(steps))

    def _search(self, target: Any) -> str:
        """Return the path to an object that is in the heap already, looking at loaded objects only."""
        namespace = self._heap.root.namespace
        names = [name for name in namespace if name.isidentifier() and name not in INTERNAL]
        queue = deque((namespace[name], name) for name in names)
        seen: set[int] = set()
        while queue and len(seen) < _PATH_COUNT_MAX:
            obj, path = queue.popleft()
            if obj is target:
                return path
            if id(obj) in seen:
                continue
            seen.add(id(obj))
            queue.extend((child, path + _step(obj, key)) for key, child in _children(obj))
        return f"<{self._heap.kind_of(target)} {self._heap._oid(target)}>"


def _unsettled(values: Collection[Any]) -> set[type]:
    """Return the types of those that have to be looked at: most of what a snippet changed a little was there before."""
    kinds = set(map(type, values))
    kinds -= _SETTLED
    if kinds:
        if not kinds.isdisjoint(WITH_NAN) and not any(is_nan(value) and value is not NAN for value in values):
            kinds -= WITH_NAN
        for kind in [kind for kind in kinds if type(kind) in KINDS and "__public__" in kind.__dict__]:
            kinds.remove(kind)  # an instance that is in the heap and was not changed
    return kinds


def _children(obj: Any) -> Iterable[tuple[Any, Any]]:
    cls = type(obj)
    public = STATES.get(cls)
    if public is not None:
        if cls is cls.__ghost__:
            return ()
        items = obj.__items__
        found = () if public is Set else items if public is SortedDict else enumerate(items)
        if public.__form__ == "dict" and public is not SortedDict:
            found = items.items()
        return islice(found, _PATH_COUNT_MAX)
    if type(cls) in KINDS and issubclass(cls, Instance):
        return instances.attributes(obj).items()
    return ()


def _step(owner: Any, key: Any) -> str:
    if isinstance(owner, Root):
        return str(key).removeprefix("def ")  # the function under a decorator is shown as what it became
    if key is _FACTORY:
        return ".default_factory"
    if type(key) is Place:
        key = key.index()
    if type(owner) in STATES:
        return f"[{key!r}]" if type(key) in ATOMS else f"[<{type(key).__name__}>]"
    return f".{key}"


def _same(first: object, second: object) -> bool:
    return first is second


def _describe(value: Any) -> str:
    if isinstance(value, FunctionType):
        return "a lambda" if value.__name__ == "<lambda>" else f"the inner function {value.__name__!r}"
    if isinstance(value, type):
        return f"the class {value.__name__!r}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _advice(value: Any, path: str) -> str:
    if isinstance(value, FunctionType):
        if value.__name__ == "<lambda>" and value.__code__.co_freevars:
            names = ", ".join(f"{name}={name}" for name in value.__code__.co_freevars)
            return f"it uses what ends with the snippet: give it as a default, 'lambda ..., {names}: ...'"
        return "define it by name at the top of a cell"
    if isinstance(value, type):
        return "define it by name at the top of a cell"
    if isinstance(value, BaseException):
        return "keep its text, or what you need of it"
    own = f"call it _{path}, which ends with the snippet" if path.isidentifier() else "hold it in a name with '_'"
    if hasattr(type(value), "__next__"):
        return f"keep list(...) of it, or {own}"
    if callable(value):
        return f"{own}, or write a 'def' that calls it"
    return f"keep the data it stands for, or {own}"
