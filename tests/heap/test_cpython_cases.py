"""CPython's own test cases of dict, list, set, frozenset, deque, OrderedDict and defaultdict, against ours.

Each runs twice: on new containers, and on such as were stored and became ghosts. What a case did to the latter is
undone when it ends, and they must be what they were.
"""

from __future__ import annotations

import collections
import re
import unittest
from collections.abc import Iterator
from typing import Any

import pytest

from objserver.heap import Counter, DefaultDict, Deque, Dict, FrozenSet, List, OrderedDict, Set
from objserver.heap.atoms import ATOMS, is_nan
from objserver.heap.containers import STATES

from .cpython import MISSING_PACKAGE, load, source_of
from .host import Host

if source_of("test_dict") is None:
    pytest.skip(MISSING_PACKAGE, allow_module_level=True)

NAMES: dict[str, Any] = {
    "dict": Dict, "list": List, "set": Set, "frozenset": FrozenSet, "deque": Deque, "OrderedDict": OrderedDict,
    "defaultdict": DefaultDict, "Counter": Counter,
}  # fmt: skip


# --- containers that were stored ----------------------------------------------------------------------------------


class Stored:
    """Stands for one of our classes and makes ghosts."""

    def __init__(self, cls: Any) -> None:
        self.__dict__["cls"] = cls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        made = self.cls(*(arg.cls if isinstance(arg, Stored) else arg for arg in args), **kwargs)
        return made if CASE is None else CASE.store(made)

    def __eq__(self, other: object) -> bool:
        return other is self or STATES.get(other) is self.cls  # type: ignore[call-overload, no-any-return]

    def __hash__(self) -> int:
        return hash(self.cls)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.cls,)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.cls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cls, name)


# For one case; what it makes when all are in use stays new.
HEAPS_MAX = 8


class Case:
    """The heaps of one test case. What it changes stays open until the end, as if it were one snippet, and what it
    loaded stays loaded; so the next container is stored in another heap."""

    def __init__(self, hosts: Iterator[Host]) -> None:
        self.free = hosts
        self.hosts: list[Host] = []
        self.stored: list[tuple[Any, Any]] = []

    def store(self, obj: Any) -> Any:
        before = _plain(obj)
        if before is None:
            return obj
        if not self.hosts or self.hosts[-1].heap.touched or self.hosts[-1].heap.loaded_size:
            host = next(self.free, None)
            if host is None:
                return obj
            self.hosts.append(host)
        host = self.hosts[-1]
        host[f"it{len(self.stored)}"] = obj  # whatever no name leads to is deleted by the next checkpoint
        host.checkpoint()
        host.evict()
        self.stored.append((obj, before))
        return obj

    def end(self) -> None:
        """Undo what the case did."""
        for host in self.hosts:
            host.heap.rollback()
        for obj, before in self.stored:
            assert _plain(obj) == before
        for host in self.hosts:
            host.evict()
            assert not host.heap.loaded_size


def _plain(obj: Any) -> Any:
    """Return what is in a container of nothing but values, in order; None of any other."""
    items = [*obj.items()] if isinstance(obj, Dict) else [*obj]
    if getattr(obj, "default_factory", None) not in (None, List, Dict):
        return None
    flat = [part for item in items for part in (item if type(item) is tuple else (item,))]
    if not ATOMS.issuperset(map(type, flat)) or any(map(is_nan, flat)):
        return None
    return type(obj).__name__, getattr(obj, "maxlen", None), items


CASE: Case | None = None  # the one that runs


# --- the cases ----------------------------------------------------------------------------------------------------

# What makes no sense here: how the names of cases begin or what is in them -> why.
OMITTED: dict[str, str] = {
    r"Subclass|WithSlots|overridden_init|test_dict\.DictTest\.test_(missing|fromkeys|dict_copy_order)$|TestDefaultDict"
    r"\.test_recursive_repr": "no class can inherit from them",
    r"pickl|reduce|yaml": "a snippet has no pickle",
    r"weakref|free_after_iterating|sizeof|tracking|track_|reference_loop|gc_doesnt": "how CPython uses memory",
    r"do_not_rehash|evilattr": "how often hashes are asked for, and what attributes are kept in",
    r"CAPITest": "functions of C",
    r"TestWeirdBugs\.test_merge_and_mutate$": "what compares changes the set, which the language refuses",
    r"OrderedDictTests\.test_dict_(delitem|pop|popitem)$": "dict.pop(ordered) is ordered.pop()",
    r"OrderedDictTests\.test_copying$": "it has no attributes of its own",
    r"OrderedDictTests\.test_issue24347$": "keys whose hash is another each time",
    r"(OrderedDictTests|TestFrozenSet)\.test_init$|TestDefaultDict\.test_missing$": "the language refuses such a call",
    r"TestFrozenSet\.test_constructor_identity$": "`is` compares frozensets by value",
    r"TestBasic\.test_reversed_new$": "the type of an iterator can't be called",
    r"MappingProtocol\.test_fromkeys$": "asks for __class__, which is that of the state",
    r"TestDefaultDict\.test_union$": "unittest wants a dict of CPython's",
    r"test_hash_effectiveness": "takes five seconds; the hash is CPython's (tests/heap/test_frozenset.py)",
}


OMITTED_STORED: dict[str, str] = {
    r"deep_?copy": "the language has a deepcopy of its own",
    r"(CommonTest|TestSet)\.test_init$|TestBasic\.test_basics$": "the language refuses to call __init__ again",
    r"TestBasic\.test_comparisons$|OrderedDictTests\.test_(abc|merge_operator)$": "asks for the state's type",
    r"OrderedDictTests\.test_dict_setitem$": "the language refuses to call dict.__setitem__",
    r"DictTest\.test_merge_and_mutate$": "keys with a hash of a client in a large dict are refused",
}


def cases(names: dict[str, Any]) -> dict[str, type[unittest.TestCase]]:
    """Return the classes of test cases, by module and name."""
    found: dict[str, type[unittest.TestCase]] = {}
    for module in ("test_dict", "test_set", "test_deque", "test_defaultdict"):
        for name, value in vars(load(module, names)).items():
            if isinstance(value, type) and issubclass(value, unittest.TestCase) and value is not unittest.TestCase:
                found[f"{module}.{name}"] = value
    lists = load("list_tests", names)
    found["list_tests.CommonTest"] = type("CommonTest", (lists.CommonTest,), {"type2test": names["list"]})
    mappings = load("mapping_tests", names)
    for name in ("BasicTestMappingProtocol", "TestMappingProtocol", "TestHashMappingProtocol"):
        found[f"mapping_tests.{name}"] = type(name, (getattr(mappings, name),), {"type2test": names["dict"]})
    ordered = load("test_ordered_dict", names)
    body = {"OrderedDict": names["OrderedDict"], "module": collections, "type2test": names["OrderedDict"]}
    for name in ("OrderedDictTests", "CPythonGeneralMappingTests"):
        found[f"test_ordered_dict.{name}"] = type(name, (getattr(ordered, name), unittest.TestCase), body)
    return found


FRESH = cases(NAMES)
STORED = cases({name: cls if cls is FrozenSet else Stored(cls) for name, cls in NAMES.items()})


def kept(omitted: dict[str, str]) -> list[str]:
    """Return the cases that make sense, by module, class and name."""
    methods = unittest.TestLoader().getTestCaseNames
    names = [f"{name}.{method}" for name, cls in FRESH.items() for method in methods(cls)]
    return [name for name in names if not any(re.search(pattern, name) for pattern in omitted)]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    hosts = [Host(tmp_path_factory.mktemp("heap")) for _ in range(HEAPS_MAX)]
    yield hosts
    for host in hosts:
        host.close()


@pytest.mark.parametrize("name", kept(OMITTED))
def test_case_on_new_containers(name: str) -> None:
    assert trouble(FRESH, name) == []


@pytest.mark.parametrize("name", kept(OMITTED | OMITTED_STORED))
def test_case_on_stored_containers(name: str, hosts: list[Host]) -> None:
    global CASE
    case = CASE = Case(iter(hosts))
    try:
        assert trouble(STORED, name) == []
    finally:
        CASE = None
        case.end()


def trouble(classes: dict[str, type[unittest.TestCase]], name: str) -> list[str]:
    cls, _, method = name.rpartition(".")
    result = unittest.TestResult()
    classes[cls](method).run(result)
    return [trace for _, trace in result.errors + result.failures]
