"""Iterators: `map`, `zip` and their kin, and what it costs to consume one in C.

    source (list, range, iterator) -> [Meter.source: a tick for each item] -> C iterator -> [Lazy] -> snippet

`sum(map(abs, numbers))` runs in C from end to end, where no loop pass of the snippet pays. So every C iterator that a
snippet can make draws from sources that pay one tick for each item: `compress(items, ticks)`, whose second argument is
the fuel itself, costs 8 ns an item. What is given to a consumer in C directly (`sum(numbers)`) is paid at once.

A snippet never holds the C iterator but a Lazy, which knows how deep it is nested: C iterators call each other without
looking at the stack, and a hundred thousand of them overflow it. A `for` loop and a consumer in C get the C iterator
itself, so that an item costs what it costs in CPython, and the tick.

Promise: nothing that a snippet can iterate goes on without ticks, and no nest of iterators is deeper than DEPTH_MAX
(tests/sandbox/test_iterators.py).
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, islice
from types import GeneratorType
from typing import Any, Final, cast

from sandbox.hooks import Hooks
from sandbox.policy import SEQUENCE_COUNT_MAX
from sandbox.seal import Sealed

# Deeper than anything that is written down, and far below the tens of thousands that overflow the stack.
DEPTH_MAX: Final = 100
# Sequences that can't change and are this short are paid at once: the wrapping would cost more than the items.
_SHORT: Final = 64
_UNCHANGING: Final = frozenset({bytes, range, str, tuple})
# A consumer in C takes 5 to 50 ns for an item; this many are one tick.
_ITEMS_PER_TICK: Final = 32

class _Never:
    """Equal to nothing, and asked first: it is compared with items of the snippet."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False


_NEVER: Final = _Never()
_VIEWS: Final[tuple[type, ...]] = (type({}.items()), type({}.keys()), type({}.values()))


class LazyKind(Sealed):
    """The class of `map`, `zip` and their kin: a call makes the C iterator and wraps it."""

    __build__: Callable[..., tuple[Any, int]]

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        return wrap(cls, *cls.__build__(*arguments, **keywords))


class Lazy(metaclass=LazyKind):
    """An iterator of the language: a C iterator, and how many it draws from through one another."""

    __slots__ = ("__depth__", "__raw__")

    __raw__: Any
    __depth__: int

    def __iter__(self) -> Any:
        return self.__raw__

    def __next__(self) -> Any:
        return next(self.__raw__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object>"


def wrap(kind: LazyKind, raw: Iterable[Any], depth: int) -> Any:
    """Return an iterator of this kind over `raw`, whose sources are nested `depth` deep.

    Raises:
        ValueError: nested deeper than DEPTH_MAX.
    """
    if depth >= DEPTH_MAX:
        raise ValueError(f"iterators are nested deeper than {DEPTH_MAX}; make a list of one of them: list(...)")
    lazy: Any = object.__new__(cast(Any, kind))
    lazy.__raw__ = iter(raw)
    lazy.__depth__ = depth + 1
    return lazy


def make_kind(name: str, build: Callable[..., tuple[Any, int]], **attributes: Any) -> LazyKind:
    """Return the class `name`; `build` gets the arguments of its calls and returns the C iterator and its depth."""
    body = {"__slots__": (), "__module__": "builtins", "__build__": staticmethod(build), **attributes}
    return LazyKind(name, (Lazy,), body)


class Meter:
    """Makes iteration in C pay, from the fuel of one host's snippets."""

    def __init__(self, hooks: Hooks) -> None:
        self._builtins = hooks.builtins
        self.list_type = hooks.list_type
        self._sized = frozenset(
            {bytes, dict, frozenset, list, range, set, str, tuple, *_VIEWS}
            | {hooks.dict_type, hooks.frozenset_type, hooks.list_type, hooks.set_type, *hooks.collections.values()}
            | hooks.states.keys()
        )

    def tick(self) -> None:
        next(self._builtins[".fuel"])

    def ticks(self) -> Iterator[bool]:
        """Return the fuel of the running snippet: True for each tick, then OutOfFuel."""
        fuel: Iterator[bool] = self._builtins[".fuel"]
        return fuel

    def pay(self, count: int) -> None:
        """Make `count` ticks at once."""
        if count > 0:
            deque(islice(self.ticks(), count), maxlen=0)

    def paid(self, items: Iterable[Any]) -> Iterator[Any]:
        """Return an iterator over `items` that makes a tick for each."""
        return compress(items, self.ticks())

    def iterator(self, iterable: Any) -> Any:
        """`iter`. That of a list pays, and of a large container: else `l.extend(iter(l))` would grow for ever, in C."""
        iterator = iter_builtin(iterable)
        if type(iterator) is _LIST_ITERATOR or (type(iterator) is GeneratorType and not _pays(iterator)):
            return list_iterator(self.paid(iterator))
        return iterator

    def source(self, iterable: Any) -> tuple[Any, int]:
        """Return what a C iterator may draw from, a tick for each item, and how deep it is nested."""
        kind = type(iterable)
        if type(kind) is LazyKind:
            return iterable.__raw__, iterable.__depth__
        if kind is GeneratorType and _pays(iterable):
            return iterable, 0
        if kind in _UNCHANGING and len(iterable) <= _SHORT:
            self.tick()
            return iterable, 0
        iterator = iter_builtin(iterable)
        if type(type(iterator)) is LazyKind:  # from `__iter__` of a class of the snippet
            return iterator.__raw__, iterator.__depth__
        if type(iterator) is GeneratorType and _pays(iterator):
            return iterator, 0
        return self.paid(iterator), 0

    def element(self, iterable: Any) -> Any:
        """Return `source` of what an iterator finds in another: nobody knew its depth, so each step looks at the stack.

        The call of a method in C does.
        """
        raw, depth = self.source(iterable)
        return iter(raw.__next__, _NEVER) if depth else raw

    def delegate(self, iterable: Any) -> Any:
        """Return what `yield from` may run: a generator, or an iterator whose `close` is no code of the snippet."""
        return self.source(iterable)[0]

    def sources(self, iterables: Iterable[Any]) -> tuple[list[Any], int]:
        """Return `source` of each, and the greatest depth."""
        found = [self.source(iterable) for iterable in iterables]
        return [raw for raw, _ in found], max((depth for _, depth in found), default=0)

    def together(self, iterables: tuple[Any, ...]) -> tuple[list[Any], int]:
        """Return `sources` of what is iterated in step and ends with the shortest: one tick for an item of each."""
        if not 1 < len(iterables) <= _ITEMS_PER_TICK:
            return self.sources(iterables)
        first, depth = self.source(iterables[0])
        raws = [first]
        for iterable in iterables[1:]:
            iterator = iter_builtin(iterable)
            if type(type(iterator)) is LazyKind:
                depth = max(depth, iterator.__depth__)
                iterator = iterator.__raw__
            raws.append(iterator)
        return raws, depth

    def consumed(self, iterable: Any, items_per_tick: int = _ITEMS_PER_TICK) -> Any:
        """Return what a C function may consume as a whole now; of what has a length, that is paid at once."""
        if type(iterable) in self._sized:
            self.pay(len(iterable) // items_per_tick)
            return iterable
        return self.source(iterable)[0]


def _pays(generator: Any) -> bool:
    """Whether a generator makes ticks: a snippet's does, and that of `iter` of a list; one of the host does not."""
    frame = generator.gi_frame  # None when it has ended
    return frame is None or ".fuel" in frame.f_builtins or generator.gi_code is list_iterator.__code__


def make_iterators(meter: Meter) -> dict[str, Any]:
    """Return the classes behind `enumerate`, `filter`, `map` and `zip`."""
    def enumerate_(iterable: Any, start: Any = 0) -> tuple[Any, int]:
        raw, depth = meter.source(iterable)
        return builtins.enumerate(raw, start), depth

    def filter_(function: Any, iterable: Any, /) -> tuple[Any, int]:
        raw, depth = meter.source(iterable)
        return builtins.filter(function, raw), depth

    def map_(*arguments: Any) -> tuple[Any, int]:
        raws, depth = meter.together(arguments[1:])
        return builtins.map(*arguments[:1], *raws), depth

    def zip_(*iterables: Any, strict: Any = False) -> tuple[Any, int]:
        raws, depth = meter.together(iterables)
        return builtins.zip(*raws, strict=strict), depth

    builders = {"enumerate": enumerate_, "filter": filter_, "map": map_, "zip": zip_}
    return {name: make_kind(name, build) for name, build in builders.items()}


def make_consumers(meter: Meter) -> dict[str, Callable[..., Any]]:
    """Return the functions that consume an iterable in C, by name; they take the language first (seal.bound)."""
    def all_(_: object, iterable: Any, /) -> bool:
        return builtins.all(meter.consumed(iterable))

    def any_(_: object, iterable: Any, /) -> bool:
        return builtins.any(meter.consumed(iterable))

    def extreme(function: Any) -> Callable[..., Any]:
        def call(_: object, /, *arguments: Any, **keywords: Any) -> Any:
            if len(arguments) == 1:
                # A key could make a list grow while it is looked at.
                paid = meter.source(arguments[0])[0] if keywords.get("key") else meter.consumed(arguments[0])
                return function(paid, **keywords)
            return function(*arguments, **keywords)

        return call

    def sorted_(_: object, iterable: Any, /, *, key: Any = None, reverse: Any = False) -> list[Any]:
        return builtins.sorted(meter.consumed(iterable, 4), key=key, reverse=reverse)

    sequences: Any = (meter.list_type, tuple)

    def joined(iterable: Any, start: Any) -> Any:
        """Return the sum of lists or tuples, without copying it at each step."""
        kind: Any = tuple if isinstance(start, tuple) else meter.list_type
        items = list(start)
        for part in meter.source(iterable)[0]:
            if not isinstance(part, kind):
                shown = kind.__name__
                raise TypeError(f'can only concatenate {shown} (not "{type(part).__name__}") to {shown}')
            if len(items) + len(part) > SEQUENCE_COUNT_MAX:
                raise OverflowError(f"the sum would have more than {SEQUENCE_COUNT_MAX} items")
            meter.pay(len(part) // _ITEMS_PER_TICK)
            items.extend(part)
        return tuple(items) if kind is tuple else items

    def sum_(_: object, iterable: Any, /, start: Any = 0) -> Any:
        if type(start) in (str, bytes):
            # It would copy the growing sum at each step.
            shown = "strings [use ''.join(seq) instead]" if type(start) is str else "bytes [use b''.join(seq) instead]"
            raise TypeError(f"sum() can't sum {shown}")
        if isinstance(start, sequences):
            return joined(iterable, start)
        return builtins.sum(meter.consumed(iterable), start)

    return {
        "all": all_, "any": any_, "max": extreme(builtins.max), "min": extreme(builtins.min), "sorted": sorted_,
        "sum": sum_,
    }


def iter_builtin(iterable: Any) -> Any:
    """`iter`, which gives an iterator of the language back as it is."""
    if type(type(iterable)) is LazyKind:
        return iterable
    iterator = iter(iterable)
    return guarded(iterator) if type(iterator) is _OLD_ITERATOR else iterator


def guarded(iterator: Any) -> Iterator[Any]:
    """Return a generator of the same items: Python refuses to ask one that is running for the next item.

    What a snippet's `__next__` asks again, CPython's `chain` lets go of at its end, and frees it while it runs.
    """
    for item in iterator:  # noqa: UP028  a generator that delegates is closed with what it delegates to
        yield item


def list_iterator(iterator: Any) -> Iterator[Any]:
    """Return `guarded` under the name of what it stands for."""
    for item in iterator:  # noqa: UP028  as there
        yield item


_LIST_ITERATOR: Final[Any] = type(iter([]))


class _Old:
    def __getitem__(self, index: int) -> Any:
        raise IndexError


# What `iter` makes of an object with `__getitem__` alone. CPython frees that object twice if it asks this again.
_OLD_ITERATOR: Final = type(iter(_Old()))
