"""One kit, run over every shell of the client."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from objserver.client import AsyncClient, Client, ExchangeTransport, Options, connect, connect_async
from objserver.client.transport import parse_address, parse_addresses
from tests.client.kit import CHECKS, SOCKET_CHECKS, Awaited, Check
from tests.client.peer import SECONDS_MAX, Peer, listening

Run = Callable[[Check, Peer], Awaitable[None]]

# Long enough for a machine under load, and short for the checks that wait for it to end.
REACH_SECONDS = 0.5


async def run_blocking(check: Check, peer: Peer) -> None:
    with connect(peer.address, timeout=REACH_SECONDS) as client:
        await check(Awaited(client), peer)


async def run_async(check: Check, peer: Peer) -> None:
    with anyio.fail_after(SECONDS_MAX):
        async with connect_async(peer.address, timeout=REACH_SECONDS) as client:
            await check(client, peer)


async def run_in_process(check: Check, peer: Peer) -> None:
    with Client(lambda *_: ExchangeTransport(peer.exchange, lambda: None)) as client:
        await check(Awaited(client), peer)


SHELLS = {
    "blocking": (run_blocking, "asyncio"),
    "async-asyncio": (run_async, "asyncio"),
    "async-trio": (run_async, "trio"),
    "in-process": (run_in_process, "asyncio"),
}
CASES = [
    pytest.param(*SHELLS[shell], check, id=f"{shell}-{check.__name__}")
    for shell in SHELLS
    for check in (CHECKS if shell == "in-process" else CHECKS + SOCKET_CHECKS)
]


@pytest.mark.parametrize(("run", "backend", "check"), CASES)
def test_client(run: Run, backend: str, check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    with listening() as peer:
        anyio.run(run, check, peer, backend=backend)
    wants_output = check.__name__.startswith("printed_text_goes_to_standard_output")
    assert capsys.readouterr().out == ("to the screen\n" if wants_output else "")


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell != "in-process"])
def test_unix_socket_serves_as_well(shell: str, tmp_path: Path) -> None:
    run, backend = SHELLS[shell]
    with listening(path=tmp_path / "socket") as peer:
        anyio.run(run, CHECKS[0], peer, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nobody_there_is_an_os_error(backend: str, tmp_path: Path) -> None:
    async def reach(address: str) -> None:
        with pytest.raises(OSError):
            await connect_async(address)

    with listening() as peer:
        address = peer.address
    for gone in (address, f"unix:{tmp_path}/nothing"):
        with pytest.raises(OSError):
            connect(gone)
        anyio.run(reach, gone, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_client_may_be_awaited_and_closed_by_hand(backend: str) -> None:
    async def run(peer: Peer) -> None:
        client = await connect_async(peer.address)
        async with client:
            await client.ping()

    with listening() as peer:
        anyio.run(run, peer, backend=backend)


@pytest.mark.parametrize(
    "address", ["", "localhost", "localhost:", ":7707", "localhost:0", "localhost:65536", "::1:7707", "unix:relative",
                "localhost:77o7", "localhost:٣"],
)  # fmt: skip
def test_address_that_is_none_is_refused(address: str) -> None:
    for addresses in (address, f"127.0.0.1:1,{address}", [address, "127.0.0.1:1"]):
        with pytest.raises(ValueError, match="write host:port"):
            connect(addresses)
        with pytest.raises(ValueError, match="write host:port"):
            connect_async(addresses)


def test_no_address_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no address is given"):
        connect([])


@pytest.mark.parametrize("text", ["localhost:7707", "[::1]:7707", "unix:/run/objserver"])
def test_address_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_address(text)) == text
    assert parse_addresses(f"{text}, 127.0.0.1:1,{text}") == [parse_address(text), parse_address("127.0.0.1:1")]


def test_shells_take_the_same_options() -> None:
    for blocking, asynchronous in ((connect, connect_async), (Client.with_options, AsyncClient.with_options)):
        assert [*inspect.signature(blocking).parameters] == [*inspect.signature(asynchronous).parameters]
    assert {*inspect.signature(Client.with_options).parameters} == {"self", *Options.__dataclass_fields__}
