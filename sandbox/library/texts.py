"""Texts: the classes of the library that are written in the language itself, as a cell (sandbox/library/written.py).

They can be inherited from, and their instances are kept, as those of any class of a snippet. A name in double
underscores is a hook. What they do follows CPython's collections, _collections_abc and functools.
"""

from __future__ import annotations

from typing import Final

ABSTRACT: Final = '''
class Iterator:
    @abstractmethod
    def __next__(self): raise StopIteration
    def __iter__(self): return self

class Sized:
    @abstractmethod
    def __len__(self): return 0

class Container:
    @abstractmethod
    def __contains__(self, item): return False

class Iterable:
    @abstractmethod
    def __iter__(self): return iter(())

class Hashable: pass

class Callable:
    @abstractmethod
    def __call__(self, *args, **kwds): return False

class Collection(Sized, Iterable, Container): pass

class Reversible(Iterable):
    @abstractmethod
    def __reversed__(self): return iter(())

class Sequence(Reversible, Collection):
    @abstractmethod
    def __getitem__(self, index): raise IndexError
    def __iter__(self):
        i = 0
        try:
            while True:
                v = self[i]
                yield v
                i += 1
        except IndexError:
            return
    def __contains__(self, value):
        for v in self:
            if v is value or v == value: return True
        return False
    def __reversed__(self):
        for i in reversed(range(len(self))): yield self[i]
    def index(self, value, start=0, stop=None):
        if start < 0: start = max(len(self) + start, 0)
        if stop is not None and stop < 0: stop += len(self)
        i = start
        while stop is None or i < stop:
            try: v = self[i]
            except IndexError: break
            if v is value or v == value: return i
            i += 1
        raise ValueError
    def count(self, value): return sum([1 for v in self if v is value or v == value])

class MutableSequence(Sequence):
    @abstractmethod
    def __setitem__(self, index, value): raise IndexError
    @abstractmethod
    def __delitem__(self, index): raise IndexError
    @__abstractmethod__
    def insert(self, index, value): raise IndexError
    def append(self, value): self.insert(len(self), value)
    def clear(self):
        try:
            while True: self.pop()
        except IndexError: pass
    def reverse(self):
        n = len(self)
        for i in range(n // 2): self[i], self[n - i - 1] = self[n - i - 1], self[i]
    def extend(self, values):
        if values is self: values = list(values)
        for v in values: self.append(v)
    def pop(self, index=-1):
        v = self[index]
        del self[index]
        return v
    def remove(self, value): del self[self.index(value)]
    def __iadd__(self, values):
        self.extend(values)
        return self

class Mapping(Collection):
    @abstractmethod
    def __getitem__(self, key): raise KeyError
    def get(self, key, default=None):
        try: return self[key]
        except KeyError: return default
    def __contains__(self, key):
        try: self[key]
        except KeyError: return False
        else: return True
    def keys(self): return {key: None for key in self}.keys()
    def items(self): return {key: self[key] for key in self}.items()
    def values(self): return {key: self[key] for key in self}.values()

class MutableMapping(Mapping):
    @abstractmethod
    def __setitem__(self, key, value): raise KeyError
    @abstractmethod
    def __delitem__(self, key): raise KeyError
    def pop(self, key, *default):
        try: value = self[key]
        except KeyError:
            if default: return default[0]
            raise
        else:
            del self[key]
            return value
    def popitem(self):
        for key in self:
            value = self[key]
            del self[key]
            return key, value
        raise KeyError
    def clear(self):
        try:
            while True: self.popitem()
        except KeyError: pass
    def update(self, other=(), /, **kwds):
        if hasattr(other, 'keys'):
            for key in other.keys(): self[key] = other[key]
        else:
            for key, value in other: self[key] = value
        for key, value in kwds.items(): self[key] = value
    def setdefault(self, key, default=None):
        try: return self[key]
        except KeyError: self[key] = default
        return default

class Set(Collection):
    @classmethod
    def _from_iterable(cls, it): return cls(it)
    def __and__(self, other): return self._from_iterable([v for v in other if v in self])
    def __or__(self, other): return self._from_iterable([*self, *other])
    def __sub__(self, other): return self._from_iterable([v for v in self if v not in set(other)])
    def __xor__(self, other): return (self - other) | self._from_iterable([v for v in other if v not in self])
    def __rand__(self, other): return self & other
    def __ror__(self, other): return self | other
    def isdisjoint(self, other): return not any([v in self for v in other])

class MutableSet(Set):
    @__abstractmethod__
    def add(self, value): raise NotImplementedError
    @__abstractmethod__
    def discard(self, value): raise NotImplementedError
    def remove(self, value):
        if value not in self: raise KeyError(value)
        self.discard(value)
    def pop(self):
        for value in self:
            self.discard(value)
            return value
        raise KeyError
    def clear(self):
        try:
            while True: self.pop()
        except KeyError: pass
    def __ior__(self, it):
        for value in it: self.add(value)
        return self
    def __iand__(self, it):
        for value in (self - it): self.discard(value)
        return self
    def __isub__(self, it):
        for value in list(it): self.discard(value)
        return self
'''

COLLECTIONS: Final = '''
class UserDict(MutableMapping):
    def __init__(self, source=None, /, **kwargs):
        self.data = {}
        if source is not None: self.update(source)
        if kwargs: self.update(kwargs)
    def __len__(self): return len(self.data)
    def __getitem__(self, key):
        if key in self.data: return self.data[key]
        if __has_missing__(self): return self.__missing__(key)
        raise KeyError(key)
    def __setitem__(self, key, item): self.data[key] = item
    def __delitem__(self, key): del self.data[key]
    def __iter__(self): return iter(self.data)
    def __contains__(self, key): return key in self.data
    def get(self, key, default=None): return self[key] if key in self else default
    def __eq__(self, other):
        own = self.data
        return own == (other.data if isinstance(other, UserDict) else other)
    def __repr__(self): return repr(self.data)
    def __or__(self, other): return self.__class__(self.data | (other.data if isinstance(other, UserDict) else other))
    def __ror__(self, other): return self.__class__((other.data if isinstance(other, UserDict) else other) | self.data)
    def __ior__(self, other):
        self.data |= other.data if isinstance(other, UserDict) else other
        return self
    def copy(self):
        made = __shallow__(self)
        made.data = self.data.copy()
        return made
    @classmethod
    def fromkeys(cls, iterable, value=None):
        made = cls()
        for key in iterable: made[key] = value
        return made

class UserList(MutableSequence):
    def __init__(self, initlist=None):
        self.data = []
        if initlist is not None: self.data = list(initlist)
    def __repr__(self): return repr(self.data)
    def __eq__(self, other): return self.data == (other.data if isinstance(other, UserList) else other)
    def __lt__(self, other): return self.data < (other.data if isinstance(other, UserList) else other)
    def __le__(self, other): return self.data <= (other.data if isinstance(other, UserList) else other)
    def __gt__(self, other): return self.data > (other.data if isinstance(other, UserList) else other)
    def __ge__(self, other): return self.data >= (other.data if isinstance(other, UserList) else other)
    def __contains__(self, item): return item in self.data
    def __len__(self): return len(self.data)
    def __getitem__(self, i): return self.__class__(self.data[i]) if isinstance(i, slice) else self.data[i]
    def __setitem__(self, i, item):
        if isinstance(i, slice) and i.step is not None: raise TypeError('write self.data[i:j:k] = ...')
        self.data[i] = item
    def __delitem__(self, i): del self.data[i]
    def __iter__(self): return iter(self.data)
    def __reversed__(self): return reversed(self.data)
    def __add__(self, other): return self.__class__(self.data + list(other))
    def __radd__(self, other): return self.__class__(list(other) + self.data)
    def __iadd__(self, other):
        self.data += list(other)
        return self
    def __mul__(self, n): return self.__class__(self.data * n)
    def __rmul__(self, n): return self * n
    def __imul__(self, n):
        self.data *= n
        return self
    def append(self, item): self.data.append(item)
    def insert(self, i, item): self.data.insert(i, item)
    def pop(self, i=-1): return self.data.pop(i)
    def remove(self, item): self.data.remove(item)
    def clear(self): self.data.clear()
    def copy(self): return self.__class__(self)
    def count(self, item): return self.data.count(item)
    def index(self, item, *args): return self.data.index(item, *args)
    def reverse(self): self.data.reverse()
    def sort(self, /, *args, **kwds): self.data.sort(*args, **kwds)
    def extend(self, other): self.data.extend(list(other))

class ChainMap(MutableMapping):
    def __init__(self, *maps): self.maps = list(maps) or [{}]
    def __missing__(self, key): raise KeyError(key)
    def __getitem__(self, key):
        for mapping in self.maps:
            if key in mapping: return mapping[key]
        return self.__missing__(key)
    def get(self, key, default=None): return self[key] if key in self else default
    def __len__(self): return len(list(iter(self)))
    def __iter__(self):
        found = {}
        for mapping in reversed(self.maps): found |= dict.fromkeys(mapping)
        return iter(found)
    def __contains__(self, key): return any([key in mapping for mapping in self.maps])
    def __bool__(self): return any([bool(mapping) for mapping in self.maps])
    def __eq__(self, other): raise TypeError
    def __repr__(self): return f'{self.__class__.__name__}({", ".join([repr(mapping) for mapping in self.maps])})'
    def copy(self): return self.__class__(self.maps[0].copy(), *self.maps[1:])
    def new_child(self, m=None, **kwargs):
        if m is None: m = kwargs
        elif kwargs: m.update(kwargs)
        return self.__class__(m, *self.maps)
    @property
    def parents(self): return self.__class__(*self.maps[1:])
    def __setitem__(self, key, value): self.maps[0][key] = value
    def __delitem__(self, key):
        try: del self.maps[0][key]
        except KeyError: raise KeyError(f'Key not found in the first mapping: {key!r}')
    def popitem(self):
        try: return self.maps[0].popitem()
        except KeyError: raise KeyError('No keys found in the first mapping.')
    def pop(self, key, *args):
        try: return self.maps[0].pop(key, *args)
        except KeyError: raise KeyError(f'Key not found in the first mapping: {key!r}')
    def clear(self): self.maps[0].clear()
    def __or__(self, other):
        made = self.copy()
        made.maps[0].update(other)
        return made
    def __ior__(self, other):
        self.maps[0].update(other)
        return self
'''

# What a class inherits that derives from list, dict or set: it holds one. Its `__new__` is of written.py.
BUILTIN: Final = '''
class list_:
    def __init__(self, iterable=(), /): self._items_ = list(iterable)
    def __repr__(self): return repr(self._items_)
    def __eq__(self, other): return self._items_ == (other._items_ if isinstance(other, list_) else other)
    def __ne__(self, other): return self._items_ != (other._items_ if isinstance(other, list_) else other)
    def __lt__(self, other): return self._items_ < (other._items_ if isinstance(other, list_) else other)
    def __le__(self, other): return self._items_ <= (other._items_ if isinstance(other, list_) else other)
    def __gt__(self, other): return self._items_ > (other._items_ if isinstance(other, list_) else other)
    def __ge__(self, other): return self._items_ >= (other._items_ if isinstance(other, list_) else other)
    def __contains__(self, item): return item in self._items_
    def __len__(self): return len(self._items_)
    def __getitem__(self, i): return self._items_[i]
    def __setitem__(self, i, item):
        if isinstance(i, slice) and i.step is not None:
            items = list(self._items_)
            own = list(range(len(items)))[i]
            new = list(item)
            if len(own) != len(new):
                sizes = f'sequence of size {len(new)} to extended slice of size {len(own)}'
                raise ValueError(f'attempt to assign {sizes}')
            for at, value in zip(own, new): self._items_[at] = value
        else: self._items_[i] = item
    def __delitem__(self, i): del self._items_[i]
    def __iter__(self): return iter(self._items_)
    def __reversed__(self): return reversed(self._items_)
    def __add__(self, other): return self._items_ + (other._items_ if isinstance(other, list_) else other)
    def __radd__(self, other): return other + self._items_
    def __iadd__(self, other):
        self._items_ += list(other)
        return self
    def __mul__(self, n): return self._items_ * n
    def __rmul__(self, n): return self._items_ * n
    def __imul__(self, n):
        self._items_ *= n
        return self
    def append(self, item, /): self._items_.append(item)
    def insert(self, i, item, /): self._items_.insert(i, item)
    def pop(self, i=-1, /): return self._items_.pop(i)
    def remove(self, item, /): self._items_.remove(item)
    def clear(self): self._items_.clear()
    def copy(self): return self._items_.copy()
    def count(self, item, /): return self._items_.count(item)
    def index(self, item, /, *args): return self._items_.index(item, *args)
    def reverse(self): self._items_.reverse()
    def sort(self, /, **kwds): self._items_.sort(**kwds)
    def extend(self, other, /): self._items_.extend(list(other))

class dict_:
    def __init__(self, source=(), /, **kwargs): self._items_.update(dict(source, **kwargs))
    def __repr__(self): return repr(self._items_)
    def __eq__(self, other): return self._items_ == (other._items_ if isinstance(other, dict_) else other)
    def __ne__(self, other): return self._items_ != (other._items_ if isinstance(other, dict_) else other)
    def __contains__(self, key): return key in self._items_
    def __len__(self): return len(self._items_)
    def __getitem__(self, key):
        items = self._items_
        return items[key] if key in items or not __has_missing__(self) else self.__missing__(key)
    def __setitem__(self, key, value): self._items_[key] = value
    def __delitem__(self, key): del self._items_[key]
    def __iter__(self): return iter(self._items_)
    def __reversed__(self): return reversed(self._items_)
    def __or__(self, other): return self._items_ | (other._items_ if isinstance(other, dict_) else other)
    def __ror__(self, other): return other | self._items_
    def __ior__(self, other):
        self._items_.update(other)
        return self
    def get(self, key, default=None, /): return self._items_.get(key, default)
    def keys(self): return self._items_.keys()
    def values(self): return self._items_.values()
    def items(self): return self._items_.items()
    def copy(self): return self._items_.copy()
    def setdefault(self, key, default=None, /): return self._items_.setdefault(key, default)
    def pop(self, key, /, *default): return self._items_.pop(key, *default)
    def popitem(self): return self._items_.popitem()
    def clear(self): self._items_.clear()
    def update(self, source=(), /, **kwargs): self._items_.update(dict(source, **kwargs))
    @classmethod
    def fromkeys(cls, iterable, value=None, /):
        made = cls()
        for key in iterable: made[key] = value
        return made

class set_:
    def __init__(self, iterable=(), /): self._items_ = set(iterable)
    def __repr__(self): return f'{self.__class__.__name__}({repr(self._items_) if self._items_ else ""})'
    def __eq__(self, other): return self._items_ == (other._items_ if isinstance(other, set_) else other)
    def __ne__(self, other): return self._items_ != (other._items_ if isinstance(other, set_) else other)
    def __lt__(self, other): return self._items_ < (other._items_ if isinstance(other, set_) else other)
    def __le__(self, other): return self._items_ <= (other._items_ if isinstance(other, set_) else other)
    def __gt__(self, other): return self._items_ > (other._items_ if isinstance(other, set_) else other)
    def __ge__(self, other): return self._items_ >= (other._items_ if isinstance(other, set_) else other)
    def __contains__(self, item): return item in self._items_
    def __len__(self): return len(self._items_)
    def __iter__(self): return iter(self._items_)
    def __or__(self, other): return self._items_ | (other._items_ if isinstance(other, set_) else other)
    def __and__(self, other): return self._items_ & (other._items_ if isinstance(other, set_) else other)
    def __sub__(self, other): return self._items_ - (other._items_ if isinstance(other, set_) else other)
    def __xor__(self, other): return self._items_ ^ (other._items_ if isinstance(other, set_) else other)
    def __ror__(self, other): return other | self._items_
    def __rand__(self, other): return other & self._items_
    def __rsub__(self, other): return other - self._items_
    def __ior__(self, other):
        self._items_ |= other._items_ if isinstance(other, set_) else other
        return self
    def __iand__(self, other):
        self._items_ &= other._items_ if isinstance(other, set_) else other
        return self
    def __isub__(self, other):
        self._items_ -= other._items_ if isinstance(other, set_) else other
        return self
    def add(self, item, /): self._items_.add(item)
    def remove(self, item, /): self._items_.remove(item)
    def discard(self, item, /): self._items_.discard(item)
    def pop(self): return self._items_.pop()
    def clear(self): self._items_.clear()
    def copy(self): return self._items_.copy()
    def update(self, *others): self._items_.update(*others)
    def union(self, *others): return self._items_.union(*others)
    def intersection(self, *others): return self._items_.intersection(*others)
    def difference(self, *others): return self._items_.difference(*others)
    def symmetric_difference(self, other, /): return self._items_.symmetric_difference(other)
    def issubset(self, other, /): return self._items_.issubset(other)
    def issuperset(self, other, /): return self._items_.issuperset(other)
    def isdisjoint(self, other, /): return self._items_.isdisjoint(other)
'''

FUNCTOOLS: Final = '''
class partial:
    def __init__(self, func, /, *args, **keywords):
        if not callable(func): raise TypeError('the first argument must be callable')
        if isinstance(func, partial):
            args = func.args + args
            keywords = func.keywords | keywords
            func = func.func
        self.func = func
        self.args = args
        self.keywords = keywords
    def __call__(self, /, *args, **keywords): return self.func(*self.args, *args, **(self.keywords | keywords))
    def __repr__(self):
        parts = [repr(self.func), *[repr(a) for a in self.args], *[f'{k}={v!r}' for k, v in self.keywords.items()]]
        return f'functools.partial({", ".join(parts)})'

class _lru_cache_wrapper:
    def __init__(self, function, maxsize, typed):
        self._function = function
        self._maxsize = maxsize
        self._typed = typed
        self._name = getattr(function, '__name__', '?')
        self._text = getattr(function, '__doc__', None)
    def __call__(self, /, *args, **kwargs): return __cached__(self, self._function, args, kwargs)
    def __get__(self, instance, owner=None): return self if instance is None else __bound__(self, instance)
    def __repr__(self): return f'<functools._lru_cache_wrapper object of {self._name}>'
    def cache_info(self): return __cache_info__(self)
    def cache_clear(self): __cache_clear__(self)
    def cache_parameters(self): return {'maxsize': self._maxsize, 'typed': self._typed}

class cached_property:
    def __init__(self, func):
        self.func = func
        self.attrname = func.__name__
    def __get__(self, instance, owner=None):
        if instance is None: return self
        value = self.func(instance)
        # A query keeps nothing, and a frozen dataclass takes nothing.
        try: setattr(instance, self.attrname, value)
        except Exception: pass
        return value

class singledispatch:
    def __init__(self, func):
        self._function = func
        self._registry = []
    def register(self, cls, func=None):
        if func is None:
            if not isinstance(cls, type):
                raise TypeError("annotations are not looked at here; name the type: @register(int)")
            return lambda f: self.register(cls, f)
        self._registry = [pair for pair in self._registry if pair[0] is not cls] + [(cls, func)]
        return func
    def dispatch(self, cls):
        best = None
        for known, func in self._registry:
            # The type of a class is no class here.
            fits = known is cls if cls is type else issubclass(cls, known)
            if fits and (best is None or issubclass(known, best[0])): best = known, func
        return self._function if best is None else best[1]
    def __call__(self, /, *args, **kw):
        if not args: raise TypeError(f'{self._function.__name__} requires at least 1 positional argument')
        return self.dispatch(type(args[0]))(*args, **kw)
'''

# A class that derives from it makes dicts: `__new__` is of written.py.
TYPING: Final = '''
class TypedDict:
    def __init_subclass__(cls, total=True): pass
'''
