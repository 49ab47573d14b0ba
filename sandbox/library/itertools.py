"""The module `itertools`: Python's iterators, each of which pays a tick for every item (sandbox/iterators.py).

`groupby` and `tee` are written here, because those in C do not survive it when what they call changes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.iterators import LazyKind, Meter, guarded, make_kind, wrap
from sandbox.seal import Module, make_module, sealed

# Items of one combination, sequences of one product, iterators of one tee: each is made in one step.
WIDTH_MAX: Final = 1_000


def _width(count: Any, what: str) -> Any:
    if type(count) is int and count > WIDTH_MAX:
        raise OverflowError(f"{what} of {count}: the most is {WIDTH_MAX}")
    return count


def make_itertools(hooks: Hooks) -> Module:
    meter = Meter(hooks)
    builders = _one_source(meter) | _several_sources(meter) | _without_end(meter) | _combinations(meter)
    values: dict[str, Any] = {name: make_kind(name, build) for name, build in builders.items()}
    values["chain"] = _chain(meter)
    values["groupby"] = _groupby(meter)
    values["tee"] = sealed(_tee(meter), "tee")
    return make_module("itertools", values)


Build = Callable[..., tuple[Any, int]]


def _one_source(meter: Meter) -> dict[str, Build]:
    def accumulate(iterable: Any, func: Any = None, *, initial: Any = None) -> tuple[Any, int]:
        raw, depth = meter.source(iterable)
        return itertools.accumulate(raw, func, initial=initial), depth

    def by_function(kind: Any) -> Build:
        def build(function: Any, iterable: Any, /) -> tuple[Any, int]:
            raw, depth = meter.source(iterable)
            return kind(function, raw), depth

        return build

    def islice(iterable: Any, /, *bounds: Any) -> tuple[Any, int]:
        if any(bound is not None and type(bound) is not int for bound in bounds):
            raise TypeError("islice() takes numbers or None")
        raw, depth = meter.source(iterable)
        return guarded(itertools.islice(raw, *bounds)), depth

    def pairwise(iterable: Any, /) -> tuple[Any, int]:
        raw, depth = meter.source(iterable)
        return itertools.pairwise(raw), depth

    kinds = (itertools.dropwhile, itertools.filterfalse, itertools.starmap, itertools.takewhile)
    return {kind.__name__: by_function(kind) for kind in kinds} | {
        "accumulate": accumulate, "islice": islice, "pairwise": pairwise,
    }


def _several_sources(meter: Meter) -> dict[str, Build]:
    def compress(data: Any, selectors: Any) -> tuple[Any, int]:
        (data, selectors), depth = meter.sources((data, selectors))
        return itertools.compress(data, selectors), depth

    def zip_longest(*iterables: Any, fillvalue: Any = None) -> tuple[Any, int]:
        raws, depth = meter.sources(iterables)
        return guarded(itertools.zip_longest(*raws, fillvalue=fillvalue)), depth

    return {"compress": compress, "zip_longest": zip_longest}


def _without_end(meter: Meter) -> dict[str, Build]:
    def count(start: Any = 0, step: Any = 1) -> tuple[Any, int]:
        return meter.paid(itertools.count(start, step)), 0

    def cycle(iterable: Any, /) -> tuple[Any, int]:
        raw, depth = meter.source(iterable)
        return guarded(meter.paid(itertools.cycle(raw))), depth

    def repeat(object: Any, *times: Any, **keywords: Any) -> tuple[Any, int]:
        return meter.paid(itertools.repeat(object, *times, **keywords)), 0

    return {"count": count, "cycle": cycle, "repeat": repeat}


def _combinations(meter: Meter) -> dict[str, Build]:
    def chosen(kind: Any, *, repeating: bool = False) -> Build:
        def build(iterable: Any, r: Any) -> tuple[Any, int]:
            pool = tuple(meter.source(iterable)[0])
            if type(r) is int and r > len(pool) and not repeating:
                return iter(()), 0
            return meter.paid(kind(pool, _width(r, kind.__name__))), 0

        return build

    def permutations(iterable: Any, r: Any = None) -> tuple[Any, int]:
        pool = tuple(meter.source(iterable)[0])
        if type(r) is int and r > len(pool):
            return iter(()), 0
        _width(len(pool) if r is None else r, "permutations")
        return meter.paid(itertools.permutations(pool, r)), 0

    def product(*iterables: Any, repeat: Any = 1) -> tuple[Any, int]:
        if type(repeat) is not int:
            raise TypeError("repeat takes a number")
        _width(max(len(iterables), 1) * repeat, "product")
        pools = [tuple(meter.source(iterable)[0]) for iterable in iterables]
        return meter.paid(itertools.product(*pools, repeat=repeat)), 0

    return {
        "combinations": chosen(itertools.combinations),
        "combinations_with_replacement": chosen(itertools.combinations_with_replacement, repeating=True),
        "permutations": permutations,
        "product": product,
    }


def _chain(meter: Meter) -> LazyKind:
    def chain(*iterables: Any) -> tuple[Any, int]:
        raws, depth = meter.sources(iterables)
        return guarded(itertools.chain(*raws)), depth

    def from_iterable(iterable: Any, /) -> Any:
        raw, depth = meter.source(iterable)
        return wrap(kind, guarded(itertools.chain.from_iterable(map(meter.element, raw))), depth)

    kind = make_kind("chain", chain, from_iterable=sealed(from_iterable))
    return kind


def _groupby(meter: Meter) -> LazyKind:
    def groupby(iterable: Any, key: Any = None) -> tuple[Any, int]:
        raw, depth = meter.source(iterable)
        return _groups(iter(raw), key, lambda group: wrap(group_kind, group, depth)), depth

    group_kind = make_kind("_grouper", _closed)
    return make_kind("groupby", groupby)


def _closed(*_: Any) -> tuple[Any, int]:
    raise TypeError("a group is made by groupby() alone")


def _groups(items: Iterator[Any], key: Any, shown: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    """As the documentation of itertools gives it: the groups draw from one iterator, and end when the next begins."""
    value = current = None
    ended = False

    def advance() -> None:
        nonlocal value, current
        value = next(items)
        current = value if key is None else key(value)

    def group_of(target: Any) -> Iterator[Any]:
        nonlocal ended
        while not ended and (current is target or current == target):
            yield value
            try:
                advance()
            except StopIteration:
                ended = True

    try:
        advance()
    except StopIteration:
        return
    while not ended:
        target = current
        group = group_of(target)
        yield target, shown(group)
        for _ in group:
            pass


def _tee(meter: Meter) -> Callable[..., tuple[Any, ...]]:
    def tee(iterable: Any, n: Any = 2, /) -> tuple[Any, ...]:
        if type(n) is not int:
            raise TypeError("tee() takes a number of iterators")
        if n < 0:
            raise ValueError("n must be >= 0")
        raw, depth = meter.source(iterable)
        items, first = iter(raw), [None, None]
        return tuple([wrap(kind, meter.paid(_branch(items, first)), depth) for _ in range(_width(n, "tee"))])

    kind = make_kind("_tee", _closed)
    return tee


def _branch(items: Iterator[Any], link: list[Any]) -> Iterator[Any]:
    """Yield what `items` gives, kept in links [item, next link] as far as the slowest branch."""
    while True:
        if link[1] is None:
            try:
                item = next(items)
            except StopIteration:
                return
            link[:] = item, [None, None]
        item, link = link
        yield item
