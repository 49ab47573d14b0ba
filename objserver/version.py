"""The version of the installed package, from its metadata: pyproject.toml is the only place that states it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["VERSION"]


def _installed() -> str:
    try:
        return version("objserver")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "unknown"


VERSION: Final = _installed()
