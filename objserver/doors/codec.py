"""The codec that every door hands to the engine: values as the wire package writes them, containers as the heap's."""

from __future__ import annotations

from typing import Final

from objserver.engine import Deque, FrozenSet, Set, make_named_tuple
from objserver.wire import values

__all__ = ["CODEC", "WireCodec"]


_FACTORIES: Final = values.Factories(set=Set, frozenset=FrozenSet, deque=Deque, namedtuple=make_named_tuple)


class WireCodec:
    """Values <-> JSON for the engine (objserver.engine.Codec)."""

    encode = staticmethod(values.encode)
    encode_arguments = staticmethod(values.encode_arguments)
    encode_document = staticmethod(values.encode_document)
    shape = staticmethod(values.Shape)

    @staticmethod
    def decode(tree: object) -> object:
        """Return the value of parsed JSON. Raises BadRequest."""
        return values.decode(tree, factories=_FACTORIES)

    @staticmethod
    def loads(data: bytes) -> object:
        """Return the value of JSON text. Raises BadRequest."""
        return values.loads(data, factories=_FACTORIES)


CODEC = WireCodec()
