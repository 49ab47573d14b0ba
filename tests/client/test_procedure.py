"""Functions of this file that run on a server."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import objserver
from objserver.client import AsyncClient, Procedure, connect_async
from objserver.client.procedure import source_to_ship
from objserver.embedded import Embedded
from tests.cli.conftest import Server

RATE = 3


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Embedded]:
    with objserver.open(tmp_path / "data", durability="none") as db:
        yield db


def test_call_runs_on_the_server(db: Embedded) -> None:
    db.eval("users = {'bob': 41}")

    @db.procedure
    def age(name: str, more: int = 1) -> int:
        """Return the age."""
        return users[name] + more  # type: ignore[name-defined]  # noqa: F821

    assert age("bob") == 42
    assert age("bob", more=2) == 43
    assert (age.__name__, age.__doc__) == ("age", "Return the age.")
    assert db.source("age").startswith("def age(name: str")
    assert db.eval("age('bob')") == 42
    with pytest.raises(objserver.client.SnippetRaised, match="KeyError"):
        age("ann")


def test_text_that_is_there_already_is_not_sent_again(db: Embedded) -> None:
    def define() -> Procedure[[], int]:
        @db.procedure
        def one() -> int:
            return 1

        return one

    assert define()() == 1
    seq = db.engine.seq
    assert define()() == 1
    assert db.engine.seq == seq

    @db.procedure
    def one() -> int:
        return 11

    assert one() == 11
    assert [version["version"] for version in db.history("one")] == [1, 2]


def test_procedures_call_each_other_there(db: Embedded) -> None:
    @db.procedure
    def double(x: int) -> int:
        import math

        return math.floor(x * 2)

    @db.procedure
    def quadruple(x: int) -> int:
        return double(double(x))

    assert quadruple(3) == 12


def same(function: Any) -> Any:
    return function


def captured() -> Callable[[], int]:
    n = 1

    def closure() -> int:
        return n

    return closure


def module_user() -> float:
    return math.pi


def global_user() -> int:
    return RATE


def default_user(rate: int = RATE) -> int:
    return rate


async def waiting() -> None:
    pass


def _private() -> None:
    pass


@same
@same
def decorated() -> None:
    pass


class Callable_:
    def __call__(self) -> None:
        pass


@pytest.mark.parametrize(("function", "message"), [
    (captured(), "uses 'n' of the function around it, which can't travel; pass it as an argument"),
    (module_user, "uses module 'math' of its file; import it inside the function"),
    (global_user, "uses 'RATE' (int) of its file, which can't travel"),
    (default_user, "uses 'RATE' (int) of its file, which can't travel"),
    (decorated, "has another decorator"),
    (waiting, "is async; nothing waits on the server"),
    (_private, "begins with '_'"),
    (lambda: 1, "written with 'def'"),
    (Callable_(), "written with 'def'"),
    (len, "written with 'def'"),
])  # fmt: skip
def test_what_can_not_travel_is_said_where_it_is_decorated(function: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        source_to_ship(function)
    assert message in str(caught.value)


def test_text_is_that_of_the_def_alone() -> None:
    def inner(x: int) -> str:
        return f"""{x}
"""

    with pytest.raises(TypeError, match="define it at the left margin"):
        source_to_ship(inner)
    assert source_to_ship(plain) == "def plain(x):  # as it stands\n    # a comment\n    return x"


@same
# Not part of it.
def plain(x):  # as it stands
    # a comment
    return x


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_client_defines_all_with_the_first_call(tmp_path: Path, backend: str) -> None:
    server = Server(tmp_path / "data")
    server.start()

    async def run() -> None:
        async with connect_async(server.address) as db:
            await use(db)

    async def use(db: AsyncClient) -> None:
        @db.procedure
        def first(x: int) -> int:
            return x + 1

        @db.with_options(timeout=30).procedure
        def second(x: int) -> int:
            return first(x) * 2  # type: ignore[operator, return-value]

        assert await second(3) == 8
        assert await first(3) == 4

    try:
        anyio.run(run, backend=backend)
    finally:
        server.stop()
