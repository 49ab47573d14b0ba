"""What can be done with each kind of container, as texts of snippets: the table of the conformance kit.

    KINDS: name -> Kind(start, operations, bulk, model's class)      tests/engine/test_containers.py runs them

An operation is a text that uses some of these names, and nothing else:

    x y       two containers of the kind, or one under two names      k v w    values; k one that may be a key
    z         a list with x, y and other containers in it             i j      indexes; s a step
    pool      objects that have no value: instances, a list, a dict   p        an index into it
    n         a count for what is done in bulk                        items    a list of keys; pairs: of keys and values

An operation that binds `out` has a result; of an expression the result is its value. Whatever comes out stays under the
name `out`, so that its content, its type and what it shares with the others is compared too.

A kind is taken into the kit by being listed in KINDS.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from .models import InsertionFrozenSet, InsertionSet, SortedModel, hash_of

__all__ = ["ARGUMENTS", "HEAD", "KINDS", "MODEL", "SETUP", "Kind", "our_words"]

# --- what operations are given --------------------------------------------------------------------------------------

# No two are equal and of different types: which of them a set keeps is looked at elsewhere.
keys = st.one_of(
    st.integers(-3, 12),
    st.integers(0, 3000),
    st.sampled_from(["a", "b", "", "ü", b"b", None, 2.5, 1 << 70]),
    st.tuples(st.integers(0, 2)),
)
values = keys | st.sampled_from([True, 1.0, 0.0, -0.0]) | st.lists(st.integers(0, 3), max_size=2)
indexes = st.integers(-8, 8) | st.integers(-3000, 3000)

ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "k": keys,
    "v": values,
    "w": values,
    "i": indexes | st.none(),
    "j": indexes | st.none(),
    "m": indexes,  # where None is no index
    "s": st.sampled_from([None, 1, 2, 3, 7, -1, -2, -5, 0]),
    "p": st.integers(0, 4),
    "n": st.integers(50, 3000),
    "c": st.integers(-1, 2),
    "last": st.booleans(),
    "items": st.lists(keys, max_size=5),
    "pairs": st.lists(st.tuples(keys, values), max_size=5),
    "counts": st.lists(st.tuples(keys, st.integers(-3, 3)), max_size=5),
}

HEAD = "from collections import Counter, OrderedDict, defaultdict, deque\n"
SETUP = """
class Node:
    def __init__(self, n):
        self.n = n
    def __repr__(self):
        return f'Node({self.n})'
def broken(items):
    for item in items:
        yield item
    raise ValueError('broken off')
def broken_pairs(items):
    for item in items:
        yield item, item
    raise ValueError('broken off')
class Broken:
    def __init__(self, keys_):
        self.keys_ = keys_
    def keys(self):
        return [*self.keys_, 'and one more']
    def __getitem__(self, key):
        if key == 'and one more':
            raise ValueError('broken off')
        return [key]
pool = [Node(0), Node(1), Node(2), [1], {'a': 1}]
"""

# What the model's code finds under these names.
MODEL: dict[str, Any] = {
    "SortedDict": SortedModel,
    "frozenset": InsertionFrozenSet,
    "hash": hash_of,
    "set": InsertionSet,
}


def our_words(text: str) -> str:
    """Return the text of an exception of CPython's as it is here.

    A class is called by its name alone, and a set is walked as the keys of a dict.
    """
    return text.replace("collections.", "").replace("Set changed size during", "dictionary changed size during")


def texts(*lines: str) -> list[str]:
    return [line for block in lines for line in block.strip("\n").split("\n")]


# V stands for each way to write a value, K for a key, I for an index.
_WAYS = {
    "V": ["v", "v", "pool[p]", "[v, pool[p]]", "(pool[p], y)", "y", "x"],
    "K": ["k", "k", "k", "pool[p]", "(k, 1)", "[k]", "frozenset(items)"],
    "S": ["i:j", "i:j:s", "m:", ":m", "::s", ":"],
}


def spelled(patterns: list[str]) -> list[str]:
    """Return every way to write these patterns."""
    found: list[str] = []
    for pattern in patterns:
        spellings = [pattern]
        for letter, ways in _WAYS.items():
            spellings = [
                spelling.replace(f"<{letter}>", way) for spelling in spellings
                for way in (dict.fromkeys(ways) if f"<{letter}>" in spelling else ["-"])
            ]  # fmt: skip
        found += spellings
    return found


_ANY = texts("""
len(x)
bool(x)
repr(x)
repr([x, y])
x == y
x != y
x == x
x is y
x == 5
x != None
list(x)
[*x]
<V> in x
<K> not in x
x.copy()
x.copy() == x
y = x
y = x.copy()
x, y = y, x
x.clear()
type(x).__name__
isinstance(x, list), isinstance(x, dict), isinstance(x, set)
x < 5
x <= 'a'
-x
x()
x.unheard_of
hash(x)
x - 5
x & 'a'
5 | x
z.append(x)
z[0] = y
z.clear()
z == [x, y]
sum(1 for e in x)
min(len(x), 1)
_it = iter(x)\\nout = [next(_it, 0), next(_it, 0), list(_it), next(_it, 'end')]
""")

_CHANGED = """
out = []
for e in x:
    out.append(e)
    if len(out) == {at}:
        {change}
    if len(out) > 5000:
        break
"""


def while_walked(*changes: str) -> list[str]:
    return [_CHANGED.format(at=at, change=change) for change in changes for at in (1, 3, "len(x)")]


# --- dict and its kinds -------------------------------------------------------------------------------------------

_DICT_READS = texts("""
x[<K>]
x.get(<K>)
x.get(<K>, v)
k in x.keys()
(k, v) in x.items()
v in x.values()
list(x.keys())
list(x.values())
list(x.items())
len(x.items()), len(x.keys()), len(x.values())
x.keys() == y.keys(), x.items() == y.items()
x.keys() <= y.keys(), x.keys() > y.keys(), x.keys().isdisjoint(y.keys())
sorted(map(repr, x.keys() & y.keys()))
sorted(map(repr, x.keys() | items))
sorted(map(repr, x.keys() - y.keys()))
sorted(map(repr, x.keys() ^ set(items)))
x.keys() == set(items)
list(reversed(x.keys())), list(reversed(x.values())), list(reversed(x.items()))
list(reversed(x))
{**x, 'a': 1}
dict(x)
dict(x) == x
x == dict(pairs)
_view = x.items()\\nx[k] = v\\nout = [len(_view), list(_view)]
_view = x.keys()\\nx.pop(k, None)\\nout = [len(_view), k in _view, list(_view)]
""")
_DICT_WRITES = texts("""
x[<K>] = <V>
x[k] = v
del x[<K>]
x.pop(<K>)
x.pop(<K>, <V>)
x.setdefault(<K>, <V>)
x.setdefault(k)
x.update(pairs)
x.update(dict(pairs))
x.update(y)
x.update(x)
x.update(a=v, b=<V>)
x.update(pairs, c=[v])
x.update(5)
x.update([v])
x.update([(1, 2, 3)])
x.update(broken_pairs(items))
x.update(Broken(items))
x |= dict(pairs)
x |= y
x |= pairs
x |= 5
x |= broken_pairs(items)
x | dict(pairs)
x | y
x | pairs
dict(pairs) | x
type(x | y).__name__
x[k] = x
x[k] = pool
for e in list(x)[:m]: x[e] = pool[p]
for e in list(x): x[e] = [e]
""")
_DICT_BULK = texts("""
x.update(zip(range(m, m + n), range(n)))
x.update((f'key {e}', [e]) for e in range(n))
x |= dict.fromkeys(range(n), v)
for e in range(n): x[e] = e
for e in range(n): x[(e, 'k')] = pool
for e in list(x)[:n]: del x[e]
for e in list(x)[-n:]: x.pop(e)
for e in list(x)[::2]: del x[e]
for e in list(x)[1::3]: x[e] = x.pop(e)
for e in range(n): x.pop(e, None)
for e in range(min(n, len(x))): x.popitem()
for e in list(x)[m:]: x[e] = [n]
x.update(y)
""")
_DICT_CHANGES = while_walked("x['new'] = 1", "x.pop(e)", "x[e] = [1]", "x.clear()", "x.update(y)", "x.setdefault(-7, 7)")
_ITEMS_CHANGES = [
    change.replace("in x:", f"in {walk}:")
    for change in while_walked("x['new'] = 1", "x.popitem()")
    for walk in ("x.items()", "x.values()", "reversed(x)")
]
_DICT = [*_ANY, *_DICT_READS, *_DICT_WRITES, *_DICT_CHANGES, *_ITEMS_CHANGES, "x.popitem()", "type(x).fromkeys(items, v)"]

_ORDERED = texts("""
x.popitem(last=last)
x.popitem(False)
x.move_to_end(<K>)
x.move_to_end(<K>, last=last)
x.move_to_end(k, last)
x == OrderedDict(reversed(list(x.items())))
x == OrderedDict(x)
x.pop(k, default=v)
x.setdefault(k, default=v)
OrderedDict(pairs) | x
x |= OrderedDict(pairs)
for e in list(x)[:3]: x.move_to_end(e, last)
""")
_ORDERED_BULK = texts("""
for e in range(min(n, len(x))): x.popitem(last=False)
for e in list(x)[:n]: x.move_to_end(e)
for e in list(x)[-n:]: x.move_to_end(e, last=False)
for e in range(min(n, len(x))): x.move_to_end(next(iter(x)))
""")
# CPython's views of an OrderedDict have another name and walk in another way: docs/language.md.
_ORDERED_OMITS = {*_DICT_CHANGES, *_ITEMS_CHANGES}

_DEFAULT = texts("""
x['missing']
x[<K>].append(v)
x.default_factory
x.default_factory = None
x.default_factory = list
x.default_factory = int
x.default_factory.__name__
x.default_factory = 5\\nout = x.default_factory\\nx.default_factory = list
dict(x) | x
""")
_DEFAULT_BULK = texts("""
for e in range(n): x[e]
for e in range(n): x[e % 7]
for e in list(x)[:n]: x[e] = e
""")

_COUNTER_NOT = ("x[<K>] = <V>", "x.setdefault(<K>, <V>)", "x.update", "x |=", "x |", "| x", "fromkeys", "x[k] = v", "x[k] = x",
    "x[k] = pool", "= [e]", "= pool[p]", "type(x | y)", "view = x.items()", "x[e] = [1]", "x == dict(pairs)", "x == 5", "x != None")  # fmt: skip
_COUNTER = texts("""
x[<K>] += 1
x[k] = m
x[k] -= 2
del x['missing']
x.update(items)
x.update(y)
x.update(a=1, b=2)
x.update('abracadabra')
x.update(dict(counts))
x.update(broken(items))
x.update([[1]])
x.update(5)
x.subtract(items)
x.subtract(y)
x.subtract(dict(counts))
x.subtract(broken(items))
x + y
x - y
x | y
x & y
x + Counter(dict(counts))
x - Counter(dict(counts))
x | Counter(items)
x & Counter(items)
x += Counter(items)
x -= Counter(items)
x |= Counter(items)
x &= Counter(items)
x += y
x -= y
x |= y
x &= y
+x
-x
x < y, x <= y, x > y, x >= y
x == Counter(x)
x == dict(x)
x.total()
list(x.elements())
x.most_common()
x.most_common(m)
x.setdefault(k, m)
type(x | y).__name__
type(x | {}).__name__
x + 5
x.fromkeys('ab')
""")
_COUNTER_BULK = texts("""
x.update(range(n))
x.update(e % 7 for e in range(n))
x.subtract(range(m, m + n))
x += Counter(range(n))
x -= Counter(range(n))
x &= Counter(range(n))
for e in range(n): x[e] += 1
for e in list(x)[::2]: del x[e]
for e in range(min(n, len(x))): x.popitem()
for e in list(x)[:n]: x.pop(e)
x.update({e: e % 5 - 2 for e in range(n)})
""")

# --- list and deque -----------------------------------------------------------------------------------------------

_SEQUENCE = texts("""
x[m]
x[m] = <V>
del x[m]
x['a']
x[None] = v
x.append(<V>)
x.append(x)
x.extend(items)
x.extend(y)
x.extend(x)
x.extend(broken(items))
x.extend(5)
x += items
x += x
x += broken(items)
x += 5
x.insert(m, <V>)
x.insert(0, v)
x.pop()
x.remove(<V>)
x.remove(v)
x.reverse()
x.index(<V>)
x.index(v, m)
x.index(v, m, 5)
x.count(<V>)
x * c
c * x
x *= c
x * 'a'
x *= 2.5
x *= 2
x *= 0
x + y
x + x
x + 5
x + None
list(reversed(x))
x < y, x <= y, x > y, x >= y
list(x) == x
_first, *_rest = x
sorted(x, key=repr)
[(a, b) for a, b in zip(x, reversed(x))][:3]
tuple(x)
""")
_LIST = texts("""
x[<S>]
x[<S>] = items
x[<S>] = y
x[<S>] = x
x[<S>] = [<V>]
x[<S>] = range(len(x[<S>]))
x[i:j] = broken(items)
x[::s] = broken(items)
x[i:j] = 5
x[::2] = 5
del x[<S>]
x[1.5:]
x['a':]
x.pop(m)
x.pop('a')
x.pop(None)
x.sort()
x.sort(reverse=True)
x.sort(key=repr)
x.sort(key=repr, reverse=last)
x.sort(key=lambda e: 1 / len(e))
x + items
items + x
x + 'a'
x + (1,)
(1,) + x
x == items
items == x
x < items
x.index(v, 'a')
x.insert('a', 1)
x + deque(items)
""")
_LIST_BULK = texts("""
x.extend(range(n))
x += [v] * n
x.extend([e] for e in range(n))
for e in range(n): x.append(e)
for e in range(n): x.insert(len(x) // 2, e)
for e in range(n): x.insert(e * 7 % (len(x) + 1), [e])
for e in range(n): x.insert(0, e)
del x[m:m + n]
del x[:n]
del x[-n:]
del x[::2]
del x[m::-3]
for e in range(min(n, len(x))): x.pop()
for e in range(min(n, len(x))): x.pop(0)
for e in range(min(n, len(x))): x.pop(len(x) // 2)
for e in range(min(n, len(x))): del x[e * 7 % len(x)]
x[m:m] = range(n)
x[m:m + 5] = range(n)
x[:] = x[n:] + x[:n]
x[::2] = x[::2][::-1]
x[::-3] = x[::3]
x.reverse()
x.sort(key=repr)
for e in range(len(x)): x[e] = e
for e in range(0, len(x), 5): x[e] = [e]
x *= 3
x[n // 2:n] = []
""")
_LIST_CHANGES = while_walked("x.append(1)", "x.pop()", "x.pop(0)", "x.clear()", "x.insert(0, 1)", "x[0] = [1]", "x.reverse()", "x.sort(key=repr)")
_LIST_CHANGES += [
    "out = []\nfor e in reversed(x):\n    out.append(e)\n    if len(out) == 2: x.pop()\n    if len(out) == 3: x.extend(items)",
    "_it = iter(x)\nout = list(_it)\nx.append(1)\nout.extend(_it)",
]

_DEQUE = texts("""
x.appendleft(<V>)
x.appendleft(v)
x.popleft()
x.extendleft(items)
x.extendleft(y)
x.extendleft(x)
x.extendleft(broken(items))
x.extendleft(5)
x.rotate()
x.rotate(m)
x.rotate(-2)
x.rotate('a')
x.rotate(None)
x.maxlen
x.maxlen = 5
x[1:2]
x[:] = [1]
del x[:1]
x.pop(0)
x + items
items + x
x == list(x)
x < items
deque(x, 3)
x + deque(items, 2)
x.insert('a', 1)
""")
_DEQUE_BULK = texts("""
x.extend(range(n))
x.extendleft(range(n))
x += [[e] for e in range(n)]
for e in range(n): x.append(e)
for e in range(n): x.appendleft([e])
for e in range(n): x.append(x.popleft() if x else e)
for e in range(n): x.appendleft(x.pop() if x else e)
for e in range(min(n, len(x))): x.pop()
for e in range(min(n, len(x))): x.popleft()
for e in range(min(n, len(x) // 2)): x.popleft(), x.pop()
for e in range(min(n, len(x))): del x[e * 7 % len(x)]
for e in range(min(n, len(x))): x[e * 7 % len(x)] = [e]
x.rotate(n)
x.rotate(-n)
x.reverse()
x *= 3
for e in range(n): x.append(e), x.rotate(1)
""")
_DEQUE_ROOM_BULK = ["for e in range(n): x.insert(len(x) // 2, e)", "for e in range(n): x.insert(e * 7 % (len(x) + 1), [e])"]
_DEQUE_CHANGES = while_walked(
    "x.append(1)", "x.popleft()", "x.clear()", "x.rotate()", "x.rotate(1500)", "x[0] = [1]", "x.appendleft(1)", "x.reverse()"
)
_DEQUE_CHANGES += [
    "out = []\nfor e in reversed(x):\n    out.append(e)\n    if len(out) == 2: x.pop()",
    "_it = iter(x)\nout = list(_it)\nx.append(1)\nout.extend(_it)",
]

# --- set and frozenset --------------------------------------------------------------------------------------------

_SET_READS = texts("""
x | y
x & y
x - y
x ^ y
x | frozenset(items)
frozenset(items) | x
frozenset(items) - x
frozenset(items) & x
frozenset(items) ^ x
set(items) - x
set(items) ^ x
x | items
x & 5
x ^ 'a'
x < items
x == items
x == frozenset(x)
x <= y, x < y, x >= y, x > y
x <= frozenset(items)
frozenset(items) <= x
x.union(items, y)
x.union()
x.union(broken(items))
x.union([[1]])
x.union(5)
x.intersection(items)
x.intersection(y, items)
x.intersection([[1]])
x.intersection(5)
x.intersection()
x.difference(items)
x.difference(y, items)
x.difference([[1]])
x.difference(5)
x.symmetric_difference(items)
x.symmetric_difference([[1]])
x.symmetric_difference(5)
x.isdisjoint(items)
x.isdisjoint(y)
x.isdisjoint([[1]])
x.isdisjoint(5)
x.issubset(items)
x.issubset(5)
x.issuperset(items)
x.issuperset(y)
x.issuperset([[1]])
x.issuperset(5)
frozenset(x)
frozenset(x) == x
set(x)
hash(frozenset(x)) == hash(frozenset(reversed(list(x))))
{frozenset(x): 1}
k in dict.fromkeys(x)
set(items) in x
x[0]
x + y
""")
_SET_WRITES = texts("""
x.add(<K>)
x.add(k)
x.discard(<K>)
x.discard(k)
x.remove(<K>)
x.remove(k)
x.discard(set(items))
x.remove(set(items))
x.pop()
x.update(items)
x.update(items, y)
x.update()
x.update(x)
x.update(broken(items))
x.update([1000, [1], 2000])
x.update(5)
x.update([pool[0]], 5)
x.intersection_update(items)
x.intersection_update(y)
x.intersection_update(broken(items))
x.intersection_update([[1]])
x.difference_update(items)
x.difference_update(y, items)
x.difference_update(x)
x.difference_update(broken(items))
x.difference_update([*x, [1]])
x.symmetric_difference_update(items)
x.symmetric_difference_update(x)
x.symmetric_difference_update(broken(items))
x.symmetric_difference_update([[1], 3])
x |= y
x &= y
x -= y
x ^= y
x |= x
x -= x
x ^= x
x |= frozenset(items)
x ^= set(items)
x |= items
x &= 5
x.add(frozenset(x))
""")
_SET_BULK = texts("""
x.update(range(m, m + n))
x |= set(range(n))
x |= set((e, 'k') for e in range(n))
x &= set(range(m, m + n))
x -= set(range(0, n, 2))
x ^= set(range(0, n, 3))
x.difference_update(list(x)[::2])
x.intersection_update(list(x)[:n])
x.symmetric_difference_update(range(n))
for e in range(n): x.add(e)
for e in range(n): x.discard(e)
for e in list(x)[::2]: x.remove(e)
for e in list(x)[-n:]: x.remove(e)
for e in range(min(n, len(x))): x.pop()
for e in list(x)[:n]: x.remove(e), x.add(e)
x.update(Node(e) for e in range(n))
""")
_SET_CHANGES = while_walked("x.add('new')", "x.discard(e)", "x.clear()", "x &= set(items)", "x.update(items)", "x.pop()",
    "x -= set([e])", "x ^= set(['new'])")  # fmt: skip

_FROZEN_OMITS = (" = ", "clear()", "x, y")
_FROZEN = [
    text for text in [*_ANY, *_SET_READS, "x.add(1)", "x.copy() is x", "hash(x) == hash(frozenset(list(x)))"]
    if not any(part in text for part in _FROZEN_OMITS) and text not in ("hash(x)", "x is y")
] + texts("""
x = x | frozenset(items)
x = x - y
x = x & y
x = x ^ frozenset(items)
x = x.union([<K>])
x = frozenset(y)
x |= set(items)
x -= frozenset(items)
y = x
x, y = y, x
z.append({x: y})
z.append(set([x, y]))
x = frozenset([x, y])
""")  # fmt: skip
_FROZEN_BULK = texts("""
x |= frozenset(range(m, m + n))
x -= frozenset(range(0, n, 2))
x = frozenset(list(x)[:n])
x = frozenset((e, 'k') for e in range(n))
""")

# --- SortedDict ---------------------------------------------------------------------------------------------------

_SORTED_OMITS = ("<K>", "x[k] = x", "| pairs", "|= pairs", "[v])", "{**x", "a=v", "pairs, c=")
_SORTED = [text for text in _DICT_WRITES if not any(part in text for part in _SORTED_OMITS)] + [
    text for text in _DICT_READS + _ANY if "<K>" not in text
] + texts("""
x[k] = <V>
x[<K>] = v
x['a'] = v
del x[k]
x.pop(k)
x.pop(k, v)
k in x
x.popitem()
x.popitem(m)
x.popitem(0)
x.peekitem()
x.peekitem(m)
x.bisect_left(k), x.bisect_right(k)
x.bisect_left('a')
x.index(k)
x.index(k, m)
x.index(k, m, 50)
list(x.irange())
list(x.irange(i, j))
list(x.irange(i, j, (last, True)))
list(x.irange(i, j, inclusive=(False, last), reverse=True))
list(x.irange(m, reverse=last))
list(x.irange(maximum=m))
list(x.irange('a'))
x.setdefault(k, v)
x.setdefault('a', v)
x.update([(1, 1), ('a', 2)])
SortedDict(pairs)
SortedDict.fromkeys(items, v)
""")
_SORTED_BULK = [text for text in _DICT_BULK if "'k')" not in text and "'key" not in text] + texts("""
for e in range(n): x[e * 7919 % 3001] = e
for e in range(min(n, len(x))): x.popitem(0)
for e in range(min(n, len(x))): x.popitem(len(x) // 2)
for e in list(x.irange(m, m + n)): del x[e]
""")


@dataclass
class Kind:
    """A kind of container: how one is made, with the name `size` in sight, and what can be done with it.

    Attributes:
        arguments: what is drawn otherwise than in ARGUMENTS.
        other_words: how operations begin whose exceptions have other texts than CPython's: only the types are compared.
    """

    start: str
    operations: list[str]
    bulk: list[str]
    arguments: dict[str, st.SearchStrategy[Any]] = field(default_factory=dict)
    other_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.operations = spelled([text.replace("\\n", "\n") for text in self.operations])
        self.bulk = spelled(self.bulk)


# Of two items without an order CPython names the left one first. Here a container that this snippet changed is asked
# second when the other was not changed: classes of states derive from each other (objserver/heap/states.py).
_LIST_WORDS = ("x < y",)
# The text is that of a property, and that of a function with too many arguments.
_DEQUE_WORDS = ("x.maxlen =", "x.pop(0)", *_LIST_WORDS)
# CPython's takes a tuple that is no key for the arguments of the KeyError, and has words of its own for pairs.
_ORDERED_WORDS = ("x.pop(", "x.move_to_end(", "x.update(", "x |=")
_NUMBERS = st.integers(-5, 3000)
KINDS: dict[str, Kind] = {
    "Counter": Kind(
        "Counter({e: e % 7 - 2 for e in range(size)})",
        [text for text in _DICT if not any(part in text for part in _COUNTER_NOT)] + _COUNTER, _COUNTER_BULK,
    ),
    "OrderedDict": Kind(
        "OrderedDict((e, str(e)) for e in range(size))",
        [text for text in _DICT if text not in _ORDERED_OMITS] + _ORDERED, _DICT_BULK + _ORDERED_BULK,
        other_words=_ORDERED_WORDS,
    ),
    "SortedDict": Kind(
        "SortedDict((e * 7919 % 3001, str(e)) for e in range(size))", [*_SORTED, *_DICT_CHANGES], _SORTED_BULK,
        {
            "k": _NUMBERS, "items": st.lists(_NUMBERS, max_size=5),
            "pairs": st.lists(st.tuples(_NUMBERS, values), max_size=5),
        },
        other_words=("",),  # which two keys were compared is its own affair
    ),
    "defaultdict": Kind(
        "defaultdict(list, {e: str(e) for e in range(size)})", _DICT + _DEFAULT, _DICT_BULK + _DEFAULT_BULK
    ),
    "deque": Kind("deque(range(size))", _ANY + _SEQUENCE + _DEQUE + _DEQUE_CHANGES, _DEQUE_BULK + _DEQUE_ROOM_BULK,
        other_words=_DEQUE_WORDS),
    "deque of bounded length": Kind(
        "deque(range(size), max(size, 3))", _ANY + _SEQUENCE + _DEQUE + _DEQUE_CHANGES, _DEQUE_BULK,
        other_words=_DEQUE_WORDS,
    ),
    "dict": Kind("{e: str(e) for e in range(size)}", _DICT, _DICT_BULK),
    "frozenset": Kind("frozenset(range(size))", _FROZEN, _FROZEN_BULK),
    "list": Kind("list(range(size))", _ANY + _SEQUENCE + _LIST + _LIST_CHANGES, _LIST_BULK,
        other_words=_LIST_WORDS),
    "set": Kind("set(range(size))", _ANY + _SET_READS + _SET_WRITES + _SET_CHANGES, _SET_BULK),
}  # fmt: skip
