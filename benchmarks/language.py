"""The language: what the compiler costs beside RestrictedPython's, and what a loop costs beside CPython's.

    text -> compile_cell              beside: parse, RestrictingNodeTransformer and compile of the same text
    cached cell -> fuel, call         beside: nothing; the aim is 1 us
    a loop, sent to an engine         beside: the same text run by CPython, in the same process

All of it runs in this process, without a server, so that nothing else is in the figures. What is compared is measured
in turn; of each a median over many short runs.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from types import FunctionType
from typing import Any, Final
from unittest.mock import patch

from RestrictedPython.transformer import RestrictingNodeTransformer

import objserver
from benchmarks.harness import BenchmarkFailed, Report, Spread, in_turn, ratio
from sandbox import CellCache, Fuel, compile_cell

ONE_LINE: Final = "users['bob']"
PAGE: Final = '''\
class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.log = []

    def move(self, amount, to):
        if amount > self.balance:
            raise ValueError(f"{self.owner} has only {self.balance}")
        self.balance = self.balance - amount
        to.balance = to.balance + amount
        self.log.append((to.owner, amount))
        return self.balance

def total(accounts):
    return sum([account.balance for account in accounts])

accounts = {name: Account(name, 10) for name in ["a", "b"]}
total(accounts.values())
'''

# Each defines `run(n)`, which makes n passes and returns what both must agree on.
LOOPS: Final = {
    "methods": '''\
class Account:
    def __init__(self):
        self.balance = 0
    def move(self, amount):
        if amount > 5:
            self.balance = self.balance + amount
        return self.balance
    def read(self):
        return self.balance
def run(n):
    account = Account()
    for i in range(n):
        account.move(i)
        account.read()
    return account.balance
''',
    "attributes": '''\
class Point:
    def __init__(self):
        self.x = self.y = self.z = 1
        self.inner = self
    def run(self, n):
        other = Point()
        for i in range(n):
            self.x = other.x + other.y
            self.y = other.inner.z + self.inner.z
            self.z = self.x + other.inner.inner.x
        return self.z
def run(n):
    return Point().run(n)
''',
    "attributes of others": '''\
class Point:
    def __init__(self):
        self.x = self.y = 1
def run(n):
    point = Point()
    for i in range(n):
        a = point.x + point.y + point.x
        b = point.y + point.x + point.y
        point.x = 1
        point.y = 1
    return point.x
''',
    "calls": '''\
def double(x):
    return x + x
def run(n):
    t = 0
    for i in range(n):
        t = double(i)
    return t
''',
    "items": '''\
def run(n):
    d = {"a": 1}
    l = [1, 2]
    for i in range(n):
        d["a"] = l[0] + l[1]
        l[0] = d["a"] + d["a"] - l[0]
        l[1] = 0
    return l[0] > 0
''',
    "products": '''\
def run(n):
    t = 0
    for i in range(n):
        t = i * i
    return t
''',
    "differences": '''\
def run(n):
    t = 0
    for i in range(n):
        t = n - i
    return t
''',
}


@dataclass(frozen=True)
class Parameters:
    compilations: int
    starts: int
    passes: int
    rounds_each: int


SMALL: Final = Parameters(compilations=10, starts=100, passes=1_000, rounds_each=1)
FULL: Final = Parameters(compilations=500, starts=20_000, passes=20_000, rounds_each=9)


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    report = Report("language", "one snippet, compiled and run, in one process", asdict(parameters))
    for name, source in (("compile 1 line", ONE_LINE), (f"compile {PAGE.count(chr(10))} lines", PAGE)):
        contenders = {
            "here": partial(compile_cell, source), "RestrictedPython": partial(restricted, source),
        }
        compare(report, name, contenders, parameters.compilations, rounds * parameters.rounds_each)
    compare(report, "start a cached cell", {"here": start_cached()}, parameters.starts, rounds * parameters.rounds_each)
    for name, source in LOOPS.items():
        beside = plain(source)
        for fuel in (True, False):
            with objserver.open(folder / f"{name} {fuel}", durability="none", fuel=1 << 40) as db:
                define(db, source, fuel=fuel)
                here = partial(db.query, "run(n)", n=parameters.passes)
                if here() != beside(parameters.passes):
                    raise BenchmarkFailed(f"the loop {name!r} gives another result than CPython")
                contenders = {"here": here, "CPython": partial(beside, parameters.passes)}
                words = "with fuel" if fuel else "without fuel"
                compare(report, f"pass of {name}, {words}", contenders, 1, rounds * parameters.rounds_each,
                        parameters.passes)
    return report


def compare(
    report: Report, name: str, contenders: dict[str, Callable[[], Any]], count: int, rounds: int, parts: int = 1
) -> None:
    """Call each contender `count` times a round, in turn; add a row with the time of one of the `parts` of a call."""

    def measure(work: Callable[[], Any], _round: int) -> float:
        times = []
        for _ in range(count):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        return median(times) / parts * 1e6

    found = in_turn({key: partial(measure, work) for key, work in contenders.items()}, rounds)
    here, *others = found.values()
    row: dict[str, Any] = {"what": name, "here us": Spread.of(here), "beside": "-", "beside us": "-", "ratio": "-"}
    if others:
        row |= {"beside": list(found)[1], "beside us": Spread.of(others[0]), "ratio": ratio(here, others[0])}
    report.rows.append(row)
    report.runs += [{"what": name, "contender": key, "us": value} for key, values in found.items() for value in values]


def restricted(source: str) -> object:
    """What RestrictedPython alone does with a text."""
    tree = ast.parse(source)
    RestrictingNodeTransformer().visit(tree)
    ast.fix_missing_locations(tree)
    return compile(tree, "<cell>", "exec")


def start_cached() -> Callable[[], Any]:
    """Return what starts a cell that was compiled before: find it, give it fuel, call it."""
    builtins: dict[str, Any] = {}
    fuel = Fuel(builtins)
    cells = CellCache(10, 10_000, lambda cell: FunctionType(cell.code, {"__builtins__": builtins}))

    def start() -> Any:
        function = cells["k", ("k",), False]
        fuel.refill(10_000_000)
        return function(k=1)

    return start


def plain(source: str) -> Callable[[int], Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec", dont_inherit=True), names)
    return names["run"]  # type: ignore[no-any-return]


def define(db: Any, source: str, *, fuel: bool) -> None:
    """Define the loop's functions; without fuel by a compiler whose ticks are constants, which CPython drops."""
    if fuel:
        db.eval(source)
        return

    def no_tick(place: Any) -> ast.Constant:
        return ast.copy_location(ast.Constant(True), place)

    with patch("sandbox.statements.tick", no_tick), patch("sandbox.definitions.tick", no_tick):
        db.eval(source)
