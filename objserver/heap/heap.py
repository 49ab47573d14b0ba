"""The heap: which objects there are, which of them are loaded, changed or new, and how a snippet's changes end.

    begin --> snippet runs: load, touch --> adopt --> commit            every change stays
                                        `--> rollback                   none does

    commit --> dirty --> freeze --> slices of records --> settle        a checkpoint, beside running snippets
    evict: clean objects --> ghosts                                     between snippets

Objects: `live` maps an oid to the one Python object that stands for it, so that `is` holds. An object is never in
two places, loaded or not; a ghost is the same object without its state.  Promise: after `rollback` the heap is what
it was at `begin`, order included. What is loaded when never changes a result. Nothing here reads a clock or a random
number; oids are given in order of adoption, the same on every replica.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType
from typing import Any, Final, NamedTuple, Protocol
from zlib import crc32

from ..errors import DataDamaged, MachineError, ReadOnly
from ..store import Store
from . import instances
from .adopt import Adoption
from .changes import Changes
from .containers import PAGED, STATES, Dict, List
from .definitions import Definitions
from .deques import Deque
from .dict_kinds import Counter, DefaultDict, OrderedDict
from .eviction import Eviction
from .frozen import Frozen
from .instances import KINDS, CodeInfo, Instance, Version
from .paged_dict import PagedDict, Shape
from .pager import Pager
from .reclaim import KINDS as KINDS_OF_RECORDS
from .reclaim import Reclaim
from .records import (
    KIND_CLASS,
    KIND_COUNTER,
    KIND_DEFAULTDICT,
    KIND_DEQUE,
    KIND_DICT,
    KIND_FUNCTION,
    KIND_INSTANCE,
    KIND_LIST,
    KIND_ORDEREDDICT,
    KIND_SET,
    KIND_SORTEDDICT,
    KIND_VERSION,
    LARGE,
    LIBRARY_OID,
    RECORD_OF,
    ROOT_OID,
    Records,
    Reference,
    record_key,
)
from .root import Root
from .sets import FrozenSet, Set
from .settled import are_all_settled
from .sorted_dict import SortedDict
from .upgrades import Upgrades

__all__ = ["CompileDefinition", "Heap"]

_KIND_OF: Final[dict[type, int]] = {
    Counter: KIND_COUNTER,
    DefaultDict: KIND_DEFAULTDICT,
    Deque: KIND_DEQUE,
    Dict: KIND_DICT,
    List: KIND_LIST,
    OrderedDict: KIND_ORDEREDDICT,
    Set: KIND_SET,
    SortedDict: KIND_SORTEDDICT,
}
_CONTAINER_OF: Final[dict[int, Any]] = {kind: cls for cls, kind in _KIND_OF.items()}
# What an object costs in memory, from the size of its record: measured 3 to 5 times on nested documents of short texts
# and numbers, and some 300 bytes for the object itself.
_MEMORY_FACTOR: Final = 4
_OBJECT_SIZE: Final = 300

# What records of objects other than instances are called in statistics, and how many lines these have.
_KIND_NAMES: Final[dict[int, str]] = {
    RECORD_OF[kind][0]: cls.__name__ for kind, cls in _CONTAINER_OF.items()
} | {b"f"[0]: "function", b"c"[0]: "class", b"v"[0]: "text of code", b"r"[0]: "names"}
CENSUS_COUNT_MAX: Final = 100

# Frames that loading an object may need: a class, its bases, the classes of what it holds.
_LOAD_DEPTH: Final = 2_000

class _Beside(NamedTuple):
    """What the record of a large container with a value beside its items says."""

    value: Any
    items: PagedDict


class Definition(Protocol):
    """A compiled definition: code objects by (qualified name, line), and the names that a function in it declares
    `nonlocal`."""

    @property
    def codes(self) -> Mapping[tuple[str, int], CodeType]: ...

    @property
    def nonlocals(self) -> frozenset[str]: ...


class CompileDefinition(Protocol):
    """(source, name, file name) -> definition. `name` is "" for a statement that holds a lambda. `generated`: the
    source is no client's, a decorator wrote it."""

    def __call__(self, source: str, name: str, filename: str, /, *, generated: bool = False) -> Definition: ...


class Heap:
    """The objects of one data folder. One thread at a time.

    Attributes:
        paged_above: a container with more items than this is kept in pieces from the end of the snippet on.
        plain_below: one with fewer is not, from then on. Replicas must agree on both.
        cache_size: bytes of memory for what could be read again; see `evict`.
    """

    paged_above = 256
    plain_below = 64

    def __init__(self, store: Store, *, compile_definition: CompileDefinition, next_oid: int = ROOT_OID + 1) -> None:
        """
        Args:
            compile_definition: the language is not the heap's affair.
            next_oid: the oid that the next new object gets; from the checkpoint.
        """
        self.store = store
        self.read_only = False
        self.snippet = 1  # the number of the one that runs, since the heap was opened
        self.fault: MachineError | None = None  # what went wrong in a load; the snippet may have caught it
        self.missing: AttributeError = AttributeError()
        self.next_oid = next_oid
        self.root = Root(self._before_root_change, lambda name: self.link((name,)))
        self.to_link: list[str] = []  # names that loaded code mentions
        self.live: dict[int, Any] = {}
        self.touched: list[Any] = []
        self.dirty: dict[int, Any] = {}
        self.root_dirty = False
        self.loaded: dict[int, int] = {}  # oid -> bytes of memory
        self.loaded_size = 0
        self.cache_size = 256 * 1024 * 1024
        self.read_count = 0  # records of objects read from disk
        self.eviction = Eviction(self)
        self.pager = Pager(self)
        self.paged_dirty: dict[int, Any] = {}  # containers in pieces that are dirty
        self.evict_above = 0  # bytes loaded below which looking again is of no use
        self.builtin_names: dict[int, str] = {}
        self.builtins: dict[str, Any] = {}
        self.signature: Callable[[], tuple[str, int]] = lambda: ("", 0)  # author and time of what is defined now
        # (first line, text) of the statement of the running cell, no definition, where a lambda begins on this line.
        self.statement_at: Callable[[int], tuple[int, str] | None] = lambda line: None
        self.in_comparison: Callable[[], bool] = lambda: False  # whether a comparison method of a snippet runs now
        self.definitions = Definitions(self, compile_definition)
        self.upgrades = Upgrades(self)
        self.frozen = Frozen(self)
        self.reclaim = Reclaim(self, next_oid)
        self._adoption = Adoption(self)
        self.records = Records(
            refer=self.refer,
            resolve=self._resolve,
            builtin_name=self.builtin_name,
            builtin=self._builtin,
            function_parts=self.definitions.closures.parts,
            make_function=self.definitions.make_method,
        )
        self._load_root()

    # --- one snippet ----------------------------------------------------------------------------------------------

    def use_builtins(self, builtins: dict[str, Any], modules: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Give the code of the heap its builtins.

        Their classes and functions can be stored, by name; so can `modules` (name -> module) and what they offer.
        """
        self.root.namespace["__builtins__"] = builtins
        builtins["classmethod"] = instances.ClassMethod
        self.builtins = {name: value for name, value in builtins.items() if not name.startswith((".", "_"))}
        constants = (Ellipsis, NotImplemented)
        stored = {name: value for name, value in self.builtins.items() if callable(value) or value in constants}
        for name, module in modules.items():
            stored[f"module {name}"] = module
            for attribute in dir(module):
                if callable(value := getattr(module, attribute)):
                    stored[f"module {name}.{attribute}"] = value
        self.builtins |= stored
        self.builtin_names = {id(value): name for name, value in stored.items()}
        for name, value in stored.items():
            if type(value) in KINDS and "__library__" in value.__dict__ and "__info__" not in value.__dict__:
                self._use_class(value, LIBRARY_OID + crc32(name.encode()))

    def _use_class(self, cls: Any, oid: int) -> None:
        """Let instances of a class of the language be kept: its oid is the same everywhere, and it has no record."""
        version = Version(cls.__name__, 1, "", "", 0, {})
        info = CodeInfo(self, cls.__name__, version)
        info.oid, info.keyed = oid, True
        assert oid not in self.live
        self.live[oid] = cls
        for name, value in list(cls.__dict__.items()):
            if type(value) is classmethod:
                type.__setattr__(cls, name, instances.ClassMethod(value.__func__))
        type.__setattr__(cls, "__info__", info)
        instances.make_twins(cls)
        if type(text := cls.__dict__["__doc__"]) is property:
            for twin in (info.clean, info.ghost):
                type.__setattr__(twin, "__doc__", text)

    def link(self, names: Iterable[str]) -> None:
        """Make these names readable by code that is about to run, and those that code in them mentions in its turn.

        Names that are not roots are passed over.
        """
        packed = self.root.packed
        self.to_link.extend(names)
        while self.to_link:
            name = self.to_link.pop()
            if name in packed:
                self._link_name(name)

    def link_loaded(self) -> None:
        """Link the names that code which was just loaded mentions."""
        if self.to_link:
            self.link(())

    def link_later(self, names: Iterable[str]) -> None:
        """Have names linked before the load or link that is under way ends."""
        packed = self.root.packed
        self.to_link.extend(name for name in names if name in packed)

    def touch(self, obj: Any) -> None:
        """Called by a clean object before its first change in a snippet.

        Raises:
            ReadOnly: the snippet is a query.
        """
        if self.read_only:
            raise ReadOnly("a query can't change the heap; use eval")
        # Noted before it is done: a snippet near its recursion limit may be stopped between any two calls, and go on.
        self.touched.append(obj)
        if type(obj) in STATES:
            if obj.__oid__ in self.frozen.objects:
                self.frozen.write_early(obj.__oid__)
            obj.__keep__()
        else:
            if instances.oid_of(obj) in self.frozen.objects:
                self.frozen.write_early(instances.oid_of(obj))
            instances.keep(obj)

    def touch_class(self, cls: Any) -> None:
        """The same for a class."""
        if self.read_only:
            raise ReadOnly("a query can't change the heap; use eval")
        self.touched.append(cls)
        oid = cls.__dict__["__info__"].oid
        if oid in self.frozen.objects:
            self.frozen.write_early(oid)
        instances.keep_class(cls)

    def adopt(self) -> None:
        """Make objects of the heap of whatever the snippet left in it; the snippet can still be rolled back.

        Raises:
            NotStorable: a value that can't be kept; `rollback` must follow.
        """
        if self.root.journal or self._adoption.created or not are_all_settled(self.touched):
            self._adoption.run(self.touched, self.root)

    def commit(self) -> None:
        """Let every change of the snippet stay. After `adopt`."""
        dirty = self.dirty
        for obj in self.touched:
            if type(obj) in STATES:
                # `_fit` and `_settle_state`, without calls where nothing is in pieces: each change passes here.
                items = obj.__items__
                if type(items) in PAGED or type(obj.__saved__) in PAGED or len(items) > self.paged_above:
                    self._fit(obj)
                obj.__laid__ = obj.__saved__ = None
                obj.__class__ = obj.__clean__
                dirty[obj.__oid__] = obj
            else:
                dirty[self._settle_state(obj)] = obj
        if created := self._adoption.created:
            for obj in created:
                if type(obj) in STATES:
                    # `_fit` and `_settle_state`, without calls for what is small.
                    if len(obj.__items__) > self.paged_above:
                        self._fit(obj)
                    obj.__laid__ = None
                    obj.__class__ = obj.__clean__
                    oid = obj.__oid__
                else:
                    self.upgrades.begin(obj)
                    oid = self._settle_state(obj)
                self.dirty[oid] = obj
                self.loaded[oid] = _OBJECT_SIZE
                self.eviction.enter_new(oid)
            self.loaded_size += len(created) * _OBJECT_SIZE
            self.definitions.end()  # a lambda of a statement may have been kept, and no root bound
        if self.root.journal:
            self.root_dirty = True
            self.root.journal.clear()
            self.definitions.end()
        self.touched.clear()
        if self.upgrades.before:
            self.upgrades.end()
        self._adoption.end()

    def changes(self, *, stay: bool) -> Changes:
        """Return what the snippet that runs has changed, before `commit`, so that it stays, or `rollback`."""
        objects = [*self.touched, *self._adoption.created]
        return Changes(self, objects, [name for name, _ in self.root.journal], stay=stay)

    def _fit(self, obj: Any) -> None:
        """Put the items of a container that a snippet changed in pieces, or together again, as their count asks for."""
        saved, items = obj.__saved__, obj.__items__
        if type(saved) in PAGED:
            saved.end()
            if items is not saved:
                saved.discard()
        if type(items) not in PAGED:
            if len(items) <= self.paged_above:
                return
            obj.__items__ = obj.__paged__.make(self.pager, items)
        elif len(items) < self.plain_below:
            obj.__items__ = items.copy()
            items.discard()
            return
        self.paged_dirty[obj.__oid__] = obj

    def rollback(self) -> None:
        """Undo every change of the snippet."""
        # Every class loses its bases before any gets its old ones back: in between, two could derive from each other.
        classes = [obj for obj in self.touched if type(obj) in KINDS]
        redefined = [cls for cls in classes if instances.is_redefined(cls)]
        for cls in classes:
            instances.clear_bases(cls)
        for obj in reversed(self.touched):
            if type(obj) in STATES:
                if obj.__saved__ is not None:
                    obj.__undo__()
            elif type(obj) in KINDS:
                if obj.__dict__["__info__"].saved is not None:
                    instances.undo_class(obj)
            elif (saved := instances.saved_of(obj)) is not None:
                instances.set_attributes(obj, saved)
            if type(obj) in STATES:
                obj.__laid__ = None
            self._settle_state(obj)
        self.upgrades.undo(self.touched, redefined)
        self.touched.clear()
        self.definitions.end()
        self.root.undo()
        for obj in self._adoption.created:
            del self.live[self._oid(obj)]
            if type(obj) is FunctionType:
                self.definitions.closures.release(obj)
            elif type(obj) is Version:
                obj.oid = 0
        self.next_oid -= len(self._adoption.created)
        self._adoption.end()

    # --- objects and references -----------------------------------------------------------------------------------

    def refer(self, value: Any) -> Reference | None:
        """Return (kind, oid, class oid or 0) of an object of the heap, None for anything else."""
        cls: Any = type(value)
        public = STATES.get(cls)
        if public is not None:
            return (_KIND_OF[public], value.__oid__, 0)
        if type(cls) in KINDS and issubclass(cls, Instance):
            return (KIND_INSTANCE, instances.oid_of(value), cls.__info__.oid)
        if cls in KINDS and (info := value.__dict__.get("__info__")) is not None:
            return (KIND_CLASS, info.oid, 0)
        if cls is FunctionType and (info := value.__dict__.get("__info__")) is not None:
            return (KIND_FUNCTION, info.oid, 0)
        if cls is Version:
            return (KIND_VERSION, value.oid, 0)
        return None

    def pack_object(self, obj: Any) -> bytes:
        """Return the record of an object that is not in pieces."""
        if (public := STATES.get(type(obj))) is not None:
            return RECORD_OF[_KIND_OF[public]] + self.records.pack(obj.__content__())
        if instances.is_code(obj):
            return self.definitions.record(obj)
        return b"i" + self.records.pack([instances.shape_of(obj), instances.attributes(obj)])

    def refer_if_kept(self, value: Any) -> int | None:
        """Return the oid of a value that is an object of the heap, None when it is not or not yet."""
        try:
            reference = self.refer(value)
        except AttributeError:  # a new instance, or a class of the snippet's own
            return None
        return reference[1] or None if reference is not None else None

    def typeof(self, value: Any) -> type:
        """Return the class of `value` as a snippet sees it, whatever its state."""
        cls = type(value)
        public = STATES.get(cls) or _PUBLIC.get(cls)
        if public is None and type(cls) in KINDS:
            public = cls.__dict__.get("__public__")
        return public or cls

    def load(self, obj: Any) -> None:
        """Give a ghost its state, and an instance of an older class its upgrade. Any other object is left alone.

        Raises:
            DataDamaged: its record is missing or unreadable; kept in `fault`, since a snippet might catch it.
            UpgradeFailed: see Upgrades.
        """
        if self.fetch(obj):
            self.upgrades.run(obj)

    def fetch(self, obj: Any) -> bool:
        """Give a ghost its state and run no code of the snippet's. Returns: whether the object must be upgraded.

        Raises: as `load`, but for UpgradeFailed.
        """
        with self.headroom():
            self._load(obj)
            self.link_loaded()
        return type(obj) not in STATES and self.upgrades.is_due(obj)

    @contextmanager
    def headroom(self) -> Iterator[None]:
        """Lift the recursion limit: what has to be loaded must not decide how deep a snippet may go, nor end half."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + _LOAD_DEPTH)
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)

    def _load(self, obj: Any) -> None:
        try:
            if type(obj) in STATES:
                if type(obj) is obj.__ghost__:
                    if (state := self.eviction.wake(obj.__oid__)) is not None:
                        obj.__items__, obj.__text__ = state
                        obj.__class__ = obj.__clean__
                        return
                    kind = _KIND_OF[STATES[type(obj)]]
                    content = self._read(obj.__oid__, kind)
                    if type(content) in PAGED or kind in (KIND_DICT, KIND_LIST):
                        obj.__items__ = content
                    elif type(content) is _Beside:
                        obj.__factory__, obj.__items__ = content
                    else:
                        obj.__free__.__restore__(obj, content)
                    obj.__laid__ = 0
                    obj.__class__ = obj.__clean__
            elif type(obj) is (info := type(obj).__info__).ghost:
                if (state := self.eviction.wake(instances.oid_of(obj))) is not None:
                    shape, content = instances.shape_of(obj), state[0]
                else:
                    shape, content = self._read(instances.oid_of(obj), KIND_INSTANCE)
                instances.set_attributes(obj, content)
                self.upgrades.place(obj, info, shape)
        except MachineError as error:
            self.fault = error
            raise

    def _read(self, oid: int, kind: int) -> Any:
        self.read_count += 1
        record = self.store.get(record_key(oid))
        if record is not None and record[:1] == LARGE and record[1:2] == RECORD_OF[kind]:
            content = self._paged_content(kind, *self.records.unpack(record[2:]))
            self.account(oid, len(record))
            return content
        if record is None or record[:1] != RECORD_OF[kind]:
            what = "missing" if record is None else f"of kind {record[:1]!r}, expected {RECORD_OF[kind]!r}"
            raise DataDamaged(f"{self.store.path}: record of object {oid} is {what}; restore the folder from a backup")
        content = self.records.unpack(record[1:])
        self.account(oid, len(record))
        return content

    def _paged_content(self, kind: int, shape: list[Any], *beside: Any) -> Any:
        """Return what stands in place of the items of a large container."""
        items: Any
        paged = _CONTAINER_OF[kind].__paged__
        items = PagedDict(self.pager, Shape(*shape)) if paged is PagedDict else paged(self.pager, *shape)
        if kind == KIND_DEQUE:
            items.maxlen = beside[0]
            return items
        return _Beside(beside[0], items) if beside else items

    def account(self, oid: int, record_size: int) -> None:
        """Count the memory of a loaded object by the size of its record."""
        size = record_size * _MEMORY_FACTOR + _OBJECT_SIZE
        before = self.loaded.get(oid)
        if before is None:
            before = 0
            self.eviction.enter(oid)
        self.loaded_size += size - before
        self.loaded[oid] = size

    def account_text(self, oid: int, size: int) -> None:
        """Count the bytes that are kept beside an object as its own."""
        before = self.loaded.get(oid)
        if before is not None:
            self.loaded[oid] = after = max(before, _OBJECT_SIZE + size * (1 + _MEMORY_FACTOR))
            self.loaded_size += after - before

    def _resolve(self, kind: int, oid: int, class_oid: int) -> Any:
        obj = self.live.get(oid)
        if obj is not None:
            return obj
        if kind == KIND_INSTANCE:
            cls = self._resolve(KIND_CLASS, class_oid, 0)
            obj = self.live.get(oid)  # the class may hold the instance and have met it while it was loaded
            if obj is not None:
                return obj
            obj = object.__new__(cls.__info__.ghost)
            instances.enroll(obj, self, oid)
        elif kind in _CONTAINER_OF:
            obj = object.__new__(_CONTAINER_OF[kind].__ghost__)
            obj.__oid__, obj.__heap__, obj.__saved__, obj.__text__ = oid, self, None, None
            obj.__laid__ = 0
        else:
            obj = self.definitions.load(oid, kind, self._read(oid, kind))
        self.live[oid] = obj
        return obj

    def builtin_name(self, value: Any) -> str | None:
        """Return the name by which a value of the language is stored, None for other values.

        What a module made and can make again from plain values (a pattern of `re`) has these in its name.
        """
        name = self.builtin_names.get(id(value))
        if name is None and (made_as := getattr(type(value), "__made_as__", None)) is not None:
            module, parts = made_as(value)
            return f"made {module} {self.records.pack_nested(parts).hex()}"
        return name

    def _builtin(self, name: str) -> Any:
        if name.startswith("made "):
            _, module, parts = name.split(" ")
            return self.builtins[f"module {module}"].__make__(*self.records.unpack(bytes.fromhex(parts)))
        if name not in self.builtins:
            raise DataDamaged(f"{self.store.path}: a record refers to the builtin {name!r}, which this version lacks")
        return self.builtins[name]

    def _oid(self, obj: Any) -> int:
        if type(obj) in STATES:
            return obj.__oid__  # type: ignore[no-any-return]
        if type(obj) is Version:
            return obj.oid
        if instances.is_code(obj):
            return obj.__dict__["__info__"].oid  # type: ignore[no-any-return]
        return instances.oid_of(obj)  # type: ignore[no-any-return]

    def _settle_state(self, obj: Any) -> int:
        """Make a free object clean; return its oid."""
        if type(obj) in STATES:
            obj.__laid__ = None
            obj.__saved__ = None
            obj.__class__ = obj.__clean__
            return obj.__oid__  # type: ignore[no-any-return]
        if type(obj) is Version:
            return obj.oid
        if instances.is_code(obj):
            info: CodeInfo = obj.__dict__["__info__"]
            info.saved = None
            return info.oid
        instances.set_saved(obj, None)
        self.upgrades.place(obj, type(obj).__info__, instances.shape_of(obj))
        return instances.oid_of(obj)  # type: ignore[no-any-return]

    # --- the root -------------------------------------------------------------------------------------------------

    def _before_root_change(self) -> None:
        if self.read_only:
            raise ReadOnly("a query can't change the heap; use eval")

    def _load_root(self) -> None:
        record = self.store.get(record_key(ROOT_OID))
        if record is not None:
            self.root.packed = self.records.unpack(record[1:])

    def _link_name(self, name: str) -> None:
        try:
            with self.headroom():
                value = self.records.unpack(self.root.packed[name])
        except MachineError as error:
            self.fault = error
            raise
        self.root.namespace[name] = value
        del self.root.packed[name]

    def value_of(self, name: str) -> Any:
        """Return the value of a root. Raises NameError."""
        if name in self.root.packed:
            self.link((name,))
        if name not in self.root.namespace or name.startswith("__"):
            raise NameError(f"name {name!r} is not defined")
        return self.root.namespace[name]

    def kind_code(self, container: Any) -> int:
        """Return the kind of a container as records have it."""
        return _KIND_OF[STATES[type(container)]]

    # --- memory ---------------------------------------------------------------------------------------------------

    def evict(self, size_max: int, *, count_max: int = 1_000) -> bool:
        """Turn clean objects that are little used back into ghosts until those loaded fit in `size_max` bytes.

        Looks at no more than `count_max` objects, and frees a slice of what large containers left. Between snippets
        only.
        Returns: whether there is more to do that can be done now.
        """
        left = self.pager.leftovers.take()
        return self.eviction.run(size_max, count_max) or left

    def forget(self, oid: int) -> None:
        """An object is dead and its record deleted."""
        obj = self.live.pop(oid, None)
        self.loaded_size -= self.loaded.pop(oid, 0)
        self.eviction.forget(oid)
        if obj is None:
            return
        if type(obj) in STATES:
            if type(obj) is not obj.__ghost__ and type(obj.__items__) in PAGED:
                obj.__items__.kept.drop()
        elif type(obj) in KINDS:
            obj.__info__.oid = 0  # a version may still know it as its home

    def changed_count(self) -> int:
        """Return how many changes of objects and pieces there were since the last freeze."""
        return len(self.dirty) + self.pager.changed_count

    def changed_weight(self) -> int:
        """Return how much waits in memory for a checkpoint to begin, in small objects or entries of a dict."""
        return len(self.dirty) + self.pager.changed_weight

    def statistics(self) -> dict[str, Any]:
        """Return counts (objects) and sizes (bytes)."""
        return {
            "objects_loaded": len(self.loaded),
            "objects_known": len(self.live),
            "objects_changed": len(self.dirty) + len(self.frozen.objects) + self.pager.changed_count,
            "loaded_size": self.loaded_size,
            "next_oid": self.next_oid,
            "reclaim": self.reclaim.statistics(),
            "stored": self._stored(),
        }

    def _stored(self) -> dict[str, dict[str, int]]:
        """Return what the last checkpoint holds, by kind and class, the largest first: objects, bytes."""
        census = self.reclaim.census()
        stored: dict[str, dict[str, int]] = {}
        for number in sorted(census, key=lambda number: (-census[number][1], number))[:CENSUS_COUNT_MAX]:
            count, size = census[number]
            if number >= KINDS_OF_RECORDS:
                name = _KIND_NAMES[number - KINDS_OF_RECORDS]
            elif number in self.live or self.store.get(record_key(number)) is not None:
                name = f"instance of {self._resolve(KIND_CLASS, number, 0).__name__}"
            else:
                name = "instance of a deleted class"  # a sweep is at it, and came to the class first
            sums = stored.setdefault(name, {"objects": 0, "size": 0})  # a class that was dropped may share its name
            sums["objects"] += count
            sums["size"] += size
        return stored

    def roots(self) -> dict[str, str]:
        """Return each root's name and what it is: a type's name, "function", "class"."""
        return {name: self.kind_of(self.value_of(name)) for name in self.root.names()}

    def kind_of(self, value: Any) -> str:
        kind = self.typeof(value)
        if kind in KINDS or issubclass(kind, type):
            return "class"
        return "function" if issubclass(kind, FunctionType | BuiltinFunctionType) else kind.__name__


def _home(cls: Any) -> Any:
    """Return the public class of a persistent object's class, None when its instances are no objects of the heap."""
    if cls in STATES:
        return STATES[cls]
    if type(cls) in KINDS and issubclass(cls, Instance):
        return cls.__dict__.get("__public__", cls)
    return None


_PUBLIC: Final[dict[type, type]] = {dict: Dict, list: List, set: Set, frozenset: FrozenSet}
