"""The mark of a checkpoint comes back as it was, and what is none is refused."""

from __future__ import annotations

from pathlib import Path

import lmdb
import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objserver.engine.mark import Mark
from objserver.errors import DataDamaged
from objserver.log import Head

from .bench import Bench

NUMBERS = st.integers(0, 2**64 - 1)
HEADS = st.builds(Head, NUMBERS, NUMBERS, st.binary(min_size=16, max_size=16), NUMBERS)
MARKS = st.builds(Mark, HEADS, NUMBERS, st.text())


@given(MARKS)
def test_mark_comes_back_as_it_was(mark: Mark) -> None:
    assert Mark.unpack(mark.pack()) == mark
    assert mark.seq == mark.head.seq


@given(st.binary() | st.recursive(st.integers() | st.text() | st.binary(), st.lists).map(repr).map(str.encode))
@example(b"")
@example(msgpack.packb([]))
@example(msgpack.packb([1, b"x" * 16, 3, "r"]))
@example(msgpack.packb([[1, 1, b"x" * 16], 3, "r"]))
@example(msgpack.packb([[1, 1, "x" * 16, 5], 3, "r"]))
@example(msgpack.packb([[1, 1, b"x" * 16, 5], 3, b"r"]))
@example(b"\x93" * 10_000)
def test_what_is_no_mark_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="is no mark of a checkpoint"):
        Mark.unpack(packed)


def test_engine_refuses_a_heap_whose_mark_is_none(engine: Bench, tmp_path: Path) -> None:
    engine.eval("x = 1")
    engine.engine.close()
    path = tmp_path / "data" / "heap"
    with lmdb.open(str(path), max_dbs=2) as env, env.begin(write=True, db=env.open_db(b"meta")) as txn:
        txn.put(b"checkpoint", b"none")
    with pytest.raises(DataDamaged, match=r"data.mdb: b'none' is no mark of a checkpoint; restore it from a backup"):
        Bench(tmp_path / "data")
