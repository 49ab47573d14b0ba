"""Records in LMDB. The only package that imports lmdb."""

from .environment import Store as Store
from .environment import Writer as Writer
from .file import sync_folder as sync_folder
from .pages import Pinned as Pinned
from .snapshot import Snapshot as Snapshot

__all__ = ["Pinned", "Snapshot", "Store", "Writer", "sync_folder"]
