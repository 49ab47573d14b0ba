"""The module `collections`: containers of the host, `namedtuple`, and classes of the library (written.py)."""

from __future__ import annotations

from typing import Any

from sandbox.hooks import Hooks
from sandbox.library.named import make_named
from sandbox.library.typing import make_collections_abc
from sandbox.library.written import written
from sandbox.seal import Module, make_module, sealed


def make_collections(hooks: Hooks) -> Module:
    classes = written(hooks)
    values: dict[str, Any] = {**hooks.collections, "namedtuple": sealed(make_named(hooks), "namedtuple")}
    values |= {name: classes[name] for name in ("ChainMap", "UserDict", "UserList")}
    values["abc"] = make_collections_abc(hooks)
    # By these names the heap keeps them; no snippet can spell them.
    values |= {f"__{name}_": classes[name] for name in ("dict_", "list_", "set_")}
    return make_module("collections", values)
