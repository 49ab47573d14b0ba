"""The server: sockets, the reactor that serves them, and its life from start to stop."""

from .lifecycle import serve as serve

__all__ = ["serve"]
