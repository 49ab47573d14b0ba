"""The codec that every door hands to the engine: values as the wire package writes them, sets as the heap's."""

from __future__ import annotations

from objserver.engine import Set
from objserver.wire import values

__all__ = ["CODEC", "WireCodec"]


class WireCodec:
    """Values <-> JSON for the engine (objserver.engine.Codec)."""

    encode = staticmethod(values.encode)
    shape = staticmethod(values.Shape)

    @staticmethod
    def decode(tree: object) -> object:
        """Return the value of parsed JSON. Raises BadRequest."""
        return values.decode(tree, set_factory=Set)

    @staticmethod
    def loads(data: bytes) -> object:
        """Return the value of JSON text. Raises BadRequest."""
        return values.loads(data, set_factory=Set)


CODEC = WireCodec()
