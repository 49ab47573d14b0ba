"""Closures: functions that are kept though no root's `def` made them: what a decorator put around one, what a stored
function returned, the function under a decorator, a lambda in the text of a definition.

    def multiplier(n):                        version of `multiplier`: its text
        def by(x): return n * x                  ^
        return by                                |
    double = multiplier(2)    function `double`: version, place ("multiplier.<locals>.by", 2), defaults, cells [2]

Such a function is its *origin*, the version whose text its code stands in, its place there, its defaults, and what its
cells hold. It is an object of the heap with an oid, so two names of one closure are one closure after a restart too,
and it goes on running the text it was made from, whatever became of the definition: the version is an object of the
heap as well, and stays as long as something refers to it.

What cells hold is kept, not the cells. So no cell may change once the functions that share it are kept: a name that
is declared `nonlocal` in that text can't be captured. Code of the cell itself ends with the snippet; while that runs,
the functions of a definition in it may still be such code, and get that of the stored text when they are met here.

Promise: the same function, before and after a restart, in whatever order it is loaded (tests/engine/test_closures.py).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from sys import getrefcount
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from ..errors import DataDamaged
from . import instances
from .instances import CodeInfo, Version

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["CELL", "GENERATED", "Closures", "rebind", "reached"]

# The file name of code that a cell compiled and that is not of a stored source.
CELL: Final = "<cell>"

# The attribute of a class that holds the source of the methods which a decorator such as `dataclass` wrote for it, and
# the file name of these until the class is kept.
GENERATED: Final = "__generated__"

# What two lambdas that do the same have in common, beside their constants.
_CODE_FIELDS: Final = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags", "co_argcount",
                       "co_kwonlyargcount", "co_posonlyargcount")

# References to a code that is looked at: the dict of codes, the loop's name, the argument.
_REFERENCES_OF_CODE: Final = 3

# What `wraps` and `abstractmethod` set on a function, by the name it has in the record.
_EXTRAS: Final = {"name": "__name__", "doc": "__doc__", "abstract": "__isabstractmethod__"}


class Closures:
    """The functions of one heap, by the version that their code stands in."""

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self._of_code: WeakValueDictionary[int, Version] = WeakValueDictionary()  # id of a code -> its version
        # Of this snippet: versions, which a function of it may outlive, and (first line, last line, version) of the
        # definitions in its cell, by line.
        self._made: list[Version] = []
        self._texts: list[tuple[int, int, Version]] = []
        self._unfilled: list[tuple[FunctionType, bytes]] = []  # loaded, without defaults and cells
        self._filling = False

    def add(self, version: Version) -> None:
        """Know a new version. Its codes are new too, and live as long as it does."""
        for code in version.codes.values():
            for inner in _codes(code):
                self._of_code[id(inner)] = version
        self._made.append(version)

    def place(self, first_line: int, version: Version) -> None:
        """Note that a definition stands in the cell from this line on, the last of those that ever stood there."""
        text = (first_line, first_line + version.source.count("\n"), version)
        index = bisect_left(self._texts, first_line, key=_first_line)
        if index < len(self._texts) and self._texts[index][0] == first_line:
            self._texts[index] = text
        else:
            self._texts.insert(index, text)

    def end(self) -> None:
        """The snippet ended: so did its cell."""
        self._made.clear()
        self._texts.clear()

    def version_of(self, function: FunctionType) -> Version | None:
        """Return the version whose text the function stands in, None when it is not of a stored one."""
        code = function.__code__
        if code.co_filename == CELL and self._texts:
            line = code.co_firstlineno
            index = bisect_right(self._texts, line, key=_first_line) - 1
            if index >= 0:
                first, last, version = self._texts[index]
                if line <= last:
                    rebind(function, version.codes, first)
        code = function.__code__
        if code.co_filename == CELL and (found := self._heap.statement_at(code.co_firstlineno)) is not None:
            # A lambda in a statement of the cell: that statement is its text.
            first, text = found
            version = self._heap.definitions.statement_version(text)
            if rebind(function, version.codes, first):
                self.place(first, version)
        return self._of_code.get(id(function.__code__))

    def version_of_code(self, code: CodeType) -> Version | None:
        """Return the version that a stored code stands in, that of a comprehension in it too."""
        return self._of_code.get(id(code))

    @staticmethod
    def is_run(version: Version) -> bool:
        """Whether a function runs code of this version: a method, for one, which does not refer to it."""
        codes = {id(code): code for top in version.codes.values() for code in _codes(top)}
        own = Counter(map(id, version.codes.values()))
        own.update(id(constant) for code in codes.values() for constant in code.co_consts)
        return any(getrefcount(code) > own[id(code)] + _REFERENCES_OF_CODE for code in codes.values())

    def keep(self, function: FunctionType, version: Version) -> CodeInfo:
        """Make a function an object of its own. If a class has it as a method, the record of that will say so."""
        for cls in version.homes:
            home = cls.__dict__["__info__"]
            if home.oid and home.saved is None:
                body = instances.class_body(cls)
                if any(each is function for value in body.values() for each in instances.functions_of(value)):
                    self._heap.touch_class(cls)
        # After that: a checkpoint under way writes the class as it was.
        info = function.__dict__["__info__"] = CodeInfo(self._heap, "", version)
        return info

    @staticmethod
    def release(function: FunctionType) -> None:
        """The snippet that kept a function is rolled back."""
        info = function.__dict__["__info__"]
        info.oid = 0
        if not info.name:
            del function.__dict__["__info__"]

    # --- records --------------------------------------------------------------------------------------------------

    def parts(self, function: FunctionType) -> list[Any]:
        """Return what is kept of a function beside its version: qualified name, line, and packed what it holds."""
        version = self.version_of(function)
        assert version is not None
        code = function.__code__
        place = next(key for key in _keys(version.codes, code.co_qualname, code.co_firstlineno)
                     if version.codes[key] is code)
        cells = [_content(cell) for cell in function.__closure__ or ()]
        plain = FunctionType(code, {}, None, None, function.__closure__)
        extras = {
            key: getattr(function, name)
            for key, name in _EXTRAS.items()
            if getattr(function, name, None) != getattr(plain, name, None)
        }
        held = [function.__defaults__, function.__kwdefaults__, cells, extras]
        return [*place, self._heap.records.pack_nested(held)]

    def make(self, version: Version, parts: list[Any]) -> FunctionType:
        """Return the function; it is complete when the outermost load ends."""
        qualname, line, held = parts
        code = version.codes.get((qualname, line))
        if code is None:
            raise DataDamaged(
                f"{self._heap.store.path}: {version.path!r} version {version.number} has no code for {qualname!r} "
                f"at line {line}"
            )
        closure = tuple(CellType() for _ in code.co_freevars)
        function = FunctionType(code, self._heap.root.namespace, None, None, closure)
        self._unfilled.append((function, held))
        return function

    def fill(self) -> None:
        """Complete what `make` made. Not there, since that would recurse along a chain of closures."""
        if self._filling:
            return
        self._filling = True
        try:
            while self._unfilled:
                function, held = self._unfilled.pop()
                defaults, keyword_defaults, cells, extras = self._heap.records.unpack(held)
                function.__defaults__ = defaults
                function.__kwdefaults__ = keyword_defaults
                for cell, content in zip(function.__closure__ or (), cells, strict=True):
                    for value in content:
                        cell.cell_contents = value
                for key, value in extras.items():
                    setattr(function, _EXTRAS[key], value)
        finally:
            self._unfilled.clear()
            self._filling = False


def reached(function: FunctionType) -> Iterable[FunctionType]:
    """Return a function and the functions in its cells, and in theirs."""
    found = [function]
    seen = {id(function)}
    for each in found:
        for cell in each.__closure__ or ():
            for value in _content(cell):
                if type(value) is FunctionType and id(value) not in seen:
                    seen.add(id(value))
                    found.append(value)
    return found


def rebind(function: FunctionType, codes: Any, first_line: int) -> bool:
    """Let a function run from the stored source. False when it is none of that source's."""
    code = function.__code__
    if code.co_filename not in (CELL, GENERATED) or "__info__" in function.__dict__:
        return False  # an older function that the new class took over by name
    for key in _keys(codes, code.co_qualname, code.co_firstlineno - first_line + 1):
        stored = codes[key]
        if code.co_name != "<lambda>" or _is_alike(stored, code):
            if stored.co_freevars != code.co_freevars:
                return False
            function.__code__ = stored
            return True
    return False


def _codes(code: CodeType) -> Iterable[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _first_line(text: tuple[int, int, Version]) -> int:
    return text[0]


def _content(cell: CellType) -> list[Any]:
    """Return what a cell holds, [] when it is empty."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _keys(codes: Any, name: str, line: int) -> Iterable[tuple[str, int]]:
    """Return the keys in `codes` of the functions with this qualified name and first line: several for lambdas."""
    key, count = (name, line), 0
    while key in codes:
        yield key
        count += 1
        key = (f"{name}#{count}", line)


def _is_alike(one: CodeType, two: CodeType) -> bool:
    """Whether two lambdas that stand in one line do the same."""
    return all(getattr(one, field) == getattr(two, field) for field in _CODE_FIELDS) and all(
        (isinstance(left, CodeType) and isinstance(right, CodeType) and _is_alike(left, right))
        or (type(left) is type(right) and repr(left) == repr(right))
        for left, right in zip(one.co_consts, two.co_consts, strict=True)
    )
