"""The server: sockets, the reactor that serves them, its life from start to stop, and who watches over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lifecycle import serve as serve

__all__ = ["serve"]


def __getattr__(name: str) -> Any:
    # Looked up when it is used: the supervisor needs neither the engine nor trio, and should not keep them in memory.
    if name == "serve":
        from .lifecycle import serve

        return serve
    raise AttributeError(f"module 'objserver.server' has no attribute {name!r}")
