"""The async client, on anyio: for trio and asyncio.

    task -> AsyncClient (options) -> AsyncLink -> AsyncConnection -> socket -> a node
    task -> AsyncClient (options) -/         \\-> AsyncConnection -> socket -> another

An `AsyncClient` is a view: options, and the link that all views of one `connect_async` share. A call that is
cancelled after it was sent may run nevertheless.

Promise: the same methods as the blocking client, and the same errors (tests/client/test_shells.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from objserver.client.async_link import AsyncLink
from objserver.client.core import CONNECT_SECONDS_MAX, Call, Methods, Options, ReadFrom, Unset, deliver_output, new_call
from objserver.client.errors import BadRequest
from objserver.client.procedure import Procedure
from objserver.client.transport import Address, parse_addresses

__all__ = ["AsyncClient", "AsyncPipeline", "connect_async"]

P = ParamSpec("P")
R = TypeVar("R")


def connect_async(
    addresses: str | Iterable[str],
    *,
    timeout: float = CONNECT_SECONDS_MAX,
    on_output: Callable[[str], object] | None = None,
    read_from: ReadFrom = "leader",
) -> Connecting:
    """Connect to a server: `client = await connect_async(..)` or `async with connect_async(..) as client`.

    Arguments and errors are those of `connect`; a wrong address raises here, the others where it is awaited.
    """
    options = Options(read_from=read_from).changed(on_output=... if on_output is None else on_output)
    return Connecting(parse_addresses(addresses), options, timeout)


class Connecting:
    """A connection about to be opened."""

    def __init__(self, addresses: Sequence[Address], options: Options, timeout: float) -> None:
        self._addresses = addresses
        self._options = options
        self._timeout = timeout
        self._client: AsyncClient | None = None

    def __await__(self) -> Generator[Any, Any, AsyncClient]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncClient:
        self._client = await self._open()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._client is not None
        await self._client.close()

    async def _open(self) -> AsyncClient:
        link = AsyncLink(self._addresses, self._timeout)
        await link.open()
        return AsyncClient(link, self._options)


class AsyncClient(Methods[Awaitable[Any]]):
    """A server's methods, each to be awaited. For any number of tasks of one event loop.

    Raises, each of its methods: what `Call.result` raises, and TypeError or FrameTooLarge for arguments that can't be
    sent.
    """

    def __init__(
        self, link: AsyncLink, options: Options, procedures: list[Procedure[Any, Any]] | None = None
    ) -> None:
        self._link = link
        self._options = options
        self._procedures = [] if procedures is None else procedures  # not yet defined there; one list for all views

    @property
    def seq(self) -> int:
        """The log position that the last reply with a value is true for, of several nodes the highest; 0 before the
        first. Another client sees what this one saw with `with_options(min_seq=...)`."""
        return self._link.seq

    def with_options(
        self,
        *,
        depth: int | Unset | None = ...,
        timeout: float | Unset | None = ...,
        on_output: Callable[[str], object] | Unset = ...,
        read_from: ReadFrom | Unset = ...,
        min_seq: int | Unset | None = ...,
        wait_seconds: float | Unset | None = ...,
    ) -> AsyncClient:
        """Return a client on the same connections that makes its calls in another way; see `Options`."""
        options = self._options.changed(
            depth=depth,
            timeout=timeout,
            on_output=on_output,
            read_from=read_from,
            min_seq=min_seq,
            wait_seconds=wait_seconds,
        )
        return AsyncClient(self._link, options, self._procedures)

    def procedure(self, function: Callable[P, R]) -> Procedure[P, Awaitable[R]]:
        """Decorate a function that runs on the server: calling it here is a call of that, to be awaited.

        The first such call defines all procedures of this client there, in their order, unless they are already.

        Raises:
            TypeError: the function takes something along that can't travel; says what.
        """
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            await self._ship()
            return await self.call(made.name, *args, **kwargs)  # type: ignore[no-any-return]

        made: Procedure[P, Awaitable[R]] = Procedure(function, call)
        self._procedures.append(made)
        return made

    async def _ship(self) -> None:
        while self._procedures:
            made = self._procedures[0]
            try:
                there = await self.source(made.name)
            except BadRequest:
                there = None
            if there != made.source:
                await self.with_options(depth=None).eval(f"{made.source}\nNone")
            # Two tasks may have come this far with one procedure: no harm, the same text again is the same version.
            if made in self._procedures:
                self._procedures.remove(made)

    def pipeline(self) -> AsyncPipeline:
        """Return a block's worth of calls, sent together at its end."""
        return AsyncPipeline(self._options, self._run)

    async def close(self) -> None:
        """End the connections, for all views. Calls under way in other tasks fail."""
        self._link.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _request(self, method: str, params: dict[str, object]) -> Any:
        call = new_call(method, params)
        await self._run([call])
        return call.result()

    async def _run(self, calls: Sequence[Call]) -> None:
        await self._link.run(calls, self._options)
        deliver_output(calls, self._options)


class AsyncPipeline(Methods[Call]):
    """Calls that are sent in one write and answered in order; as `Pipeline`, with `async with`."""

    def __init__(self, options: Options, run: Callable[[Sequence[Call]], Awaitable[None]]) -> None:
        self._options = options
        self._run = run
        self._calls: list[Call] = []

    async def __aenter__(self) -> AsyncPipeline:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            calls, self._calls = self._calls, []
            await self._run(calls)

    def _request(self, method: str, params: dict[str, object]) -> Call:
        call = new_call(method, params)
        self._calls.append(call)
        return call
