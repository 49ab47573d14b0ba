# ruff: noqa: E501
"""What else is kept, for the programs of tests/engine/programs.py: lambdas of statements, classes that inherit from
containers, named tuples and classes of the library, functions with a cache, `partial`, ranges, matches, `...`.

    Program(Newer) --> `newer_value()`, `newer_statement()`, `newer_definition(name)`: text, as the others are
"""

from __future__ import annotations

from random import Random

__all__ = ["NEWER_CLASSES", "NEWER_PRELUDE", "Newer"]

NEWER_PRELUDE = """
from functools import cache, cached_property, lru_cache, partial, singledispatch
from collections import ChainMap, UserDict, UserList
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from typing import NamedTuple, Protocol, TypedDict
"""

# A name -> its first lines; each class has a way to be made of one value.
NEWER_CLASSES: dict[str, list[str]] = {
    "Stack": ["class Stack(list):\n", "class Stack(list):\n  def __init__(self, *v):\n    super().__init__(v)\n    self.v = v\n", "class Stack(UserList):\n"],
    "Bag": ["class Bag(dict):\n", "class Bag(dict):\n  def __missing__(self, key):\n    self[key] = [key]\n    return self[key]\n", "class Bag(UserDict):\n"],
    "Group": ["class Group(set):\n", "class Group(set):\n  kind = []\n"],
    "Chain": ["class Chain(ChainMap):\n", "class Chain(ChainMap):\n  def __init__(self, *v):\n    super().__init__(*v)\n    self.v = [v]\n"],
    "Row": [
        "class Row(NamedTuple):\n  x: int = 0\n  y: tuple = ()\n", "class Row(NamedTuple):\n  x: int = 0\n  z: object = frozenset([1])\n",
        "class Row(namedtuple('Row', 'x y', defaults=[0, 1])):\n", "class Row(P):\n",
    ],
    "Seq": ["class Seq(Sequence):\n  def __init__(self, v=0): self.v = [v, v]\n  def __getitem__(self, i): return self.v[i]\n  def __len__(self): return len(self.v)\n"],
    "Map": [
        "class Map(MutableMapping):\n  def __init__(self, v=0): self.v = {0: v}\n  def __getitem__(self, k): return self.v[k]\n  def __setitem__(self, k, x): self.v[k] = x\n"
        "  def __delitem__(self, k): del self.v[k]\n  def __iter__(self): return iter(self.v)\n  def __len__(self): return len(self.v)\n",
    ],
    "Shape": ["class Shape(Protocol):\n  def m(self, a): ...\n", "class Shape(Protocol):\n  v: int\n"],
    "Typed": ["class Typed(TypedDict):\n  x: int\n", "class Typed(TypedDict, total=False):\n  y: int\n"],
    "Own": ["class Own(Shape):\n  def __init__(self, v=0): self.v = v\n", "class Own(M):\n  def __init__(self, v=0): self.v = v\n", "class Own(Iterator):\n  def __init__(self, v=0): self.v = 3\n  def __next__(self):\n    if self.v <= 0: raise StopIteration\n    self.v -= 1\n    return self.v\n"],
}


class Newer:
    random: Random

    def pick(self, *of: str) -> str:
        raise NotImplementedError

    def chance(self, share: float) -> bool:
        raise NotImplementedError

    def number(self) -> int:
        raise NotImplementedError

    def old(self) -> str:
        raise NotImplementedError

    def old_or_plain(self) -> str:
        raise NotImplementedError

    def key(self) -> str:
        raise NotImplementedError

    def newer_value(self) -> str:
        n, one, key = self.number(), self.old_or_plain(), self.key()
        return self.pick(
            f"range({n}, 30, 2)", f"re.search('(a)|(?P<b>b)', 'ab'[{n} % 2:])", "...", "NotImplemented", f"lambda x=0: [x, {n}]", f"lambda x=0, y={one}: [x, y]",
            "lambda x=0: lambda y=0: [x, y]", f"(lambda x=0: 1, lambda x=0: {n})", f"defaultdict(lambda: [{n}], {{{key}: {one}}})", f"[lambda x=0, i=i: [i, x] for i in range({n} % 3)]",
            f"partial(function, {one})", f"partial(partial(function, k={one}), {n})", "partial(lambda x=0, *a: [x, a], 1)", "cached", "cache(function)", f"lru_cache({n})(lambda x=0: [x])",
            "dispatch", f"Stack([{one}, {n}])", f"Bag({{{key}: {one}}})", f"Group([{key}])", f"Chain({{{key}: {one}}}, {{}})", f"Row({one})", f"Row({n})", f"[Row({one})] * 70",
            f"Seq({one})", f"Map({one})", f"Typed(x={one})", f"Own({one})", f"UserDict({{{key}: {one}}})", f"UserList([{one}])", f"ChainMap({{{key}: {one}}}, {{1: 2}})",
            "Stack", "Row", "Mapping", "Shape", f"{{Row({n}): {one}}}", f"{{Row(find(K, {n})): 1}}", f"frozenset([Row({n}), range({n})])", "find(A, 1).m", f"(range({n}), ..., Row(..., range(3)))",
            "A.cp", f"[Bag() for _ in range({n})]", f"Row({n})._replace(x={one})", f"Row._make([{one}, {n}])", "Row._fields", f"Own(partial(function, Row({n})))",
        )

    def newer_statement(self) -> str:
        n, value, old, key = self.number(), self.newer_value(), self.old(), self.key()
        of = self.pick("Stack", "Bag", "Group", "Chain", "Seq", "Map", "UserDict", "UserList", "Row", "Own", "type(cached)", "partial", "type(lambda: 1)")
        return self.pick(
            f"put({value}, {self.random.randrange(40)})", f"put({value}, {self.random.randrange(40)})", f"put(lambda x=0: [x, {n}], {n}); put(lambda x=0: [x, {n}], 3)",
            f"for _i in range(3): put(lambda x=0, i=_i: [x, i], {n} + _i)", f"if {n} > 2: put(lambda x=0: x, {n})\nelse: put(lambda x=0: [x], {n})", f"find(A, {n}).v = lambda x=0: [x, {n}]",
            f"A.lam = lambda self, a: [a, {n}]", "A.m = lambda self, a=0: [a]\nB.m = A.m", f"_f = find(type(function), {n})\nput([_f, _f], {n})", f"_f = find(type(function), {n})\n_out.append(show(_f({n})))",
            f"find(defaultdict, {n}).default_factory = lambda: [{n}]", f"_t = find(defaultdict, {n})\n_out.append(show(_t['new']))", f"A.w = partial(function, {n})\nput(A.w, {n})",
            f"_out.append(show(cached({n})))\n_out.append(show(cached({n})))\n_out.append(repr(cached.cache_info()))", f"_out.append(cached({key}) is cached({key}))", "cached.cache_clear()", f"put(cached({n}), {n})",
            f"_out.append(show(dispatch({old})))", f"dispatch.register(int, lambda x: ['int', {n}])", "dispatch.register(A, lambda x: ['A', x.v])", "@dispatch.register(list)\ndef _(x): return ['list', len(x)]",
            f"_t = find({of}, {n})\n_out.append(show(_t({n})))", f"_t = find({of}, {n})\n_t.v = {value}", f"_t = find({of}, {n})\n_t.append({value})\n_out.append(show(_t))", f"_t = find({of}, {n})\n_t[{key}] = {value}\n_out.append(show(_t))",
            f"_t = find({of}, {n})\n_out.append(show([*_t]))", f"_t = find({of}, {n})\n_t.update({{{key}: {n}}})\n_out.append(len(_t))", f"_t = find({of}, {n})\n_t.add({key})\n_out.append(repr(_t))", f"_t = find({of}, {n})\n_out.append(show(_t[{key}]))",
            f"_t = find({of}, {n})\n_out.append(show(_t.m({n})))", f"_t = find({of}, {n})\n_out.append(show([_t.p, _t.x]))", f"_t = find({of}, {n})\nput(copy.{self.pick('copy', 'deepcopy')}(_t), {n})", f"_t = find({of}, {n})\n_out.append([_t == {old}, {key} in _t])",
            f"_t = find({of}, {n})\ndel _t[{key}]", f"_t = find({of}, {n})\n_out.append(show(_t.pop()))\n1 / 0", f"_t = find({of}, {n})\n_t |= {{{key}: 1}}", f"_t = find({of}, {n})\n_t += [{value}]", "_out.append(show(_t.cp))",
            f"_t = find(A, {n})\n_out.append(show(_t.cp))\n_out.append(_t.cp is _t.cp)", f"_t = find(A, {n})\n_out.append(show(_t.lm({n})))\n_out.append(_t.lm({n}) is _t.lm({n}))", f"_t = find(A, {n})\ndel _t.cp",
            f"_out.append([_k.__name__ for _k in (Stack, Bag, Group, Chain, Row, Seq, Map, Own) if isinstance({old}, _k)])", f"_out.append([isinstance({old}, _k) for _k in (list, dict, set, tuple, Mapping, Sequence, Shape, MutableSet)])",
            f"_out.append(json.dumps({value}, default=repr))", f"_out.append(match_newer({old}))", f"Row.n = {n}", f"Stack.shared = [{n}]\nBag.shared = Stack.shared", f"_out.append(hash(Row({n})))", f"_out.append(show(sorted([Row({n}), Row(1)])))",
            "_m = [x for x in pool if type(x) is type(re.match('', ''))]\n_out.append(show([[x.group(), x.span(), x.re.pattern] for x in _m]))", f"_out.append('{{0}} {{1!r}}'.format({n}, {old})[:99])",
            f"_out.append(find(tuple, {n}) == find(Row, {n}))", f"put(find(Row, {n})._replace(x={value}), {n})", f"_t = find(Map, {n})\n_out.append(show(_t.setdefault({key}, [{n}])))\n_out.append(show([*_t.items()]))", f"_t = find(Chain, {n})\n_out.append(show(_t.maps))\n_t.maps.append({{{n}: 1}})",
        )

    def newer_definition(self, name: str = "") -> str:
        name = name or self.pick(*NEWER_CLASSES, "cached", "cached", "dispatch")
        n = self.number()
        if name == "cached":
            return self.pick(
                f"@lru_cache(maxsize={n})\ndef cached(x=0):\n  pool.append({n})\n  return [x, {n}]", f"@cache\ndef cached(x=0): return [x, {n}]", f"cached = lru_cache(None)(lambda x=0: [x, {n}])",
                "@lru_cache\ndef cached(x=0): return cached(x - 1) + 1 if isinstance(x, int) and x > 0 else 0", "@lru_cache(typed=True)\ndef cached(x=0, *, y=A): return [x, y]", "cached = cache(function)",
            )
        if name == "dispatch":
            return f"@singledispatch\ndef dispatch(x): return ['other', {n}]\n" + self.pick("", "dispatch.register(int, lambda x: ['int'])", "@dispatch.register(str)\ndef _(x): return ['str']", "dispatch.register(Stack, lambda x: ['stack', len(x)])")
        text = self.random.choice(NEWER_CLASSES[name])
        if name == "Typed":
            return text
        optional = [
            f"  def m(self, a=0): return ['{name}', {n}, a]\n", f"  lam = lambda self, a: [a, {n}]\n", "  @property\n  def p(self): return [len(self)]\n", "  shared = []\n", f"  n = {n}\n",
            f"  @classmethod\n  def make(cls, a=0): return cls([a, {n}])\n", "  def __repr__(self): return '<%s>' % type(self).__name__\n",
        ]
        if name not in ("Row", "Shape"):
            optional += [
                "  @cached_property\n  def cp(self): return [len(self)]\n", "  @lru_cache(2)\n  def lm(self, a=0): return [a]\n", f"  def __upgrade__(self, version): self.w = [version, {n}]\n", "  __hash__ = None\n",
                "  class Inner(list):\n    def m(self, a): return [a, len(self)]\n",
            ]
        return text + "  pass\n" + "".join(self.random.sample(optional, self.random.randint(0, 4)))

    def newer_first(self) -> list[str]:
        """Return the texts that define what the others use."""
        match = "def match_newer(x):\n  match x:\n    case Row(x=a): return ['row', show(a)]\n    case Stack(): return ['stack', len(x)]\n    case Bag(): return 'bag'\n    case partial(): return 'partial'\n    case range(): return x.start\n    case _: return 0"
        return [*(self.newer_definition(name) for name in NEWER_CLASSES), self.newer_definition("cached"), self.newer_definition("dispatch"), match]
