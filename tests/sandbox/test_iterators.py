"""Iteration in C is paid: nothing goes on without ticks, and no nest of iterators overflows the stack."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import OutOfFuel
from sandbox.iterators import DEPTH_MAX
from tests.sandbox.host import Host

IMPORTS = "from itertools import *\n".replace("*", (
    "accumulate, chain, combinations, combinations_with_replacement, compress, count, cycle, dropwhile, filterfalse, "
    "groupby, islice, pairwise, permutations, product, repeat, starmap, takewhile, tee, zip_longest"
)) + "import functools, heapq, operator\n"

# Each would run for ever, or for minutes, in one call of a function in C.
ENDLESS = [
    "-1 in count()", "sum(count())", "list(count())", "max(count())", "any(repeat(0))", "all(cycle([1]))",
    "tuple(zip(count(), count()))", "''.join(repeat('a'))", "sum(chain(*[range(10 ** 7)] * 1000))",
    "sum(chain.from_iterable(repeat(range(10 ** 7))))", "dict(enumerate(repeat(1)))", "sorted(cycle('ab'))",
    "next(filter(None, repeat(0)))", "next(dropwhile(lambda x: True, count()))", "next(filterfalse(abs, count(1)))",
    "next(compress(count(), repeat(0)))", "next(islice(count(), 10 ** 12, None))", "list(accumulate(repeat(1)))",
    "list(product(count()))", "list(combinations(count(), 2))", "len(list(permutations(range(30))))",
    "sum(1 for _ in product(range(1000), repeat=4))", "max(product(range(1000), repeat=4))",
    "min(combinations(range(1000), 5))", "any(starmap(operator.ne, repeat((1, 1))))", "list(pairwise(count()))",
    "list(takewhile(bool, repeat(1)))", "list(groupby(repeat(1)))", "list(groupby(count()))", "list(tee(count())[0])",
    "list(zip_longest(count(), 'a'))", "functools.reduce(max, count())", "heapq.nlargest(2, count())",
    "list(heapq.merge(count(), count()))", "operator.countOf(repeat(1), 2)", "operator.indexOf(repeat(1), 2)",
    "a, *b = count()", "[*count()]", "print(*count())", "{}.update(zip(count(), count()))", "[].extend(repeat(1))",
    "x = [1]\nx.extend(iter(x))", "x = [1]\nx += iter(x)",
    "x = [1]\nclass C:\n def __iter__(self): return iter(x)\nx.extend(C())", "x = [1]\nx.extend(map(abs, iter(x)))",
    "x = [1]\nlist(map(x.append, x))", "x = [1]\nlist(filter(x.append, x))",
    "def f():\n while True: yield from range(10 ** 6)\nsum(f())", "next(chain.from_iterable(repeat('')))",
    "next(chain.from_iterable(repeat([])))", "1 in map(abs, repeat(0))", "def f(): yield from count()\nsum(f())",
    "sum(map(sum, repeat(range(10 ** 6))))", "list(map(sorted, repeat([0] * 10 ** 5)))", "set(map(id_, count()))",
    "list(zip(*[repeat(1)] * 100))", "for _ in range(10 ** 6): max(range(10 ** 6))",
    "for _ in range(10 ** 6): any(bytes(10 ** 6))",
]


@pytest.mark.parametrize("source", ENDLESS)
def test_endless_iteration_ends_by_fuel(source: str) -> None:
    with pytest.raises(OutOfFuel):
        Host(fuel=50_000).run(IMPORTS + source, id_=abs)


NESTS = [
    "it = map(abs, it)", "it = filter(None, it)", "it = zip(it)", "it = enumerate(it)", "it = chain(it)",
    "it = chain([], it)", "it = chain.from_iterable([it])", "it = islice(it, 1)", "it = accumulate(it)",
    "it = compress(it, [1])", "it = cycle(it)", "it = dropwhile(abs, it)", "it = filterfalse(None, it)",
    "it = groupby(it)", "it = pairwise(it)", "it = starmap(max, it)", "it = takewhile(bool, it)", "it = tee(it)[0]",
    "it = zip_longest(it)", "it = heapq.merge(it)", "it = iter(map(abs, it))", "it = chain.from_iterable(iter([it]))",
    "it = map(next, [it])", "it = chain.from_iterable(map(iter, [it]))", "it = functools.partial(next, it)",
    "class I:\n  def __init__(self, it): self.it = it\n  def __iter__(self): return map(abs, self.it)\n it = I(it)",
]


def nested(step: str, count: int) -> str:
    consume = "it()" if "partial" in step else "list(it)"
    return f"{IMPORTS}it = iter([1])\nfor _ in range({count}):\n {step}\n{consume}"


def test_deep_nests_of_iterators_end_in_an_error_and_not_in_a_crash() -> None:
    """In a process of its own, because CPython's C stack overflows at some tens of thousands."""
    script = """if True:
        from tests.sandbox.host import Host
        from tests.sandbox.test_iterators import NESTS, nested
        for step in NESTS:
            try:
                Host(fuel=10**7).run(nested(step, 100_000))
            except (ValueError, TypeError, RecursionError):
                print(step, flush=True)
    """
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert ran.stdout.splitlines() == "\n".join(NESTS).splitlines(), ran.stderr[-500:]
    assert ran.returncode == 0


@pytest.mark.parametrize("step", [step for step in NESTS if "starmap" not in step and "cycle" not in step])
def test_a_few_levels_are_allowed(step: str) -> None:
    Host().run(nested(step, 1))


def test_an_ordinary_nest_is_allowed() -> None:
    assert Host().run(f"it = iter([-1])\nfor _ in range({DEPTH_MAX}): it = map(abs, it)\nlist(it)") == [1]


@given(st.lists(st.integers(-5, 5)), st.lists(st.text(max_size=2)), st.integers(-2, 3))
def test_builtins_give_what_pythons_give(numbers: list[int], texts: list[str], start: int) -> None:
    cases = """list(map(abs, a)), list(filter(None, a)), list(filter(lambda x: x > 0, a)), list(zip(a, b)),
        list(enumerate(b, s)), sum(a), sum(a, s), sorted(a), sorted(a, reverse=True), any(a), all(a), min(a, default=s),
        max(b, key=len, default=s), list(map(max, a, a)), sorted(zip(a, b)), dict(zip(b, a)), sum(map(abs, a)),
        list(zip(iter(a), reversed(a))), min(s, 1), max(a + [s])"""
    expected = eval(f"[{cases}]", {"a": numbers, "b": texts, "s": start})
    assert Host().run(f"[{cases}]", a=numbers, b=texts, s=start) == expected


@pytest.mark.parametrize("source", ["map(abs, 5)", "zip(1)", "enumerate()", "filter(abs)", "map()", "sum(1)", "max()",
                                    "sorted(1)", "any(1)", "iter(1)", "next(map(abs, []))", "min([])",
                                    "list(zip([1], [], strict=True))", "sum(['a'])"])
def test_errors_are_pythons(source: str) -> None:
    def kind(run: object) -> type:
        with pytest.raises(Exception) as caught:
            run(source)  # type: ignore[operator]
        return caught.type

    assert kind(Host().run) is kind(eval)


def test_the_iterators_of_the_language_show_nothing() -> None:
    host = Host()
    for name in ("__raw__", "__depth__"):
        with pytest.raises(Exception, match="not available"):
            host.run(f"map(abs, []).{name}")
    for source in ("m = map(abs, [])\nm.x = 1", "map.x = 1", "class C(map): pass", "object.__new__(map)"):
        with pytest.raises(Exception):  # noqa: B017
            host.run(source)


def test_items_in_nested_iterators_are_asked_nothing() -> None:
    """What marks the end there was compared with each item, by the `__eq__` of the item."""
    source = "class E:\n def __eq__(self, other): return other.x\n"
    assert Host().run(f"{source}{IMPORTS}len(list(chain.from_iterable([map(lambda x: x, [E(), E()])])))") == 2


@given(st.lists(st.integers()))
def test_iterator_of_a_list_is_pythons(items: list[int]) -> None:
    source = "it = iter(xs)\nfirst = next(it, None)\nxs.append(7)\n(first, list(it), list(it), next(it, None))"
    expected: dict[str, object] = {"xs": list(items)}
    exec(source.replace("(first", "found = (first"), expected)
    assert Host().run(source, xs=list(items)) == expected["found"]


def test_a_generator_of_the_host_pays_for_each_item() -> None:
    """A large container of the heap iterates by one: `list(map(str, d))` cost a tick, whatever the size."""
    host = Host()

    class Large:
        def __iter__(self) -> Any:
            return (number for number in range(1_000))

    for source in ("list(map(abs, large))", "list(iter(large))", "max(large, key=abs)", "list(enumerate(large))"):
        host.run(source, large=Large())
        assert host.fuel_count - host.fuel.remaining >= 1_000, source
