"""Written: classes of the library that are made by running a cell of the language (sandbox/library/texts.py).

    texts -> compile_cell(generated=True) -> run once for each host -> [written] -> collections, functools, typing

They are classes as those of snippets are: they tick, they are inherited from, their instances are kept. A class that
derives from `list`, `dict` or `set` derives from one of these, which holds one: the heap's own containers, whose
methods C code and the heap rely on, are nobody's to change.

A function with a cache remembers as long as the snippet runs: a cache that outlived it would be read by the next one,
and be there or not after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

from sandbox.compiler import compile_cell
from sandbox.hooks import Hooks
from sandbox.library import texts
from sandbox.library.enum import is_member
from sandbox.seal import Sealed

_NAMES: Final = (
    "Callable", "ChainMap", "Collection", "Container", "Hashable", "Iterable", "Iterator", "Mapping", "MutableMapping",
    "MutableSequence", "MutableSet", "Reversible", "Sequence", "Set", "Sized", "TypedDict", "UserDict", "UserList",
    "_lru_cache_wrapper", "cached_property", "dict_", "list_", "partial", "set_", "singledispatch",
)
_MISSING: Final = object()


@lru_cache(1)
def _code() -> CodeType:
    parts = (texts.ABSTRACT, texts.COLLECTIONS, texts.BUILTIN, texts.FUNCTOOLS, texts.TYPING, ", ".join(_NAMES))
    return compile_cell("\n".join(parts), read_only=True, generated=True, filename="<library>").code


def written(hooks: Hooks) -> dict[str, Any]:
    """Return the classes by name, made at the first call for these hooks."""
    if hooks.written:
        return hooks.written
    extra = _extra(hooks)

    def make(name: str, bases: tuple[Any, ...], body: dict[str, Any], /, **keywords: Any) -> Any:
        shown = name.rstrip("_")
        body |= {"__library__": True, "__slots__": (), "__qualname__": shown, **extra.get(name, {})}
        body.pop("__fields__", None)
        abstract = [key for key, value in body.items() if getattr(value, "__isabstractmethod__", False) is True]
        # Made as a snippet's are, but by the body alone: nothing is decorated yet that needs the host.
        cls: Any = type.__new__(hooks.class_kind, shown, bases or (hooks.instance_type,), body)
        if above := [key for base in bases for key in base.__dict__.get("__abstractmethods__", ()) if key not in body]:
            abstract += [key for key in above if key not in abstract]
        if abstract:
            type.__setattr__(cls, "__abstractmethods__", tuple(sorted(set(abstract))))
        return cls

    builtins, namespace = hooks.builtins, hooks.namespace
    before = namespace.get("__builtins__")
    # Functions find their builtins in this dict, which make_builtins fills later.
    namespace["__builtins__"] = builtins
    builtins |= {
        "__build_class__": __build_class__, "__name__": "builtins", "classmethod": classmethod,
        "property": property, ".abstractmethod": _abstract, ".localclass": make, ".classmethod": classmethod,
    }
    made = FunctionType(_code(), namespace)()
    builtins.clear()
    if before is None:
        del namespace["__builtins__"]
    else:
        namespace["__builtins__"] = before
    hooks.written.update(zip(_NAMES, made, strict=True))
    return hooks.written


def _abstract(function: Any) -> Any:
    function.__isabstractmethod__ = True
    return function


def _extra(hooks: Hooks) -> dict[str, dict[str, Any]]:
    """Return what classes have beside their text, by name."""
    def holding(kind: Any, empty: Callable[[], Any]) -> dict[str, Any]:
        def new(cls: Any, *_: Any, **__: Any) -> Any:
            made = object.__new__(cls)
            object.__setattr__(made, "_items_", empty())
            return made

        return {"__new__": new, "__acts_as__": kind}

    def new_dict(cls: Any, *arguments: Any, **keywords: Any) -> Any:
        return dict(*arguments, **keywords)

    return {
        "list_": holding(hooks.list_type, list),
        "dict_": holding(hooks.dict_type, dict),
        "set_": holding(hooks.set_type, hooks.set_type),
        "TypedDict": {"__new__": new_dict},
        "_lru_cache_wrapper": {
            "__name__": property(lambda self: self._name), "__doc__": property(lambda self: self._text),
        },
    }


# --- what the texts call ----------------------------------------------------------------------------------------------


class CacheInfo(metaclass=Sealed):
    """What `cache_info` tells."""

    __slots__ = ("currsize", "hits", "maxsize", "misses")

    def __init__(self, hits: int, misses: int, maxsize: int | None, currsize: int) -> None:
        self.hits, self.misses, self.maxsize, self.currsize = hits, misses, maxsize, currsize

    def __iter__(self) -> Iterator[Any]:
        return iter((self.hits, self.misses, self.maxsize, self.currsize))

    def __repr__(self) -> str:
        return f"CacheInfo(hits={self.hits}, misses={self.misses}, maxsize={self.maxsize}, currsize={self.currsize})"


class _Cache:
    """The results of one function in the snippet that runs."""

    __slots__ = ("hits", "misses", "owner", "values")

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.clear()

    def clear(self) -> None:
        self.values: dict[Any, Any] = {}
        self.hits = self.misses = 0


def make_hooks(hooks: Hooks) -> dict[str, Any]:
    """Return what the texts call, by the names of the hooks."""
    caches: dict[int, _Cache] = {}
    fuel: Any = None

    def cache_of(owner: Any) -> _Cache:
        nonlocal fuel
        # Each snippet that makes a step has its own fuel.
        if hooks.builtins[".fuel"] is not fuel:
            caches.clear()
            fuel = hooks.builtins[".fuel"]
        found = caches.get(id(owner))
        if found is None:
            found = caches[id(owner)] = _Cache(owner)
        return found

    def cached(owner: Any, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        cache, limit = cache_of(owner), owner._maxsize
        key: Any = arguments if not keywords else (arguments, _MISSING, *keywords.items())
        if owner._typed:
            # `typeof`, because an object of the heap has another class while it is not loaded.
            key = (key, tuple(map(hooks.typeof, arguments)), tuple(map(hooks.typeof, keywords.values())))
        values = cache.values
        found = values.get(key, _MISSING)
        if found is not _MISSING:
            cache.hits += 1
            if limit is not None and key in values:
                del values[key]  # the last one used is the last one
                values[key] = found
            return found
        cache.misses += 1
        found = function(*arguments, **keywords)
        if limit != 0:
            values[key] = found
            if limit is not None and len(values) > limit:
                del values[next(iter(values))]
        return found

    def cache_info(owner: Any) -> CacheInfo:
        cache = cache_of(owner)
        return CacheInfo(cache.hits, cache.misses, owner._maxsize, len(cache.values))

    def shallow(value: Any) -> Any:
        """Return another instance with the same attributes, of a class of a snippet.

        Half a module would end the engine, and a member of an enum is one object.
        """
        kind = hooks.typeof(value)
        if not issubclass(type(kind), hooks.class_kind) or is_member(value):
            raise TypeError(f"can't copy a {kind.__name__}; make a new one")
        made: Any = object.__new__(kind)
        made.__dict__.update(value.__dict__)
        return made

    def has_missing(value: Any) -> bool:
        return hasattr(hooks.typeof(value), "__missing__")

    return {
        ".bound": MethodType, ".cache_clear": lambda owner: cache_of(owner).clear(), ".cache_info": cache_info,
        ".cached": cached, ".has_missing": has_missing, ".shallow": shallow,
    }
