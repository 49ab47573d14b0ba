"""Runs generated snippets, or replays a log of them, and prints what the heap is then: a digest of every record.

    python -m tests.engine.replay_worker run FOLDER SEED COUNT CACHE CHECKPOINTS HISTORY
    python -m tests.engine.replay_worker replay FOLDER CACHE START

HISTORY seeds the restarts, crashes and pauses along the way, 0 means none: then the log is left as a crash leaves it.
Used by test_replay, in processes of their own.
"""

# ruff: noqa: E501  # a snippet a line

from __future__ import annotations

import random
import sys
from hashlib import blake2b
from pathlib import Path

from objserver.engine import Options
from objserver.engine.requests import make_request
from objserver.store import Store
from tests.heap.reachable import reachable

from .bench import Bench

SETUP = [
    "items, table, words, seen, log, count = [], {}, ['b', 'a'], set(), [], 0",
    "class Node:\n    made = 0\n    def __init__(self, name, *links):\n        self.name, self.links = name, list(links)\n"
    "        Node.made += 1\n    def __repr__(self): return f'Node({self.name!r}, {len(self.links)})'\n"
    "    def grow(self, n):\n        self.links += [Node(f'{self.name}.{i}') for i in range(n)]\n        return len(self.links)",
    "class Point:\n    def __init__(self, x, y): self.x, self.y = x, y\n"
    "    def __eq__(self, o): return isinstance(o, Point) and (self.x, self.y) == (o.x, o.y)\n"
    "    def __lt__(self, o): return (self.x, self.y) < (o.x, o.y)\n    def __hash__(self): return hash((self.x, self.y))",
    "top = Node('top')",
    "def walk(node):\n    yield node\n    for link in node.links: yield from walk(link)",
]
# `{n}` and `{m}` are small numbers, `{w}` a word.
SNIPPETS = [
    "items.append({n})\nlen(items)", "items.extend(range({n}))\nsum(items)", "items[-{n}:] = [{m}]\nitems[:5]", "items.pop({n})",
    "items.sort(key=lambda x: (x % {n}, -x))\nitems[:3]", "del items[{n}:{m}]", "items = [x for x in items if x != {n}]",
    "table['{w}'] = [{n}, {{'k': {m}}}]\nlist(table)", "table['{w}'].append(table['{w}'][0])", "table.pop('{w}', None)",
    "table.setdefault('{w}', {{}})['{n}'] = {m}\ntable", "del table['{w}']", "table = {{k: table[k] for k in sorted(table)}}",
    "table['big'] = {{i: str(i) for i in range({n}00)}}", "table['big'][{n}] = '{w}'\nlen(table['big'])",
    "seen |= {{'{w}', '{w}{n}', {m}}}\nlist(seen)", "seen -= {{'{w}', {n}}}\nlist(seen)", "list(seen & {{'{w}', {n}, {m}}})",
    "list(table.keys() - {{'{w}'}})", "words.append('{w}' * {n})\nsorted(set(words))", "words = words[-{m}:]", "list(seen ^ set(words))",
    "top.grow({n})", "top.links[{n}].grow({m})\nNode.made", "[n.name for n in walk(top)][:{n}]", "top.links.reverse()\nrepr(top.links[:{n}])",
    "top.links[{n}].extra = ({n}, (top, [{m}]))", "top = Node('{w}', top, top)", "top = top.links[0]", "Node.made = {n}",
    "log.append((now(), '{w}', {n} / 7))\nlen(log)", "log = log[-{n}:]\n[str(t) for t, *_ in log]", "log[-1][1].x", "log.clear()",
    "sum([0.1] * {n}) * {m}.5", "table['f'] = [x / 3 for x in range({n})]", "hash(('{w}', {n}, {m}.5))", "hash('{w}') % {n}",
    "sorted([Point(x % {n}, x) for x in range({m})])[0].y", "{{Point({n}, 1): 1, Point({n}, 1): 2}}[Point({n}, 1)]", "f'{{top!r}} {{seen}}'",
    "table['p'] = Point({n}, {m})\ntable['p'] == Point({n}, {m})", "table['p'].x += {n}\ntable['p'].x", "count += {n}\ncount * count",
    "def helper(x, y=[{n}]):\n    y.append(x)\n    return len(y)\nhelper({m})", "helper({n})", "class Node(Node): pass", "print(seen, table)",
    "class Point:\n    def __init__(self, x, y): self.x, self.y = x, y + {n}\n    def __eq__(self, o): return self.x == o.x\n"
    "    def __lt__(self, o): return self.x < o.x\n    def __hash__(self): return hash(self.x)",
    "1 / (count % {n})", "undefined_{w}", "items.append(lambda: 1)", "try: items[{n}00]\nexcept IndexError as e: words.append(str(e))",
    "t = ({n}, ({m}, '{w}'))\ntable['t'] = t\ntable['u'] = [t, t]\ntable['u'][0] is table['t']", "items is items[:] or words is words",
    "while True: items.append(1)", "def deep(n): return deep(n + 1)\ndeep(0)", "[repr(x) for x in (items, print, Node, helper)]",
    "for x in list(walk(top))[-{n}:]: x.links.clear()", "table['n'] = float('nan')\n[table['n'] is table['n'], table['n'] == table['n']]",
    "from itertools import permutations\nitems.extend(p[0] for p in permutations(range({n} % 5)))", "import math\nmath.sqrt({n}) + math.sin({m})",
    "{{x: y for x, y in zip(words, items)}}", "match items:\n    case [a, *_, b]: log.append((a, b))\n    case _: items = [{n}, {m}]",
]
# What depends on the position in the log, and so on checkpoints, which are entries of it.
_PLACED = ["table['r'] = [random.random(), random.randint(0, {n})]", "import random\nrandom.shuffle(items)"]


def snippets(seed: int, count: int, *, placed: bool) -> list[str]:
    rng = random.Random(seed)
    texts = SNIPPETS + (_PLACED if placed else [])
    made = [
        rng.choice(texts).format(n=rng.randint(1, 9), m=rng.randint(1, 9), w=rng.choice(["ab", "cd", "ef", "\u00e9"])) for _ in range(count)
    ]
    return SETUP + made


def records(folder: Path, next_oid: int) -> str:
    """Return a digest of all that the root reaches, of a heap that was cleanly closed."""
    store = Store(folder / "heap")
    found = reachable(store)
    digest = blake2b(digest_size=16)
    for key, record in sorted(found.items()):
        digest.update(b"%d:" % len(key) + key + b"%d:" % len(record) + record)
    store.close()
    return f"{next_oid} {len(found)} {digest.hexdigest()}"


def run(folder: Path, seed: int, count: int, cache: int, checkpoints: int, history: int) -> None:
    options = Options(durability="none", cache_size=cache, checkpoint_count=checkpoints, fuel=20_000)
    bench = Bench(folder, options)
    rng = random.Random(history)
    outcomes = blake2b(digest_size=16)
    for number, source in enumerate(snippets(seed, count, placed=not history)):
        bench.time_ns = 1_700_000_000_000_000_000 + number * 1_000_003
        ((value, fault, _, output),) = bench.run(make_request("eval", source, {}))
        outcomes.update(repr((value, fault and (fault.type, fault.message), output)).encode())
        if history and rng.random() < 0.1:
            rng.choice([bench.reopen, bench.crash, bench.tend, bench.tend, bench.engine.tend])()
    if history:
        bench.engine.close()
        print(outcomes.hexdigest(), records(folder, bench.engine._heap.next_oid))
    else:
        bench.kill()


def replay(folder: Path, cache: int, start: int) -> None:
    bench = Bench.__new__(Bench)
    bench.folder, bench.time_ns, bench.options = folder, start, Options(durability="none", cache_size=cache, fuel=20_000)
    bench.engine = bench._open()
    bench.engine.close()
    print(records(folder, bench.engine._heap.next_oid))


if __name__ == "__main__":
    kind, path, *numbers = sys.argv[1:]
    (run if kind == "run" else replay)(Path(path), *map(int, numbers))  # type: ignore[operator]
