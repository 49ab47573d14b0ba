"""Records in LMDB. The only package that imports lmdb."""

from .environment import Store as Store
from .environment import Writer as Writer
from .snapshot import Snapshot as Snapshot

__all__ = ["Snapshot", "Store", "Writer"]
