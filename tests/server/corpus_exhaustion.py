"""Attempts to use up time, memory, stack or output: a name, and the text of a snippet.

They come from what is known to hurt an interpreter that runs foreign code: loops that only C sees, numbers and
sequences that double, objects that share themselves into 2^60 paths, nests that overflow the stack of C, and floods.
"""

from __future__ import annotations

NESTED = """
it = iter([1, 2, 3])
for _ in range(100_000):
    it = {wrap}
{use}
"""

SHARED = """
t = {seed}
for _ in range(60):
    t = {double}
{use}
"""

ATTEMPTS: dict[str, str] = {
    # loops
    "endless while": "while True: pass",
    "endless while with work": "i = 0\nwhile True: i += 1",
    "endless for over iter of a generator": "def g():\n    while True: yield 1\nfor _x in g(): pass",
    "endless loop in a comprehension": "[1 for _a in range(10**6) for _b in range(10**6)]",
    "endless generator into sum": "def g():\n    while True: yield 1\nsum(g())",
    "endless generator into list": "def g():\n    while True: yield 'x' * 100\nlist(g())",
    "endless generator into set": "def g(n=0):\n    while True:\n        n += 1\n        yield n\nset(g())",
    "endless generator into any": "def g():\n    while True: yield 0\nany(g())",
    "endless generator into in": "def g():\n    while True: yield 0\n1 in g()",
    "endless generator into join": "def g():\n    while True: yield 'x'\n''.join(g())",
    "endless generator into unpacking": "def g():\n    while True: yield 0\na, *b = g()",
    "endless generator into star arguments": "def g():\n    while True: yield 0\nprint(*g())",
    "endless generator into zip and max": "def g():\n    while True: yield 0\nmax(zip(g(), g()))",
    "endless generator into dict": "def g(n=0):\n    while True:\n        n += 1\n        yield n, n\ndict(g())",
    "endless __next__": "class I:\n    def __iter__(self): return self\n    def __next__(self): return 1\nlist(I())",
    "endless __getitem__ as a sequence": "class S:\n    def __getitem__(self, i): return 1\nlist(S())",
    "endless __contains__ by __getitem__": "class S:\n    def __getitem__(self, i): return 1\n2 in S()",
    "length that lies": (
        "class L:\n    def __len__(self): return 10**12\n    def __iter__(self): return iter(())\n[*L()]"
    ),
    "length of an iterator that lies": (
        "class L:\n    def __len__(self): return 10**12\n    def __iter__(self): return self\n"
        "    def __next__(self): raise StopIteration\na, *b = L()"
    ),
    "swallowing the stop": "while True:\n    try:\n        while True: pass\n    except Exception: pass",
    "swallowing the stop with bare except": "while True:\n    try:\n        while True: pass\n    except: pass",
    "swallowing the stop in __exit__": (
        "class C:\n    def __enter__(self): return self\n    def __exit__(self, *a): return True\n"
        "while True:\n    with C():\n        while True: pass"
    ),
    "going on in finally": "def f():\n    try:\n        while True: pass\n    finally:\n        while True: pass\nf()",
    "list that grows while it is looped over": "l = [1]\nfor x in l: l.append(x)",
    "extend with a generator over itself": "l = [1]\nl.extend(x for x in l)",
    "extend with itself again and again": "l = [1]\nfor _ in range(40): l.extend(l)",
    "dict values while it grows": "d = {0: 0}\nfor k in list(d): d[k + 1] = 0\nwhile True: d[len(d)] = d",
    # numbers
    "power of powers": "9 ** 9 ** 9 ** 9",
    "power in place": "x = 9\nfor _ in range(100): x **= 99",
    "square again and again": "x = 3\nwhile True: x *= x",
    "square of what is allowed": "x = 1 << 65_000\nfor _ in range(1_000_000): x * x",
    "shift": "1 << 10**10",
    "shift in place": "x = 1\nwhile True: x <<= 1000",
    "pow with a huge modulus": "pow(3, 1 << 100_000, (1 << 100_000) + 1)",
    "product by sum of shifts": "x = 1 << 100_000\nwhile True: x += x",
    "division of long numbers": "x = (1 << 131_000) - 1\ny = (1 << 65_000) + 1\nwhile True: x // y",
    "text of a long number": "str(1 << 100_000)",
    "number of a long text": "int('9' * 1_000_000)",
    "number of a long text in base 2": "int('1' * 10_000_000, 2)",
    "hex of long numbers": "x = 1 << 131_000\nwhile True: hex(x)",
    "float formats": "f'{1e308:.10000f}' * 1000",
    "width of a format": "f'{1:>1000000000}'",
    "width in percent": "'%1000000000d' % 1",
    "width from a star": "'%*d' % (10**9, 1)",
    "round a long number": "round(10**30_000, -29_999) > 0",
    "factorial": "import math\nmath.factorial(10**7)",
    "combinations": "import math\nmath.comb(10**6, 5 * 10**5)",
    "product of many": "import math\nmath.prod([1 << 65_000] * 1000)",
    "lcm of many": "import math\nmath.lcm(*[(1 << 60_000) + i for i in range(200)])",
    "gcd of long numbers": "import math\nx = (1 << 131_000) - 1\nwhile True: math.gcd(x, x // 3 + 2)",
    "isqrt of long numbers": "import math\nx = (1 << 131_000) - 1\nwhile True: math.isqrt(x)",
    # sequences and texts
    "list times": "[0] * 10**11",
    "list times itself": "l = [0]\nwhile True: l = l * 9",
    "list in place times": "l = [0]\nwhile True: l *= 9",
    "tuple plus": "t = (0,)\nwhile True: t += t",
    "text times": "'x' * 10**12",
    "text plus": "s = 'x'\nwhile True: s += s",
    "text plus in a list": "l = []\nfor i in range(300): l.append('x' * 10_000_000 + str(i))",
    "bytes": "bytes(10**12)",
    "bytes plus": "b = b'x'\nwhile True: b += b",
    "zfill": "'1'.zfill(10**10)",
    "ljust": "'1'.ljust(10**10)",
    "center in a loop": "while True: 'x'.center(10_000_000)",
    "expandtabs": "'\\t'.expandtabs(10**10)",
    "replace that doubles": "s = 'x'\nwhile True: s = s.replace('x', 'xx')",
    "replace with a long text": "('x' * 100_000).replace('x', 'y' * 100_000)",
    "join with a long text": "('y' * 1_000_000).join(['x'] * 100_000)",
    "join of the same long text": "''.join(['x' * 10_000_000] * 100_000)",
    "quadratic text": "s = ''\nl = []\nfor i in range(500_000):\n    s = 'x' + s\n    l.append(s)",
    "split into many": "('a ' * 5_000_000).split()",
    "search for a needle that nearly fits": "'a' * 4_000_000 + 'b' in 'a' * 5_000_000",
    "find in a loop": "s = 'a' * 5_000_000\nwhile True: s.find('a' * 1000 + 'b')",
    "count in a loop": "s = 'ab' * 5_000_000\nwhile True: s.count('ba')",
    "translate that grows": "('x' * 1_000_000).translate({120: 'y' * 10_000})",
    "title of a long text in a loop": "s = 'ß' * 5_000_000\nwhile True: s.upper()",
    "encode in a loop": "s = 'ß' * 5_000_000\nwhile True: s.encode()",
    "list of a long range in a loop": "while True: list(range(1_000_000))",
    "copies of a long dict": "d = {i: i for i in range(100_000)}\nwhile True: dict(d)",
    "digests of long bytes": "import hashlib\nb = b'x' * 10_000_000\nwhile True: hashlib.sha256(b)",
    "base64 of long bytes": "import base64\nb = b'x' * 10_000_000\nwhile True: base64.b64encode(b)",
    "names of long texts": "import uuid\ns = 'x' * 10_000_000\nwhile True: uuid.uuid5(uuid.NAMESPACE_DNS, s)",
    "named tuple of a long range": "from collections import namedtuple\nnamedtuple('N', range(10**7))",
    "search of a long list in a loop": "l = [0] * 1_000_000\nwhile True: 1 in l",
    "tuple of a long range in a loop": "while True: tuple(range(1_000_000))",
    "unpacking of a long range in a loop": "r = range(1_000_000)\nwhile True: [*r]",
    "longest first": "l = [0] * 1_000_000\nwhile True: l.insert(0, 1)",
    "slices of a long list": "l = [0] * 10_000_000\nk = []\nwhile True: k.append(l[:])",
    "sort of a long list in a loop": "while True: sorted([i % 1000 for i in range(100_000)])",
    "sort of long texts": "sorted(['x' * 5_000_000 + chr(97 + i % 9) for i in range(20)] * 5000)",
    "range in tuple": "tuple(range(10**10))",
    "in over a range of floats": "0.5 in range(10**18)",
    "sum of a range": "sum(range(10**18))",
    "max of a range": "max(range(10**18))",
    "index in a range": "range(10**18).index(0.5)",
    "count in a range": "range(10**18).count(0.5)",
    "max of max": "l = [1.5] * 10_000_000\nmax(max(a) for a in [l] * 1000)",
    "enumerate of reversed of a range": "list(enumerate(reversed(range(10**15))))",
    "zip of ranges": "for _ in zip(range(10**15), range(10**15)): pass",
    # hashes, comparisons
    "hash of a shared tuple": SHARED.format(seed="()", double="(t, t)", use="hash(t)"),
    "comparison of shared tuples": SHARED.format(
        seed="()", double="(t, t)", use="u = ()\nfor _ in range(60): u = (u, u)\nt == u"),
    "order of shared tuples": SHARED.format(
        seed="(1,)", double="(t, t)", use="u = (1,)\nfor _ in range(60): u = (u, u)\nt < u"),
    "comparison of shared lists": SHARED.format(
        seed="[]", double="[t, t]", use="u = []\nfor _ in range(60): u = [u, u]\nt == u"),
    "shared tuple as a key": SHARED.format(seed="()", double="(t, t)", use="{t: 1}"),
    "shared tuple in a set": SHARED.format(seed="()", double="(t, t)", use="{t}"),
    "text of a shared tuple": SHARED.format(seed="()", double="(t, t)", use="repr(t)"),
    "text of a shared list": SHARED.format(seed="[]", double="[t, t]", use="str(t)"),
    "format of a shared tuple": SHARED.format(seed="()", double="(t, t)", use="f'{t}'"),
    "print of a shared tuple": SHARED.format(seed="()", double="(t, t)", use="print(t)"),
    "result that is shared": SHARED.format(seed="[]", double="[t, t]", use="t"),
    "result that is a shared tuple": SHARED.format(seed="()", double="(t, t)", use="t"),
    "identity of shared tuples": SHARED.format(
        seed="()", double="(t, t)", use="u = ()\nfor _ in range(60): u = (u, u)\nt is u"),
    "exception with a shared tuple": SHARED.format(seed="()", double="(t, t)", use="raise ValueError(t)"),
    "match of shared tuples": SHARED.format(
        seed="()", double="(t, t)",
        use="class K: pass\nu = ()\nfor _ in range(60): u = (u, u)\nK.v = u\nmatch t:\n    case K.v: pass"),
    "numbers with one hash as keys": "d = {}\nfor i in range(1, 100_000): d[i * (2**61 - 1)] = i",
    "objects with one hash as keys": (
        "class K:\n    def __init__(self, n): self.n = n\n    def __hash__(self): return 1\n"
        "    def __eq__(self, o): return self.n == o.n\nd = {}\nfor i in range(10**5): d[K(i)] = i"
    ),
    "objects with one hash in a set": (
        "class K:\n    def __init__(self, n): self.n = n\n    def __hash__(self): return 1\n"
        "    def __eq__(self, o): return self.n == o.n\ns = {K(i) for i in range(10**5)}"
    ),
    "tuples with one hash in a comprehension": "{i * (2**61 - 1): 0 for i in range(100_000)}",
    # depth
    "recursion": "def f(): return f()\nf()",
    "recursion of two": "def f(): return g()\ndef g(): return f()\nf()",
    "recursion of a lambda": "_f = lambda f: f(f)\n_f(_f)",
    "recursion in __getattr__": "class A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nA().x",
    "recursion in __repr__": "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
    "recursion in __str__ by format": "class A:\n    def __str__(self): return f'{self}'\nstr(A())",
    "recursion in a property": "class A:\n    x = property(lambda self: self.x)\nA().x",
    "recursion in a sort key": "def k(x): return sorted([x], key=k)\nk(1)",
    "recursion in a comprehension": "def f(): return [f() for _ in range(1)]\nf()",
    "recursion in a generator": "def g():\n    yield from g()\nlist(g())",
    "recursion in __init__": "class A:\n    def __init__(self): A()\nA()",
    "recursion in __call__": "class A:\n    def __call__(self): self()\nA()()",
    "recursion in __iter__": "class A:\n    def __iter__(self): return iter(A())\nlist(A())",
    "recursion in __bool__": "class A:\n    def __bool__(self): return not self\nif A(): pass",
    "recursion in __add__": "class A:\n    def __add__(self, o): return self + o\nA() + 1",
    "recursion in __len__": "class A:\n    def __len__(self): return len(self)\nlen(A())",
    "recursion in __eq__": "class A:\n    def __eq__(self, o): return self == o\nA() == A()",
    "recursion in __enter__": (
        "class A:\n    def __enter__(self):\n        with self: pass\n    def __exit__(self, *a): pass\nwith A(): pass"
    ),
    "recursion in a class body": "def f():\n    class A:\n        x = f()\nf()",
    "recursion by map": "def f(x): return list(map(f, [x]))\nf(1)",
    "recursion after recursion": "def f():\n    try: f()\n    finally: f()\nf()",
    "nest of map": NESTED.format(wrap="map(abs, it)", use="list(it)"),
    "nest of filter": NESTED.format(wrap="filter(None, it)", use="list(it)"),
    "nest of zip": NESTED.format(wrap="zip(it)", use="list(it)"),
    "nest of enumerate": NESTED.format(wrap="enumerate(it)", use="list(it)"),
    "nest of iterators that is dropped": NESTED.format(wrap="map(abs, it)", use="it = None"),
    "nest of generators": NESTED.format(wrap="(x for x in it)", use="list(it)"),
    "nest of tuples, text": NESTED.format(wrap="(it,)", use="repr(it)"),
    "nest of tuples, hash": "it = ()\nfor _ in range(100_000): it = (it,)\nhash(it)",
    "nest of tuples, comparison": (
        "it = ()\nfor _ in range(100_000): it = (it,)\nu = ()\nfor _ in range(100_000): u = (u,)\nit == u"),
    "nest of tuples, result": "it = ()\nfor _ in range(100_000): it = (it,)\nit",
    "nest of lists, kept": "kept = []\nfor _ in range(10_000): kept = [kept]",
    "nest of lists, text": "it = []\nfor _ in range(100_000): it = [it]\nstr(it)",
    "nest of lists, comparison": (
        "it = []\nfor _ in range(100_000): it = [it]\nu = []\nfor _ in range(100_000): u = [u]\nit == u"),
    "nest of dicts, result": "it = {}\nfor _ in range(100_000): it = {'a': it}\nit",
    "nest of tuples, kept": "it = ()\nfor _ in range(100_000): it = (it,)\nkept = it",
    "nest of slices": "it = None\nfor _ in range(100_000): it = slice(it)\nrepr(it)",
    "nest of exceptions": (
        "e = ValueError()\nfor _ in range(100_000):\n    n = ValueError(e)\n    e = n\nraise e"),
    "chain of exceptions": (
        "e = None\nfor _ in range(100_000):\n    try:\n        raise ValueError() from e\n    except ValueError as x:\n"
        "        e = x\nraise e"
    ),
    "nest of bound methods": "class A:\n    def f(self): pass\na = A()\nfor _ in range(10_000): a.n = A(); a = a.n",
    "isinstance with deep tuples": "t = int\nfor _ in range(100_000): t = (t, )\nisinstance('', t)",
    "startswith with many": "'x'.startswith(('y',) * 10_000_000)",
    # the library
    "nest of chain": (
        "import itertools\n_it = iter([1])\nfor _ in range(900_000): _it = itertools.chain(_it)\nnext(_it)"
    ),
    "nest of chain that is dropped": (
        "import itertools\n_it = iter([1])\nfor _ in range(900_000): _it = itertools.chain(_it)\n_it = None"
    ),
    "nest of islice": (
        "import itertools\n_it = iter([1])\nfor _ in range(900_000): _it = itertools.islice(_it, 5)\nlist(_it)"
    ),
    "nest of accumulate": (
        "import itertools\n_it = iter([1])\nfor _ in range(300_000): _it = itertools.accumulate(_it)\nlist(_it)"
    ),
    "nest of takewhile": (
        "import itertools\n_it = iter([1])\nfor _ in range(300_000): _it = itertools.takewhile(bool, _it)\nlist(_it)"
    ),
    "nest of zip_longest": (
        "import itertools\n_it = iter([1])\nfor _ in range(300_000): _it = itertools.zip_longest(_it)\nlist(_it)"
    ),
    "nest of partial": (
        "import functools\n_f = len\nfor _ in range(300_000): _f = functools.partial(functools.partial, _f)\n_f()"
    ),
    "nest of tee": "import itertools\n_it = iter([1])\nfor _ in range(300_000): _it, _ = itertools.tee(_it)\nlist(_it)",
    "nest of big map": "_it = iter([1])\nfor _ in range(900_000): _it = map(abs, _it)\nnext(_it)",
    "nest of tuples that is dropped": "_t = ()\nfor _ in range(900_000): _t = (_t,)\n_t = None",
    "count into sum": "import itertools\nsum(itertools.count())",
    "count into list": "import itertools\nlist(itertools.count())",
    "repeat into max": "import itertools\nmax(itertools.repeat(1))",
    "cycle into any": "import itertools\nany(itertools.cycle([0]))",
    "repeat in": "import itertools\n2 in itertools.repeat(1)",
    "product huge": "import itertools\nlist(itertools.product(range(1000), repeat=10))",
    "product of many ranges": "import itertools\nnext(itertools.product(*[range(10**6)] * 1000))",
    "permutations": "import itertools\nlen(list(itertools.permutations(range(12))))",
    "combinations into sum": "import itertools\nsum(1 for _ in itertools.combinations(range(100), 50))",
    "combinations in C": "import itertools\nmax(itertools.combinations(range(40), 20))",
    "reduce mul": "import functools, operator\nfunctools.reduce(operator.mul, range(1, 10**6))",
    "operator pow": "import operator\noperator.pow(9, 9**9)",
    "operator lshift": "import operator\noperator.lshift(1, 10**12)",
    "operator mul": "import operator\noperator.mul('x', 10**12)",
    "operator concat": "import operator\ns = 'x'\nwhile True: s = operator.concat(s, s)",
    "operator iconcat": "import operator\ns = [1]\nwhile True: s = operator.iconcat(s, s)",
    "operator mod": "import operator\noperator.mod('%1000000000d', 1)",
    "operator countOf": "import operator, itertools\noperator.countOf(itertools.repeat(1), 2)",
    "operator indexOf": "import operator, itertools\noperator.indexOf(itertools.count(), -1)",
    "itemgetter many": "import operator\noperator.itemgetter(*[0] * 10_000_000)('x')",
    "attrgetter deep": "import operator\noperator.attrgetter('.'.join(['real'] * 1_000_000))(1)",
    "json nest dumps": "import json\n_x = []\nfor _ in range(100_000): _x = [_x]\njson.dumps(_x)",
    "json nest loads": "import json\njson.loads('[' * 1_000_000)",
    "json shared dumps": "import json\n_x = []\nfor _ in range(60): _x = [_x, _x]\njson.dumps(_x)",
    "json long number": "import json\njson.loads('9' * 1_000_000)",
    "json long float": "import json\njson.loads('1e' + '9' * 1_000_000)",
    "json indent": "import json\njson.dumps([[[1]]], indent=10**9)",
    "json indent text": "import json\njson.dumps([[[1]]] * 1000, indent='x' * 10**6)",
    "json many": "import json\njson.loads('[' + '[],' * 3_000_000 + '[]]')",
    "deepcopy shared": "import copy\n_x = ()\nfor _ in range(60): _x = (_x, _x)\ncopy.deepcopy(_x)",
    "deepcopy nest": "import copy\n_x = []\nfor _ in range(100_000): _x = [_x]\ncopy.deepcopy(_x)",
    "deepcopy list doubling": (
        "import copy\n_x = [[0] * 1000 for _ in range(1000)]\nwhile True: _x = [_x, copy.deepcopy(_x)]"
    ),
    "heapq heapify": "import heapq\nl = [-i for i in range(10**6)]\nwhile True: heapq.heapify(l)",
    "heapq nlargest": "import heapq\nheapq.nlargest(10**9, range(10**7))",
    "heapq merge": "import heapq, itertools\nlist(heapq.merge(*[itertools.count()] * 100))",
    "bisect key": "import bisect\ndef k(x): return bisect.bisect([x], x, key=k)\nk(1)",
    "bisect huge": "import bisect\nbisect.bisect(range(10**7), 5.5)",
    "lru_cache grow": (
        "import functools\n_f = functools.lru_cache(None)(lambda n: 'x' * 100_000 + str(n))\n"
        "for i in range(10**6): _f(i)"
    ),
    "cmp_to_key": "import functools\nsorted([1, 2] * 100_000, key=functools.cmp_to_key(lambda a, b: -1))",
    "nest of wraps": "import functools\n_f = lambda: 1\nfor _ in range(100_000): _f = functools.wraps(_f)(_f)",
    "groupby nest": (
        "import itertools\n_it = iter([1])\nfor _ in range(100_000): _it = itertools.groupby(_it)\nlist(_it)"
    ),
    "starmap": "import itertools\nlist(itertools.starmap(pow, [(9, 9**9)]))",
    "map pow": "list(map(pow, [9], [9**9]))",
    "map times": "import operator\nlist(map(operator.mul, ['x'], [10**12]))",
    "prod text": "import math\nmath.prod(['x'], start=10**12)",
    "fsum": "import math\nmath.fsum([1e308, 1e-308] * 5_000_000)",
    "accumulate mul": "import itertools, operator\nlist(itertools.accumulate(itertools.repeat(3), operator.mul))",
    "islice far": "import itertools\nlist(itertools.islice(itertools.count(), 10**15, 10**15 + 1))",
    "pairwise": "import itertools\nlist(itertools.pairwise(itertools.count()))",
    "filterfalse": "import itertools\nlist(itertools.filterfalse(None, itertools.repeat(1)))",
    "dropwhile": "import itertools\nlist(itertools.dropwhile(bool, itertools.repeat(1)))",
    "compress": "import itertools\nlist(itertools.compress(itertools.repeat(1), itertools.repeat(0)))",
    "tee lag": "import itertools\na, b = itertools.tee(itertools.count())\nfor x in a: pass",
    "zip count set": "import itertools\nset(zip(itertools.count(), itertools.repeat(0)))",
    "dict fromkeys": "import itertools\ndict.fromkeys(itertools.count())",
    "join": "import itertools\n','.join(map(str, itertools.count()))",
    "contextmanager recursion": (
        "from contextlib import contextmanager\n@contextmanager\ndef _c():\n    with _c(): pass\n    yield\n"
        "with _c(): pass"
    ),
    # memory
    "list extended by a range": "_l = []\n_l.extend(range(10**7))",
    "deque of a range": "from collections import deque\ndeque(range(10**7))",
    "result of many short texts": "('ab' * 5_000_000).split('a')",
    "list extended by its own iterator": "_l = [1]\n_l.extend(iter(_l))",
    "result of many complex numbers": "{complex(n, 1) for n in range(10**5)}",
    "result of emoji": "'\U0001f600' * 4_000_000",
    "result of lists of emoji": "[['\U0001f600' * 400_000] for _ in range(10)]",
    "result of many numbers": "[0] * 5_000_000",
    "result with long keys": "dict(**{'ab' * 5_000_000 + str(i): 1 for i in range(10)})",
    "OrderedDict emptied from the front": (
        "from collections import OrderedDict\n_d = OrderedDict.fromkeys(range(400_000))\n"
        "while _d: _d.popitem(last=False)"
    ),
    "set emptied by pop": "_s = set(range(400_000))\nwhile _s: _s.pop()",
    # storms and floods
    "storm of exceptions": "while True:\n    try: 1 / 0\n    except ZeroDivisionError: pass",
    "storm of lookups": "d = {}\nwhile True:\n    try: d['x']\n    except KeyError: pass",
    "flood of print": "while True: print('x' * 1_000_000)",
    "flood of print by star": "print(*['x' * 10_000] * 1_000_000)",
    "huge result": "'x' * 10_000_000 + 'y' * 10_000_000",
    "huge result of many": "[0] * 10_000_000",
    "huge result of lists": "[['x' * 1000] * 1000] * 1000",
    "result of quotes": "'\\x01' * 10_000_000",
    "huge error": "raise ValueError('x' * 10_000_000)",
    "huge key": "{}['x' * 10_000_000]",
    "dict of dicts": "d = {}\nfor i in range(10**6): d = {i: d, i + 1: d}",
    "class storm": "for i in range(10**5):\n    class _A: pass",
    "closures that hold": "l = []\nfor i in range(10**6): l.append(lambda x='x' * 100_000: x)",
    "deep literal": "[" * 5_000 + "]" * 5_000,
    "deep parentheses": "(" * 5_000 + ")" * 5_000,
    "deep attribute": "x" + ".a" * 20_000,
    "deep operators": "-" * 30_000 + "1",
    "wide literal": "[" + "1," * 30_000 + "]",
    "deep finally": "".join("\n" + " " * n + "try: pass\n" + " " * n + "finally:" for n in range(40)) + " pass",
    "long constant": "x = " + "9" * 60_000,
    "constant that is computed": "x = 2 ** 1_000_000 * 'a'",
}

# Those that neither fuel nor a bound reaches in a second: the supervisor ends the server, which takes a while.
UNREACHED = frozenset({
    "endless generator into list", "extend with itself again and again",
    "product by sum of shifts", "division of long numbers", "hex of long numbers", "gcd of long numbers",
    "isqrt of long numbers", "list times itself", "list in place times", "tuple plus", "text plus",
    "text plus in a list", "bytes plus", "replace that doubles", "replace with a long text",
    "join with a long text", "join of the same long text", "quadratic text", "split into many", "find in a loop",
    "count in a loop", "translate that grows", "title of a long text in a loop",
    "search of a long list in a loop", "tuple of a long range in a loop", "unpacking of a long range in a loop",
    "longest first", "slices of a long list", "sort of long texts", "max of max",
    "comparison of shared tuples", "order of shared tuples", "comparison of shared lists", "shared tuple as a key",
    "shared tuple in a set", "text of a shared tuple", "text of a shared list", "format of a shared tuple",
    "print of a shared tuple", "match of shared tuples", "numbers with one hash as keys",
    "tuples with one hash in a comprehension", "recursion after recursion", "storm of exceptions", "flood of print",
    "flood of print by star", "dict of dicts", "class storm", "closures that hold",
    "operator concat", "operator iconcat", "json shared dumps", "json indent text", "json many", "deepcopy shared",
    "lru_cache grow", "accumulate mul",
})
assert UNREACHED <= ATTEMPTS.keys()
