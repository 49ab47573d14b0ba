"""stub"""
from __future__ import annotations

from pathlib import Path

from .state import State


def prepare(folder: Path, state: State) -> list[str]: return []
