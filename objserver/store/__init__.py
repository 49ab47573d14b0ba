"""Records in LMDB. The only package that imports lmdb."""

from .environment import Store as Store
from .environment import Writer as Writer

__all__ = ["Store", "Writer"]
