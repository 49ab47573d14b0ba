"""The module `uuid`: UUID, and those that are made of a name or of the snippet's random numbers."""

from __future__ import annotations

import uuid
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sandbox.fuel import charge
from sandbox.hooks import Hooks
from sandbox.kinds import make_kind
from sandbox.seal import Module, make_module, sealed

_SAME: Final = (
    "NAMESPACE_DNS", "NAMESPACE_OID", "NAMESPACE_URL", "NAMESPACE_X500", "RESERVED_FUTURE", "RESERVED_MICROSOFT",
    "RESERVED_NCS", "RFC_4122",
)
_PARTS: Final = {"hex": str, "bytes": bytes, "bytes_le": bytes, "int": int}


def _construct(
    hex: Any = None, bytes: Any = None, bytes_le: Any = None, fields: Any = None, int: Any = None, version: Any = None,
) -> UUID:
    given = {"hex": hex, "bytes": bytes, "bytes_le": bytes_le, "int": int}
    for name, value in given.items():
        if value is not None and type(value) is not _PARTS[name]:
            raise TypeError(f"UUID() takes a {name} that is of type {_PARTS[name].__name__}")
    if fields is not None:
        fields = tuple(islice(fields, 7))
        if set(map(type, fields)) != {_PARTS["int"]}:
            raise TypeError("UUID() takes fields that are numbers")
    if type(version) not in (_PARTS["int"], type(None)):
        raise TypeError("UUID() takes a version that is a number")
    return UUID(hex, bytes, bytes_le, fields, int, version)


def _named(make: Any) -> Any:
    def make_named(namespace: Any, name: Any) -> UUID:
        if type(namespace) is not UUID or type(name) not in (str, bytes):
            raise TypeError("a name of a namespace is a str, the namespace a UUID")
        charge(len(name) // 16)
        if type(name) is bytes:
            # As from Python 3.12 on.
            name = name.decode("latin-1") if name.isascii() else _refuse_bytes()
        return make(namespace, name)  # type: ignore[no-any-return]

    return sealed(make_named, make.__name__)


def _refuse_bytes() -> Any:
    raise TypeError("a name of a namespace is a str")


def make_uuid(hooks: Hooks) -> Module:
    def uuid4() -> UUID:
        return UUID(int=hooks.random().getrandbits(128), version=4)

    values = {name: getattr(uuid, name) for name in _SAME}
    values |= {
        "UUID": make_kind(UUID, _construct), "uuid3": _named(uuid.uuid3), "uuid4": sealed(uuid4),
        "uuid5": _named(uuid.uuid5),
    }
    return make_module("uuid", values)
