"""Random programs whose methods change the very container that C code works on. A worker for test_reentry.

    python -m tests.sandbox.fuzz_reentry SEED COUNT

Runs COUNT programs on the heap's containers and on plain ones; each ends with a value, an exception or for want of fuel.
What is looked for is a process that dies by a signal: CPython's containers do not all survive such methods.
"""

# ruff: noqa: E501  # a piece of program a line

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from objserver.engine import Options
from objserver.engine.requests import make_request
from sandbox import OutOfFuel
from tests.engine.bench import Bench
from tests.sandbox.host import Host

CHANGES = [
    "l.clear()", "l.append(E({n}))", "del l[:]", "l[:] = [E({n})]", "l.pop()", "l.insert(0, {n})", "l.reverse()", "l.extend(l[:9])",
    "d.clear()", "d[{n}] = E({n})", "d.pop({n}, None)", "d.popitem()", "d.update({{E({n}): 1}})", "d.setdefault(E({n}), [])",
    "s.clear()", "s.add(E({n}))", "s.discard({n})", "s.pop()", "s.update(l)", "l.sort()", "l.sort(key=lambda x: l.clear())", "l += [{n}]",
    "l.remove({n})", "e.x = l", "next(it, None)", "d.__ior__(d)", "l *= 1 + (len(l) < 99)", "d |= {{{n}: E({n})}}", "s ^= {{{n}}}", "l[{n} % 3:] = it",
]
METHODS = [
    "__iter__(self)", "__next__(self)", "__len__(self)", "__bool__(self)", "__index__(self)", "__call__(self, *a)",
    "__getitem__(self, k)", "__contains__(self, x)", "__repr__(self)", "__str__(self)", "__format__(self, s)", "__int__(self)",
    "__float__(self)", "__add__(self, o)", "__radd__(self, o)", "__iadd__(self, o)", "__neg__(self)", "__reversed__(self)",
    "__getattr__(self, n)", "__missing__(self, k)", "__mul__(self, o)", "__rmul__(self, o)", "__abs__(self)", "__round__(self, *a)",
    "__enter__(self)", "__setitem__(self, k, v)", "__delitem__(self, k)", "__sub__(self, o)", "__rsub__(self, o)", "keys(self)",
]
RESULTS = ["1", "{n}", "self", "l", "iter(l)", "iter([E(1)])", "'x'", "True", "None", "[]", "1.5", "d", "NotImplemented", "iter(d)"]
# Methods of the pure kind: they may only look, so what they return is what can go wrong.
PURE = [
    " def __eq__(self, o): return self.n == {n}\n", " def __hash__(self): return {n}\n", " def __lt__(self, o): return self.n < {n}\n",
    " def __eq__(self, o): return self.other\n", " def __lt__(self, o): return o.n\n", "",
]
USES = [
    "list(e)", "l.extend(e)", "l[:] = e", "d.update(e)", "s.update(e)", "sorted(l)", "sorted(l, key=E({n}))", "min(l, key=E({n}))",
    "max(l)", "l.index(E({n}))", "l.count(E({n}))", "l.remove(E({n}))", "E({n}) in l", "E({n}) in d", "E({n}) in s", "d[E({n})]",
    "l == list(l)", "l < l[:]", "d == dict(d)", "s == set(l)", "s | set(e)", "s & set(l)", "s - s", "s ^ set(l)", "s <= set(l)",
    "sum(l, e)", "list(map(E({n}), l))", "list(filter(E({n}), l))", "list(zip(l, e))", "list(enumerate(e))", "dict(zip(l, l))",
    "l[E({n})]", "l[E(1):E({n})]", "l[E(1):E({n})] = l", "del l[E({n})]", "l * E({n})", "l.insert(E({n}), 1)", "l.pop(E({n}))",
    "repr(l)", "str(d)", "f'{{l}} {{s}} {{e}}'", "'%s %d' % (e, E({n}))", "'{{}}'.join(map(str, l))", "range(E({n}))", "bytes(e)",
    "all(l)", "any(e)", "tuple(e)", "l.sort(key=E({n}))", "l.sort(key=lambda x: l.append(x))", "{{**d, **dict(d)}}", "[*e, *l]",
    "for x in l: change()", "for x in d: change()", "for x in s: change()", "for k, v in d.items(): change()", "[change() for x in l]",
    "a, *b = e", "match l:\n case [x, *y]: change()", "match d:\n case {{{n}: x, **y}}: change()", "it = iter(l)\nchange()\nlist(it)",
    "it = reversed(l)\nchange()\nlist(it)", "it = iter(d.items())\nchange()\nlist(it)", "d.keys() & s", "d.keys() - l", "d.keys() == s",
    "isinstance(e, E)", "hash((e, l and 1))", "round(e)", "abs(e)", "int(e)", "pow(e, e)", "divmod(e, 1)", "e += l", "sum(e)", "next(e)",
    "dict.fromkeys(e, l)", "dict(e)", "set(e)", "sorted(d.items(), key=E({n}))", "list(reversed(e))", "'x' in e", "print(e, l)",
    "getattr(e, 'zz')", "str(e, 'utf8')", "slice(e, e).indices(3)", "l[slice(e)]", "from heapq import heappush, heappop\nheappush(l, e)\nheappop(l)",
    "from bisect import insort\ninsort(l, e)", "from itertools import chain, groupby\n[list(g) for k, g in groupby(chain(l, e), E({n}))]",
    "from functools import reduce\nreduce(E({n}), l)", "from copy import deepcopy\ndeepcopy(l)", "import json\njson.dumps(l, default=E({n}))",
]


def program(rng: random.Random) -> str:
    def fill(text: str) -> str:
        return text.format(n=rng.randint(0, 4))

    lines = ["class E:\n def __init__(self, n=0):\n  self.n, self.other = n, l"]
    for method in rng.sample(METHODS, rng.randint(1, 8)):
        changes = [f"  {fill(rng.choice(CHANGES))}" for _ in range(rng.randint(0, 2))]
        head = f" def {method}:\n  global l, d, s, it, e, left\n  left -= 1\n  if left < 0: return {rng.choice(['1', 'None', 'l'])}\n"
        lines.append(head + "\n".join([*changes, f"  return {fill(rng.choice(RESULTS))}"]))
    lines.append("".join(sorted({fill(rng.choice(PURE)) for _ in range(2)})).rstrip("\n"))
    change = "\n".join(f" {fill(rng.choice(CHANGES))}" for _ in range(rng.randint(1, 3)))
    lines.append(f"def change():\n global l, d, s, it, e, left\n{change}")
    lines.append("left = 50\nl, d, s, it, e = [], {}, set(), iter([]), None\ne = E(1)\nit = iter(l)")
    lines.append(f"l.extend([{', '.join(fill('E({n})') if rng.random() < 0.6 else fill('{n}') for _ in range(rng.randint(0, 6)))}])")
    lines.append("for x in l:\n try: d[x] = x\n except TypeError: pass\n try: s.add(x)\n except TypeError: pass")
    for _ in range(rng.randint(1, 4)):
        use = fill(rng.choice(USES)).replace("\n", "\n ")
        lines.append(f"try:\n {use}\nexcept Exception as error: print(type(error).__name__)")
    return "\n".join([line for line in lines if line] + ["None"])


def main(seed: int, count: int) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "data", Options(durability="none", fuel=5_000, cache_size=1))
        for number in range(count):
            source = program(rng)
            # Written before it runs: what crashed is the last line.
            print(f"{number} {source!r}", flush=True)
            bench.run(make_request("eval", source, {}))
            bench.run(make_request("eval", source.replace("l, d, s, it, e = [], {}, set(), iter([]), None", "it = iter(l)"), {}))
            try:
                Host(5_000).run(source)
            except (Exception, OutOfFuel):
                pass
            if number % 50 == 49:
                bench.tend()
        bench.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
