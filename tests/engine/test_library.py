"""The library on a heap that survives: what can be kept, what says why not, and functions on containers of the heap."""

from __future__ import annotations

import copy
import heapq
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.bench import Bench, Failed


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_the_library_gives_is_kept_by_name_or_content(bench: Bench) -> None:
    bench.eval(
        "import re, operator, itertools, functools, abc, typing\n"
        "word = re.compile(r'\\w+', re.I)\nkept = [word, (word, re.compile(b'x'))]\n"
        "ops = {'+': operator.add, '*': operator.mul, 'chain': itertools.chain, 'partial': functools.partial}\n"
        "T = typing.TypeVar('T')\nUser = typing.NewType('User', int)\nVector = typing.List[float]\n"
        "@functools.total_ordering\nclass V:\n def __init__(self, n): self.n = n\n"
        " def __eq__(self, o): return self.n == o.n\n def __lt__(self, o): return self.n < o.n\n"
        "class Stack(typing.Generic[T]):\n def size(self): return 1\n"
        "class Shape(abc.ABC):\n @abc.abstractmethod\n def area(self): ...\n"
        " @abc.abstractmethod\n def __len__(self): ...\n"
        "class Square(Shape):\n def area(self): return 4\n def __len__(self): return 4\n"
        "square = Square()\na, b = V(1), V(2)"
    )
    asked = (
        "[kept[0] is word, kept[1][0] is word, re.compile(r'\\w+', re.I) is word, word.findall('x y'), "
        "kept[1][1].pattern, ops['*'](3, ops['+'](1, 1)), list(ops['chain']('a', 'b')), ops['partial'](max, 3)(1), "
        "User(5), Vector is typing.List, a <= b, a > b, a >= a, Stack[int]().size(), square.area(), "
        "isinstance(square, abc.ABC), isinstance(a, abc.ABC)]"
    )
    before = bench.eval(asked)
    assert before == [
        True, True, True, ["x", "y"], b"x", 6, ["a", "b"], 3, 5, True, True, False, True, 1, 4, True, False,
    ]
    bench.reopen()
    assert bench.eval(asked) == before
    bench.crash()
    assert bench.eval(asked) == before
    for source in ("Shape()", "class Half(Shape):\n def area(self): return 1\nHalf()"):
        with pytest.raises(Failed, match="Can't instantiate abstract class"):
            bench.eval(source)
    assert bench.eval("class Shape:\n pass\nShape() is not None")
    bench.kill()


@pytest.mark.parametrize(("source", "advice"), [
    ("import operator\nf = operator.itemgetter(1)", "call it _f, which ends with the snippet"),
    ("import functools\nf = functools.partial(max, iter([]))", "is a generator"), ("f = {}.keys()", "call it _f"),
    ("import itertools\nx = itertools.count()", "list"), ("x = {'m': [map(abs, [1])]}", "x['m'][0] is a map"),
    ("import hashlib\nh = hashlib.md5(b'a')", "h is a Hash"),
    ("import functools\nx = [functools.cmp_to_key(max)(1)]", "x[0] is a Key"),
])
def test_what_can_not_be_kept_says_so(bench: Bench, source: str, advice: str) -> None:
    with pytest.raises(Failed, match="NotStorable") as caught:
        bench.eval(source)
    assert advice in str(caught.value)
    bench.kill()


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=12))
def test_heapq_on_a_list_of_the_heap_does_what_it_does_on_a_list(
    tmp_path_factory: pytest.TempPathFactory, items: list[int], steps: list[tuple[int, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("heapq"))
    bench.eval("import heapq\nh = items", items=items)
    expected = list(items)
    heapq.heapify(expected)
    bench.eval("heapq.heapify(h)")
    for kind, number in steps:
        if kind == 0 or not expected:
            heapq.heappush(expected, number)
            bench.eval("heapq.heappush(h, n)", n=number)
        elif kind == 1:
            assert bench.eval("heapq.heappop(h)") == heapq.heappop(expected)
        elif kind == 2:
            assert bench.eval("heapq.heapreplace(h, n)", n=number) == heapq.heapreplace(expected, number)
        elif kind == 3:
            assert bench.eval("heapq.heappushpop(h, n)", n=number) == heapq.heappushpop(expected, number)
        else:
            with pytest.raises(Failed):
                bench.eval("heapq.heappush(h, n)\nheapq.heappop(h)\n1 / 0", n=number)
        assert bench.eval("h") == expected
    bench.crash()
    assert bench.eval("h") == expected
    bench.kill()


def test_functions_change_containers_of_the_heap_as_methods_do(bench: Bench) -> None:
    bench.eval("import bisect, operator, heapq, copy, json\nl = [1, 3]\nd = {'l': l, 's': {2, 1}}\nd['d'] = d")
    bench.reopen()
    assert bench.eval("import functools\nbisect.insort(l, 2)\noperator.setitem(l, 0, 9)\noperator.iadd(l, [7])\n"
                      "operator.delitem(d, 'd')\nx = copy.deepcopy(d)\nx['l'].append(0)\n"
                      "[l, x['l'], x['s'] == d['s'], x['s'] is d['s'], json.dumps(d['l'])]") \
        == [[9, 2, 3, 7], [9, 2, 3, 7, 0], True, False, "[9, 2, 3, 7]"]
    with pytest.raises(Failed, match="ReadOnly"):
        bench.query("bisect.insort(l, 2)")
    with pytest.raises(Failed):
        bench.eval("bisect.insort(l, 2)\noperator.setitem(l, 0, 5)\nheapq.heapify(l)\n1 / 0")
    bench.crash()
    assert bench.eval("[l, x['l']]") == [[9, 2, 3, 7], [9, 2, 3, 7, 0]]
    bench.kill()


def test_copies_of_what_other_modules_make_are_of_their_kind(bench: Bench) -> None:
    bench.eval("from collections import Counter, OrderedDict, defaultdict, deque, namedtuple\nfrom enum import Enum\n"
               "from dataclasses import dataclass\nimport copy\nP = namedtuple('P', 'x y')\n"
               "class Color(Enum):\n RED = 1\n@dataclass(frozen=True)\nclass F:\n x: list\nred = Color.RED\n"
               "kept = [deque([[1], 2], 3), Counter('aab'), OrderedDict(a=[1]), defaultdict(list, a=[1]), P(1, [2]), "
               "frozenset([1, (2,)]), F([1]), {'c': red}]")
    for _ in range(2):
        assert bench.eval("[[copy.copy(x) == x, copy.deepcopy(x) == x, type(copy.deepcopy(x)) is type(x)]"
                          " for x in kept] + [copy.copy(red) is red, copy.deepcopy(kept)[-1]['c'] is red]") \
            == [[True] * 3] * 8 + [True, True]
        bench.reopen()
    bench.kill()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4), max_leaves=12,
)


def test_json_of_what_is_in_the_heap_is_pythons(bench: Bench) -> None:
    @settings(max_examples=60)
    @given(VALUES)
    def check(value: object) -> None:
        bench.eval("v = given", given=copy.deepcopy(value))  # what is given becomes the heap's
        for options in ("", ", indent=2", ", sort_keys=True, ensure_ascii=False", ", separators=(',', ':')"):
            expected = eval(f"json.dumps(value{options})", {"json": json, "value": value})
            assert bench.eval(f"import json\njson.dumps(v{options})") == expected
        assert bench.eval("json.loads(json.dumps(v)) == v")

    check()
    bench.kill()
