"""stub"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from ..store import Pinned


class SnapshotSource:
    chunk_size = 1 << 20
    left_at = 0.0
    size = 0
    def __init__(self, pinned: Pinned) -> None: ...
    def header(self) -> dict[str, Any]: return {}
    def chunk(self, offset: int) -> bytes: return b""
    def resume(self, wanted: dict[str, Any]) -> int: return 0
    def is_over(self, now: float) -> bool: return False
    def close(self) -> None: ...
class SnapshotTarget:
    progress = (0, 0)
    def __init__(self, folder: Path) -> None: ...
    def resumption(self) -> dict[str, Any] | None: return None
    def begin(self, header: dict[str, Any]) -> None: ...
    def take(self, body: bytes) -> None: ...
    def finish(self, header: dict[str, Any]) -> None: ...
