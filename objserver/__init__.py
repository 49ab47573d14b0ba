"""objserver: your Python objects, served.

    connect, connect_async      clients of a server
    open                        the same without a server: the engine in this process

docs/architecture.md maps the packages below this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from objserver.client import AsyncClient as AsyncClient
    from objserver.client import Client as Client
    from objserver.client import RemoteError as RemoteError
    from objserver.client import connect as connect
    from objserver.client import connect_async as connect_async
    from objserver.embedded import open as open
    from objserver.version import VERSION as __version__

__all__ = ["AsyncClient", "Client", "RemoteError", "__version__", "connect", "connect_async", "open"]

# Looked up when they are used: a client needs no engine, and a command line that prints its help needs neither.
_HOMES = {
    "AsyncClient": "objserver.client",
    "Client": "objserver.client",
    "RemoteError": "objserver.client",
    "connect": "objserver.client",
    "connect_async": "objserver.client",
    "open": "objserver.embedded",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        return import_module("objserver.version").VERSION
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'objserver' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
