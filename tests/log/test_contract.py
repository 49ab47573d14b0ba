"""The contract of the log, over each implementation."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from objserver.log import Log, open_log
from tests.log.contract import CONTRACT, MakeLog
from tests.log.memory_log import MemoryLog


@pytest.fixture(params=["memory", "disk, an entry a file", "disk, some entries a file", "disk, one file"])
def make_log(request: pytest.FixtureRequest, tmp_path: Path) -> MakeLog:
    if request.param == "memory":
        return MemoryLog
    segment_size = {"an": 4096, "some": 5000, "one": 65536}[request.param.split()[1]]

    def make() -> Log:
        return open_log(Path(tempfile.mkdtemp(dir=tmp_path)), runtime="test", segment_size=segment_size)

    return make


@pytest.mark.parametrize("statement", CONTRACT, ids=lambda statement: statement.__name__)
def test_log(statement: object, make_log: MakeLog) -> None:
    assert callable(statement)
    statement(make_log)
