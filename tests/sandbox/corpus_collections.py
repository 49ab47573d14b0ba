"""Ordinary snippets with the module `collections`, frozensets and named tuples (tests/sandbox/corpus_ordinary.py)."""

from __future__ import annotations

_HEAD = "from collections import Counter, OrderedDict, defaultdict, deque, namedtuple\n"

_SOURCES: dict[str, str] = {
    "deque_queue": "q = deque()\nfor n in range(5): q.append(n)\n(q.popleft(), q.popleft(), list(q), len(q), bool(q))",
    "deque_both_ends": "d = deque('bc')\nd.appendleft('a')\nd.extend('de')\nd.extendleft('zy')\n(d.pop(), d, d[0], d[-1], 'c' in d)",
    "deque_bounded": "last = deque(maxlen=3)\nfor n in range(10): last.append(n)\nlast.appendleft(0)\n(last, last.maxlen, repr(last))",
    "deque_rotate": "d = deque([1, 2, 3, 4])\nd.rotate(1)\na = list(d)\nd.rotate(-2)\n(a, list(d))",
    "deque_insert_remove": "d = deque([1, 2, 3])\nd.insert(1, 9)\nd.remove(3)\ndel d[0]\nd[0] = 7\nd.reverse()\n(d, d.index(7), d.count(2))",
    "deque_operators": "a = deque([1]) + deque([2])\na += [3]\na *= 2\n(a, a == deque([1, 2, 3] * 2), a < deque([2]), deque([1]) == [1], deque([1]) * 2)",
    "deque_iterates": "d = deque([3, 1, 2])\n([x for x in d], sorted(d), list(reversed(d)), sum(d), max(d), tuple(d), list(zip(d, d)))",
    "deque_changed_while_iterated": "d = deque([1, 2])\ntry:\n    for x in d: d.append(x)\nexcept RuntimeError as e: r = str(e)\nr",
    "deque_empty_pop": "r = []\nfor f in (deque().pop, deque().popleft):\n    try: f()\n    except IndexError as e: r.append(str(e))\nr",
    "deque_full_insert": "d = deque([1], 1)\ntry: d.insert(0, 2)\nexcept IndexError as e: r = str(e)\nr",
    "deque_slice_refused": "try: deque([1])[0:1]\nexcept TypeError as e: r = str(e)\nr",
    "deque_window": "def averages(xs, n):\n    w, out = deque(maxlen=n), []\n    for x in xs:\n        w.append(x)\n        if len(w) == n: out.append(sum(w) / n)\n    return out\naverages([1, 2, 3, 4, 5], 3)",
    "deque_breadth_first": "g = {'a': ['b', 'c'], 'b': ['d'], 'c': ['d'], 'd': []}\ndef walk(g, start):\n    seen, todo = {start: 0}, deque([start])\n    while todo:\n        n = todo.popleft()\n        for m in g[n]:\n            if m not in seen:\n                seen[m] = seen[n] + 1\n                todo.append(m)\n    return seen\nwalk(g, 'a')",
    "deque_in_itself": "d = deque([1])\nd.append(d)\nrepr(d)",
    "deque_matched": "match deque([1, 2, 3]):\n    case [a, *rest]: r = (a, rest)\n    case _: r = 'no sequence'\nr",
    "counter_words": "c = Counter('the quick the lazy the dog'.split())\n(c, c['the'], c['cat'], c.most_common(1), sum(c.values()), c.total())",
    "counter_operators": "a, b = Counter(a=3, b=1), Counter(a=1, b=2)\n(a + b, a - b, a & b, a | b, +Counter(a=0, b=1), -Counter(a=-2), a <= b, a == b, a >= Counter(a=1))",
    "counter_update": "c = Counter('ab')\nc.update('bc')\nc.update({'a': 5})\nc.subtract('aab')\nc.update(z=2)\n(c, list(c), list(c.elements()))",
    "counter_changes": "c = Counter('aabbc')\ndel c['zz']\ndel c['c']\nc['d'] += 2\nc += Counter('a')\nc -= Counter('bb')\n(c, repr(c), c.most_common())",
    "counter_missing_stays_missing": "c = Counter()\nx = c['a']\n(x, 'a' in c, len(c), c.get('a'), c.setdefault('b', 3), c)",
    "counter_kinds": "c = Counter({'a': 1})\n(isinstance(c, dict), type(c.copy()) is Counter, type({} | c) is dict, type(c | Counter()) is Counter, c == {'a': 1}, dict(c), Counter(c))",
    "counter_fromkeys": "try: Counter.fromkeys('ab')\nexcept NotImplementedError as e: r = str(e)\nr",
    "counter_negative": "c = Counter(a=1, b=-1, z=0)\n(c, c + Counter(), c.total(), list(c.elements()), c == Counter(a=1, b=-1))",
    "counter_anagrams": "def same(a, b): return Counter(a) == Counter(b)\n(same('listen', 'silent'), same('a', 'b'))",
    "defaultdict_groups": "d = defaultdict(list)\nfor w in ['ant', 'bee', 'cow', 'axe']: d[w[0]].append(w)\n(d, dict(d), len(d), d.get('z'), 'z' in d)",
    "defaultdict_counts": "d = defaultdict(int)\nfor c in 'abca': d[c] += 1\n(sorted(d.items()), d['new'], list(d), repr(d))",
    "defaultdict_factories": "_tree = lambda: defaultdict(_tree)\n_t = _tree()\n_t['a']['b']['c'] = 1\n(_t['a']['b'] == {'c': 1}, defaultdict(set, a={1})['b'] == set(), defaultdict(lambda: 7)['x'])",
    "defaultdict_without": "d = defaultdict(None, a=1)\ntry: d['b']\nexcept KeyError as e: r = e.args\n(r, d.default_factory, defaultdict().default_factory)",
    "defaultdict_copies": "d = defaultdict(int, a=1)\n(type(d.copy()) is defaultdict, d.copy()['q'], type(d | {'b': 2}) is defaultdict, type({'b': 2} | d) is defaultdict, d | {'b': 2})",
    "defaultdict_factory_changed": "d = defaultdict(int)\nd['a']\nd.default_factory = list\nd['b']\ntry: defaultdict(3)\nexcept TypeError as e: r = str(e)\n(d == {'a': 0, 'b': []}, r)",
    "ordered_dict_moves": "o = OrderedDict([('a', 1), ('b', 2), ('c', 3)])\no.move_to_end('a')\no.move_to_end('c', last=False)\n(o, list(o), o.popitem(last=False), o.popitem(), o)",
    "ordered_dict_equality": "a, b = OrderedDict(x=1, y=2), OrderedDict(y=2, x=1)\n(a == b, a == dict(b), a != b, dict(a) == b, list(reversed(a)))",
    "ordered_dict_cache": "class Cache:\n    def __init__(self, size):\n        self.size, self.data = size, OrderedDict()\n    def get(self, k):\n        if k not in self.data: return None\n        self.data.move_to_end(k)\n        return self.data[k]\n    def put(self, k, v):\n        self.data[k] = v\n        self.data.move_to_end(k)\n        if len(self.data) > self.size: self.data.popitem(last=False)\n_c = Cache(2)\n_c.put(1, 'a')\n_c.put(2, 'b')\n_c.get(1)\n_c.put(3, 'c')\nlist(_c.data.items())",
    "ordered_dict_kinds": "o = OrderedDict(a=1) | {'b': 2}\n(type(o) is OrderedDict, o, OrderedDict.fromkeys('ab', 0), o.pop('a', default=5), o.setdefault('z', default=3))",
    "ordered_dict_errors": "r = []\nfor f in (lambda: OrderedDict().popitem(), lambda: OrderedDict().move_to_end('x'), lambda: OrderedDict().pop('x')):\n    try: f()\n    except KeyError as e: r.append(e.args)\nr",
    "named_tuple": "P = namedtuple('P', 'x y')\np = P(1, y=2)\n(p, p.x + p.y, p[0], p == (1, 2), P._fields, p._asdict(), p._replace(x=5), P._make([7, 8]), len(p), [*p])",
    "named_tuple_defaults": "P = namedtuple('P', ['x', 'y', 'z'], defaults=[0, None])\n(P(1), P(1, 2), P(z=3, x=1), P._field_defaults)",
    "named_tuple_matched": "P = namedtuple('P', 'x y')\ndef show(v):\n    match v:\n        case P(0, 0): return 'origin'\n        case P(x, y=0): return f'x={x}'\n        case (a, b): return a + b\n[show(P(0, 0)), show(P(4, 0)), show(P(1, 2)), show((3, 4))]",
    "named_tuple_rows": "Row = namedtuple('Row', 'name age')\nrows = [Row('bob', 41), Row('al', 7)]\n([r.name for r in sorted(rows, key=lambda r: r.age)], max(rows), {rows[0]: 1}[('bob', 41)], isinstance(rows[0], tuple))",
    "named_tuple_errors": "P = namedtuple('P', 'x y')\nr = []\nfor f in (lambda: P(1), lambda: P(1, 2, 3), lambda: P(1, z=2), lambda: P(1, x=2), lambda: P._make([1])):\n    try: f()\n    except TypeError as e: r.append(str(e))\nr",
    "named_tuple_names": "r = []\nfor names in ('x x', 'def', '_x', '1x', 'a-b'):\n    try: namedtuple('P', names)\n    except ValueError as e: r.append(str(e))\n(r, namedtuple('P', 'x def x _y', rename=True)._fields, namedtuple('P', 'a, b,c')._fields)",
    "named_tuple_unpacked": "P = namedtuple('P', 'x y')\nx, y = P(1, 2)\na, *b = P(3, 4)\n(x, y, a, b, P(1, 2) + (3,), P(1, 2) < P(1, 3), f'{P(1, 2)}', hash(P(1, 2)) == hash((1, 2)))",
    "frozenset_basics": "f = frozenset([1, 2, 2])\n(f == {1, 2}, len(f), 1 in f, sorted(f | {3}), type(f | {3}) is frozenset, type({3} | f) is set, f <= {1, 2, 3}, hash(f) == hash(frozenset([2, 1])))",
    "frozenset_keys": "d = {frozenset('ab'): 1}\n(d[frozenset('ba')], {1, 2} in {frozenset([1, 2])}, len({frozenset(), frozenset()}), frozenset([frozenset([1])]) == {frozenset([1])})",
    "frozenset_methods": "f = frozenset([1, 2, 3])\n(sorted(f.union([4])), sorted(f.difference([1])), sorted(f.intersection([2, 9])), sorted(f ^ {3, 4}), f.isdisjoint([7]), f.copy() is f, frozenset(), isinstance(f, set))",
    "frozenset_unchanging": "r = []\nf = frozenset([1])\ntry: f.add(2)\nexcept AttributeError as e: r.append(str(e))\ng = f\ng |= {2}\n(r, f == {1}, g == {1, 2})",
    "graph_of_kinds": "edges = [('a', 'b'), ('b', 'c'), ('a', 'c')]\nout = defaultdict(set)\nfor u, v in edges: out[u].add(v)\ndegree = Counter(n for e in edges for n in e)\n(sorted((k, sorted(v)) for k, v in out.items()), degree, degree.most_common(2))",
    "module_itself": "import collections\nimport collections as c\nd = collections.deque([1], maxlen=2)\n(d, c.Counter('aa')['a'], type(d) is c.deque, isinstance(d, collections.deque))",
}  # fmt: skip
# All of them run in the engine (tests/engine/test_collections.py); the sandbox's own tests have no frozenset to speak of.
SNIPPETS: dict[str, str] = {f"collections_{name}": _HEAD + source for name, source in _SOURCES.items()}
SIMPLE = {name: source for name, source in SNIPPETS.items() if "frozenset" not in name}
