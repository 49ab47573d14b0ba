"""The module `heapq`: on plain lists the C functions, on lists of the heap the same algorithm by item access.

The C functions read and write the inside of a list, which a list of the heap does not show.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from sandbox.hooks import Hooks
from sandbox.iterators import Meter, make_kind
from sandbox.seal import Module, make_module, sealed


def make_heapq(hooks: Hooks) -> Module:
    meter = Meter(hooks)

    def is_plain(heap: Any) -> bool:
        if type(heap) is list:
            return True
        if not isinstance(heap, hooks.list_type):
            raise TypeError(f"heap argument must be a list, not {type(heap).__name__}")
        return False

    def heapify(x: Any, /) -> None:
        if is_plain(x):
            meter.pay(len(x) // 16)
            heapq.heapify(x)
        else:
            for position in reversed(range(len(x) // 2)):
                meter.tick()
                _sift_up(x, position, meter.tick)

    def heappush(heap: Any, item: Any, /) -> None:
        if is_plain(heap):
            heapq.heappush(heap, item)
        else:
            heap.append(item)
            _sift_down(heap, 0, len(heap) - 1, meter.tick)

    def heappop(heap: Any, /) -> Any:
        if is_plain(heap):
            return heapq.heappop(heap)
        last = heap.pop()
        if not heap:
            return last
        first, heap[0] = heap[0], last
        _sift_up(heap, 0, meter.tick)
        return first

    def heapreplace(heap: Any, item: Any, /) -> Any:
        if is_plain(heap):
            return heapq.heapreplace(heap, item)
        first, heap[0] = heap[0], item
        _sift_up(heap, 0, meter.tick)
        return first

    def heappushpop(heap: Any, item: Any, /) -> Any:
        if is_plain(heap):
            return heapq.heappushpop(heap, item)
        if heap and heap[0] < item:
            item, heap[0] = heap[0], item
            _sift_up(heap, 0, meter.tick)
        return item

    def chosen(choose: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def call(n: Any, iterable: Any, key: Any = None) -> list[Any]:
            if type(n) is not int:
                raise TypeError("the count is a number")
            items = list(meter.source(iterable)[0])
            # From here on it is sorting, with what that costs.
            meter.pay(len(items) // 4)
            return choose(n, items, key=key)

        return call

    def merge(*iterables: Any, key: Any = None, reverse: Any = False) -> tuple[Any, int]:
        raws, depth = meter.sources(iterables)
        return meter.paid(heapq.merge(*raws, key=key, reverse=reverse)), depth

    functions = (heapify, heappop, heappush, heappushpop, heapreplace)
    values: dict[str, Any] = {function.__name__: sealed(function) for function in functions}
    values["nlargest"] = sealed(chosen(heapq.nlargest), "nlargest")
    values["nsmallest"] = sealed(chosen(heapq.nsmallest), "nsmallest")
    return make_module("heapq", values | {"merge": make_kind("merge", merge)})


def _sift_down(heap: Any, start: int, position: int, tick: Callable[[], None]) -> None:
    """Move the item at `position` towards `start` until its parent is no greater. As in Python's heapq."""
    new = heap[position]
    while position > start:
        tick()
        above = (position - 1) >> 1
        parent = heap[above]
        if not new < parent:
            break
        heap[position] = parent
        position = above
    heap[position] = new


def _sift_up(heap: Any, position: int, tick: Callable[[], None]) -> None:
    """Let the smaller child move up until a leaf is hit, then move the item from there to its place."""
    end, start = len(heap), position
    new = heap[position]
    child = 2 * position + 1
    while child < end:
        tick()
        right = child + 1
        if right < end and not heap[child] < heap[right]:
            child = right
        heap[position] = heap[child]
        position = child
        child = 2 * position + 1
    heap[position] = new
    _sift_down(heap, start, position, tick)
