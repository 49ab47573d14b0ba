"""Classes and functions as data: from the definition in a cell to a record, and from the record to code.

    cell: def f / class C --> define(...) --> rebind to the code of the stored source --> root
    record: name, version, history, parts --> compile the source --> the same function or class

A class in the body of another is kept as a class of its own, which has the source of the other. Of a function with
decorators the function below them is the definition; the root is bound to what they made of it.

A stored function consists of its source and its defaults, a stored class of its source, bases and attributes; a
function among those is kept as its place in the source (objserver/heap/closures.py). The statement itself
runs once, in the cell that defines it: what it computed (defaults, class attributes) is state and not computed again
after a restart.

Promise: a function behaves after a restart as it did before, because before it ran from the stored source too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from ..errors import BadRequest
from . import instances
from .closures import GENERATED, Closures, reached, rebind
from .history import remember, versions
from .instances import KINDS, CodeInfo, HeapClass, Instance, Version
from .named import NamedTupleType, check_named_body
from .records import KIND_CLASS, KIND_FUNCTION
from .root import definition_name

if TYPE_CHECKING:
    from .heap import CompileDefinition, Heap

__all__ = ["Definitions"]

# Texts kept although nothing of the heap runs them any more: the traceback of what is rolled back shows them.
RECENT_COUNT_MAX: Final = 100


class Definitions:
    """Defines, packs and loads classes and functions for one heap."""

    def __init__(self, heap: Heap, compile_definition: CompileDefinition) -> None:
        self._heap = heap
        self._compile = compile_definition
        self._loading: list[tuple[Any, CodeInfo]] = []  # the class whose attributes are being unpacked
        self._statements: dict[str, _Statement] = {}  # whose class is made, and whose decorators have not all run
        self._decorated: dict[str, Any] = {}  # the function of each `def` whose decorators have not all run
        self.closures = Closures(heap)
        self._recent: deque[Version] = deque(maxlen=RECENT_COUNT_MAX)

    def source_of(self, code: CodeType) -> str | None:
        """Return the text that a code stands in, None when it is not known or not there any more.

        By the code: a class that was deleted and defined again has another version of the same number and file name.
        """
        version = self.closures.version_of_code(code)
        return None if version is None else version.source

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return the versions of the function or class that a root is, oldest first.

        Raises:
            BadRequest: it is none.
        """
        info = self._info(name)
        if info is None:
            raise BadRequest(f"no function or class is called {name!r}")
        return versions(info)

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return what is known of the definition of a root, None when it has none or one of another name.

        An imported module, or what was imported of one, is of kind "import" and has no versions.
        """
        info = self._info(name)
        if info is None and (imported := self._import_of(name)) is not None:
            return {"name": name, "kind": "import", "version": 0, "author": "", "time_ns": 0, "source": imported}
        if info is None or info.name != name:
            return None
        current = info.current
        return {
            "name": name,
            "kind": self._heap.kind_of(self._defined(name)),
            "version": current.number,
            "author": current.author,
            "time_ns": current.time_ns,
            "source": current.source,
        }

    def _import_of(self, name: str) -> str | None:
        kept = self._heap.builtin_names.get(id(self._heap.root.namespace.get(name)), "")
        if not kept.startswith("module "):
            return None
        module, _, attribute = kept.removeprefix("module ").rpartition(".")
        if not module:
            module, attribute = attribute, ""
        if attribute.startswith("__"):
            return None  # what a function of the module made, as NewType does: data
        renamed = "" if name == (attribute or module) else f" as {name}"
        return f"from {module} import {attribute}{renamed}" if attribute else f"import {module}{renamed}"

    def _info(self, name: str) -> CodeInfo | None:
        return _info_of(self._defined(name))

    def _defined(self, name: str) -> Any:
        """Return the function or class that a root is, or that its decorators were given; None when it is
        something else."""
        value = self._existing(name)
        info = _info_of(value)
        if info is None or not info.name:
            defined, bound = self._existing(definition_name(name)) or (None, None)
            return defined if bound is value else None
        return value

    # --- hooks of the compiled cell -------------------------------------------------------------------------------

    def define(self, name: str, source: str, first_line: int, kind: str) -> Callable[[Any], Any]:
        """Return the outermost decorator of a definition at cell level: it binds the root.

        Args:
            source: the text of the definition, its decorators included.
            first_line: the line of the cell where that text begins.
            kind: "function" or "class".
        """

        self._decorated.pop(name, None)  # of a statement that raised

        def bind(obj: Any) -> Any:
            # A decorator may have put something else in its place, which may refer to the class or function.
            if kind == "class":
                statement = self._statements.pop(name)
                defined = statement.cls
                self._define_class(defined, name, source, first_line, statement.before)
            elif (defined := self._decorated.pop(name, None)) is None and isinstance(obj, FunctionType):
                defined = obj
                self._define_function(obj, name, source, first_line)
            root = self._heap.root
            hidden = definition_name(name)
            root[name] = obj
            if defined is not None and defined is not obj:
                root[hidden] = (defined, obj)
            elif hidden in root.namespace or hidden in root.packed:
                root.unbind(hidden)
            return obj

        return bind

    def decorated(self, name: str, source: str, first_line: int) -> Callable[[Any], Any]:
        """Return the innermost decorator of a function at cell level that has others."""

        def settle(function: Any) -> Any:
            self._heap.root.touch()  # another decorator may raise, and what is known of the cell must end with it
            self._define_function(function, name, source, first_line)
            self._decorated[name] = function
            return function

        return settle

    def root_class(self, name: str, bases: tuple[type, ...], body: dict[str, Any], /, **keywords: Any) -> type:
        """Metaclass of a class statement at cell level: a new class, or the new body of the one that has the name."""
        bases = _checked_bases(name, bases, body)
        kind = instances.kind_of(bases)
        existing = self._existing(name)
        known = _info_of(existing) if type(existing) is kind else None
        family = getattr(kind, "__family__", None)
        if (
            known
            and known.name == name
            and (family is None or family(existing.__bases__) == family(bases))
            and _makes(existing.__bases__) is _makes(bases)
        ):
            before = instances.class_body(existing)
            statement = self._statements[name] = _Statement(existing, existing.__bases__, before)
            instances.take_over(existing, bases, body)
            super(existing, existing).__init_subclass__(**keywords)
            statement.complete()
            return existing  # type: ignore[no-any-return]
        body["__info__"] = CodeInfo(self._heap, name, Version(name, 0, "", "", 0, {}))
        body["__module__"] = instances.MODULE
        cls: Any = type.__new__(kind, name, bases, body, **keywords)
        instances.make_twins(cls)
        statement = self._statements[name] = _Statement(cls, cls.__bases__, {})
        statement.complete()
        return cls  # type: ignore[no-any-return]

    def local_class(self, name: str, bases: tuple[type, ...], body: dict[str, Any], /, **keywords: Any) -> type:
        """Metaclass of every other class statement: the class ends with the snippet."""
        body["__module__"] = instances.MODULE
        bases = _checked_bases(name, bases, body)
        cls: Any = type.__new__(instances.kind_of(bases), name, bases, body, **keywords)
        _Statement(cls, bases, {}).complete()
        return cls  # type: ignore[no-any-return]

    def undefine(self, name: str) -> None:
        """End a class statement. If it did not get to `define`, because something raised after the class was made, give
        the class that had the name back what it had: the exception may be caught, and its instances are in use."""
        statement = self._statements.pop(name, None)
        if statement is not None:
            statement.undo()

    def end(self) -> None:
        """Forget the snippet, which has ended, and the statement it was in."""
        self._statements.clear()
        self._decorated.clear()
        self.closures.end()

    def _existing(self, name: str) -> Any:
        root = self._heap.root
        if name in root.packed:
            self._heap.link((name,))
        return root.namespace.get(name)

    def _define_class(self, cls: Any, path: str, source: str, first_line: int, before: dict[str, Any]) -> None:
        """Let a class run from its stored source, and the classes in its body.

        Args:
            path: its name, behind those of the classes that it stands in.
            before: the attributes it had before its statement.
        """
        info = cls.__dict__["__info__"]
        version = info.version
        body = instances.class_body(cls)
        previous = info if info.version else self._info(path)
        known = previous.current if previous is not None else None
        current, info.history = self._next_version(previous, path, source, body.get(GENERATED, ""))
        if current is known and previous is not info:
            # Another class of the same text. Had they one version, a method that the new one took from the old would
            # seem its own: it would be in both of their records, and the old one be changed when it is long dead.
            signature = current.author, current.time_ns
            current = self._version(path, current.number, source, signature, current.generated)
        info.current = current
        if cls not in info.current.homes:
            info.current.homes.append(cls)
        if path == cls.__name__:
            self.closures.place(first_line, info.current)
        for attribute, value in body.items():
            for function in instances.functions_of(value):
                generated = function.__code__.co_filename == GENERATED
                rebind(function, info.codes, -source.count("\n") if generated else first_line)
            inner = type(value) in KINDS and "__info__" not in value.__dict__
            if inner and value.__qualname__ == f"{path}.{attribute}":
                self._define_inner(cls, attribute, value, source, first_line, before.get(attribute))
        if 0 < version < info.version:
            self._heap.upgrades.outdate(cls)

    def _define_inner(self, outer: Any, name: str, cls: Any, source: str, first_line: int, known: Any) -> None:
        """Keep a class that stands in the body of another: as the one that stood there before, if it is of its kind."""
        path = cls.__qualname__
        info = known.__dict__.get("__info__") if type(known) is HeapClass is type(cls) else None
        if info is not None and info.name == path and _makes(known.__bases__) is _makes(cls.__bases__):
            before = instances.class_body(known)
            instances.take_over(known, cls.__bases__, instances.class_body(cls))
            for value in instances.class_body(known).values():
                for outer_function in instances.functions_of(value):
                    for function in reached(outer_function):
                        for name_, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                            if name_ == "__class__" and cell.cell_contents is cls:
                                cell.cell_contents = known
            type.__setattr__(outer, name, known)
            cls = known
        else:
            before = {}
            type.__setattr__(cls, "__info__", CodeInfo(self._heap, path, Version(path, 0, "", "", 0, {})))
            instances.make_twins(cls)
        self._define_class(cls, path, source, first_line, before)

    def _define_function(self, function: FunctionType, name: str, source: str, first_line: int) -> None:
        version, history = self._next_version(self._info(name), name, source)
        self.closures.place(first_line, version)
        if rebind(function, version.codes, first_line):
            info = CodeInfo(self._heap, name, version)
            info.history = history
            function.__dict__["__info__"] = info

    def _next_version(
        self, previous: CodeInfo | None, path: str, source: str, generated: str = ""
    ) -> tuple[Version, Any]:
        """Return the version that a definition is, and the list of those before it.

        The same text again is the same version: a cell that is run over and over compiles it once.

        Args:
            previous: what has the name until now.
            generated: of a class, the methods that were generated for it; they may differ for the same text.
        """
        if previous is None or previous.name != path or not previous.version:
            return self._version(path, 1, source, self._heap.signature(), generated), None
        current = previous.current
        if current.source != source:
            version = self._version(path, current.number + 1, source, self._heap.signature(), generated)
            return version, remember(previous)
        if current.generated != generated:
            current = self._version(path, current.number, source, (current.author, current.time_ns), generated)
        return current, previous.history

    def statement_version(self, source: str) -> Version:
        """Return the version that a statement of the cell is, for the lambdas in it. Its number tells its text."""
        return self._version("", crc32(source.encode()), source, self._heap.signature(), "")

    def _version(self, path: str, number: int, source: str, signature: tuple[str, int], generated: str) -> Version:
        """Return a version with the codes of its text and of the methods generated for it, which follow it in its
        file."""
        filename = f"<{path} version {number}>" if path else f"<lambda {number:08x}>"
        definition = self._compile(source, path.partition(".")[0], filename)
        codes = definition.codes
        if generated:
            name = path.rpartition(".")[2]
            text = f"class {name}:\n{generated}"
            lines = "\n" * (source.count("\n") + 1)
            codes = {**self._compile(lines + text, name, filename, generated=True).codes, **codes}
        version = Version(path, number, source, *signature, codes, definition.nonlocals, generated)
        self.closures.add(version)
        self._recent.append(version)
        return version

    # --- linking --------------------------------------------------------------------------------------------------

    def _link_later(self, value: Any) -> None:
        """Note the roots that a class or function mentions: the heap links them before any code runs. Not here, since
        that would recurse along the graph of calls."""
        codes = [value.__code__] if isinstance(value, FunctionType) else value.__dict__["__info__"].codes.values()
        for code in codes:
            self._heap.link_later(_names(code))

    # --- records --------------------------------------------------------------------------------------------------

    def record(self, obj: Any) -> bytes:
        """Return the record of a class, a function or a version."""
        pack = self._heap.records.pack
        if type(obj) is Version:
            return b"v" + pack([obj.path, obj.number, obj.source, obj.author, obj.time_ns, obj.generated])
        info: CodeInfo = obj.__dict__["__info__"]
        head = [info.name, info.current, info.history]
        if isinstance(obj, FunctionType):
            return b"f" + pack([*head, *self.closures.parts(obj)])
        bases = [None if base is Instance else base for base in obj.__bases__]
        body = dict(sorted(instances.class_body(obj).items()))
        body.pop(GENERATED, None)
        return b"c" + pack([*head, pack(bases), pack(body), info.keyed])

    def is_method(self, function: FunctionType, cls: Any) -> bool:
        """Whether `function` runs from the source of `cls`."""
        return self.closures.version_of(function) is cls.__dict__["__info__"].current

    def load(self, oid: int, kind: int, content: list[Any]) -> Any:
        """Return the class, function or version of an unpacked record. Registers it before what it holds is unpacked,
        which may refer to it."""
        heap = self._heap
        if kind not in (KIND_CLASS, KIND_FUNCTION):
            path, number, source, author, time_ns, generated = content
            version = heap.live[oid] = self._version(path, number, source, (author, time_ns), generated)
            version.oid = oid
            return version
        name, version, history, *parts = content
        info = CodeInfo(heap, name, version)
        info.oid, info.history = oid, history
        if kind == KIND_FUNCTION:
            function = heap.live[oid] = self.closures.make(version, parts)
            function.__dict__["__info__"] = info
            self.closures.fill()
            self._link_later(function)
            return function
        bases = tuple(Instance if base is None else base for base in heap.records.unpack(parts[0]))
        if (known := heap.live.get(oid)) is not None:
            return known  # a base holds it, or one of its instances, and has met it while it was loaded
        body = {"__info__": info, "__module__": instances.MODULE, "__qualname__": name}
        info.keyed = parts[2]
        cls = instances.make_class(name.rpartition(".")[2], bases, body)
        instances.make_twins(cls)
        if version.generated:
            type.__setattr__(cls, GENERATED, version.generated)
        version.homes.append(cls)
        heap.live[oid] = cls
        self._loading.append((cls, info))
        try:
            for attribute, value in heap.records.unpack(parts[1]).items():
                type.__setattr__(cls, attribute, value)
                if type(value) is property:
                    value.__set_name__(cls, attribute)  # type: ignore[attr-defined]
        except BaseException:
            del heap.live[oid]  # half a class must not be found by the next who asks
            raise
        finally:
            self._loading.pop()
        self._link_later(cls)
        return cls

    def make_method(self, parts: list[Any]) -> FunctionType:
        """Return a function of the class that is being loaded."""
        _, info = self._loading[-1]
        function = self.closures.make(info.current, parts)
        self.closures.fill()
        return function


def _info_of(value: Any) -> CodeInfo | None:
    if type(value) in KINDS and "__library__" in value.__dict__:
        return None
    return value.__dict__.get("__info__") if type(value) is FunctionType or type(value) in KINDS else None


class _Statement:
    """A class statement that has made its class, or changed the one that has its name."""

    __slots__ = ("_bases", "_undo", "before", "cls")

    def __init__(self, cls: Any, bases: tuple[type, ...], before: dict[str, Any]) -> None:
        self.cls = cls
        self._bases = bases
        self.before = before
        self._undo: Callable[[], object] | None = None

    def complete(self) -> None:
        """Let the class's metaclass do what it has to do."""
        complete = getattr(type(self.cls), "__complete__", None)
        if complete is not None:
            self._undo = complete(self.cls, self.before)

    def undo(self) -> None:
        if self._undo is not None:
            self._undo()
        info = self.cls.__dict__["__info__"]
        if info.version:
            instances.restore(self.cls, self._bases, self.before)


def _makes(bases: tuple[Any, ...]) -> bool:
    """Whether a class with these bases has a `__new__`, as one that derives from `list` has. CPython does not forget it
    when the bases change, so such a class and one without are not the same class."""
    return any(type(base.__new__) is FunctionType for base in bases)


def _names(code: CodeType) -> Iterable[str]:
    """Return the names that `code` and the code in it mention; attributes are among them, which does no harm."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.extend(_names(constant))
    return names


def _checked_bases(name: str, bases: tuple[type, ...], body: dict[str, Any]) -> tuple[type, ...]:
    bases = tuple(base for base in bases if base is not object)
    if any(issubclass(type(base), NamedTupleType) for base in bases):
        if len(bases) > 1:
            raise TypeError(f"class {name!r}: a named tuple is the only base; put the methods of others into it")
        check_named_body(body)
        body["__slots__"] = ()
        return bases
    for base in bases:
        if not isinstance(base, HeapClass) and not (isinstance(base, type) and issubclass(base, BaseException)):
            what = getattr(base, "__name__", type(base).__name__)
            raise TypeError(f"class {name!r} can't derive from {what!r}; keep one in an attribute instead")
        if not issubclass(base, Instance) and _defines(base, "__init_subclass__"):
            raise TypeError(f"class {name!r}: an exception class can't have __init_subclass__")
    return bases or (Instance,)


def _defines(cls: type, name: str) -> bool:
    return any(type(parent) in KINDS and name in parent.__dict__ for parent in cls.__mro__)
