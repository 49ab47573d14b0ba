from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objserver.engine import Options

from .bench import Bench


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Return a function that opens an engine on one folder, again and again."""
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / "data", Options(**options)))
        return made[-1]

    yield make
    for bench in made:
        bench.kill()


@pytest.fixture
def engine(make: Callable[..., Bench]) -> Bench:
    return make()
