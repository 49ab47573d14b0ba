"""An engine that runs for long holds what its heap holds: nothing stays of a snippet that has ended."""

# ruff: noqa: E501  # a snippet a line

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pytest

from objserver.engine import Options, make_request

from .bench import Bench

# `{n}` is another number each time, so each is a text of its own. What they keep, they keep under the same names.
SNIPPETS = [
    "x = {n}\nx * 2",
    "data = [{{'n': {n}}}, [{n}], ({n}, 'a{n}')]\ndata",
    "data.append({n})\ndata[1][0] += 1\n1 / 0",
    "def f(a, b=1): return a + b\nf({n})",
    "def make(n):\n    def inner(): return n\n    return inner\nkept = make({n})\nkept()",
    "class C:\n    y = 1\n    def m(self): return self.y\nobj = C()\nobj.z = {n}\nobj.m()",
    "from collections import namedtuple, Counter, deque, defaultdict\nT = namedtuple('T', 'a b')\nt = T({n}, 1)\nCounter(str({n}))",
    "import re\n[re.sub(f'{{_n}}', 'x', 'a1b') for _n in range({n}, {n} + 400, 40)], re.compile('a{n}+').findall('a{n}')",
    "from datetime import datetime\ndatetime.strptime('{n}', '%f').strftime('%Y {n}')",
    "def _g(n):\n    for i in range(n): yield i\n_it = _g({n})\nnext(_it)\nlist(x for x in _g(3))",
    "class _Local{n}:\n    def m(self): return self\n_Local{n}().m()\nraise ValueError(_Local{n}())",
    "class _E{n}(Exception): pass\ndef _f():\n    try: raise _E{n}({n})\n    except _E{n} as e: raise ValueError() from e\n_f()",
    "from dataclasses import dataclass\n@dataclass\nclass _P:\n    a: int = {n}\n_P() == _P()",
    "from enum import Enum\nclass _Color(Enum):\n    RED = {n}\n_Color.RED.value",
    "try: {{}}[{n}]\nexcept KeyError as e: data[0]['e'] = str(e)",
    "def _deep(n): return _deep(n + {n})\n_deep(1)",
    "while True: {n}",
    "import nothing{n}",
    "x.y{n}.z = 1",
    "_c = []\n_c.append(_c)\n_d = {{'c': _c, 'n': {n}}}\n_c.append(_d)",
    "print({n}, data)\n'a'.encode('latin-1'), '{n}'.encode('utf{n}')",
    "def _f{n}(): return {n}\nlist(map(lambda v: v + _f{n}(), [1, 2]))",
    "from functools import lru_cache, partial\n_m = lru_cache(lambda v: v + {n})\n_m(1), partial(max, {n})(1)",
    "data = [{{}}, [{n}]]\nfor _i in range(9): data.append({{'i': [_i]}})",
    "shown = [lambda v=1: v + {n}]\nshown[0]()",
    "del obj, kept",
]


def census() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


def run(bench: Bench, numbers: range) -> Counter[str]:
    """Run each snippet with each of the numbers, write a checkpoint, and return what there is then."""
    for number in numbers:
        for source in SNIPPETS:
            text = source.format(n=number)
            bench.run(make_request("eval", text))
            if number % 10 == 0:
                bench.run(make_request("query", text))
        bench.tend()
    bench.engine.checkpoint()
    bench.tend()
    bench.engine._heap.eviction.sweep_at = 0  # ghosts that nothing refers to are forgotten now, and not at 10,000 objects
    bench.tend()
    return census()


def check(folder: Path, warm: int, count: int) -> None:
    bench = Bench(folder / "data", Options(durability="none", fuel=1_000, cache_size=1, checkpoint_count=100))
    bench.engine._runner._cells._count_max = 50
    before = run(bench, range(1_000, 1_000 + warm))
    after = run(bench, range(1_000 + warm, 1_000 + warm + count))
    bench.engine.close()
    more = {name: found - before[name] for name, found in after.items() if found > before[name] + 60}
    assert not more, more


def test_nothing_stays_of_snippets_that_have_ended(tmp_path: Path) -> None:
    check(tmp_path, 80, 80)


@pytest.mark.long
def test_nothing_stays_of_20000_snippets(tmp_path: Path) -> None:
    check(tmp_path, 100, 800)
