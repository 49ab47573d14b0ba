"""The state of replication: written whole, read back as it was, and what is none is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import DataDamaged, RuntimeMismatch, StorageFailed
from objserver.replication import State, draw_cluster

STATES = st.builds(
    State,
    cluster=st.none() | st.builds(draw_cluster),
    role=st.sampled_from(["leader", "follower"]),
    follow=st.lists(st.text()),
    diverged=st.none() | st.text(),
    resync=st.booleans(),
    rewind=st.none() | st.tuples(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16)),
    promoted_term=st.none() | st.integers(1, 2**64 - 1),
    report=st.none() | st.text(),
    fenced=st.none() | st.integers(1, 2**64 - 1),
)


@given(STATES)
def test_state_is_read_back_as_it_was_saved(tmp_path_factory: pytest.TempPathFactory, state: State) -> None:
    folder = tmp_path_factory.getbasetemp()
    state.save(folder)
    assert State.load(folder) == state


def test_folder_without_a_state_has_led_alone(tmp_path: Path) -> None:
    assert State.load(tmp_path) == State(None, "leader", [], None, False, None, None)


def test_what_a_killed_process_left_unfinished_is_not_read(tmp_path: Path) -> None:
    State(role="follower").save(tmp_path)
    (tmp_path / "replication.json.new").write_bytes(b'{"format"')
    assert State.load(tmp_path).role == "follower"
    State(role="leader").save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["replication.json"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cluster": "xyz"}, "cluster is 'xyz'"),
        ({"cluster": 5}, "cluster is 5"),
        ({"role": "king"}, "role is 'king'"),
        ({"follow": "host:1"}, "follow is 'host:1'"),
        ({"follow": [1]}, r"follow is \[1\]"),
        ({"diverged": False}, "diverged is False"),
        ({"resync": 1}, "resync is 1"),
        ({"rewind": [-1, "00" * 16]}, "rewind is"),
        ({"rewind": [1, "00"]}, "rewind is"),
        ({"rewind": [1, "x"]}, "hexadecimal"),
        ({"rewind": 3}, "unpack"),
        ({"promoted_term": 0}, "promoted_term is 0"),
        ({"report": 1}, "report is 1"),
        ({"fenced": 0}, "fenced is 0"),
    ],
)
def test_state_that_is_none_is_damage_and_says_what_to_do(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    State().save(tmp_path)
    path = tmp_path / "replication.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataDamaged, match=f"replication.json does not hold .*{told}.*or remove it and start again"):
        State.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "1"}', b"\xff", b'{"format": 1}', b"[" * 100_000])
def test_any_bytes_are_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "replication.json").write_bytes(content)
    with pytest.raises(DataDamaged, match="restore it from a backup of this folder"):
        State.load(tmp_path)


def test_state_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "replication.json").write_text('{"format": 2}')
    with pytest.raises(RuntimeMismatch, match="has format 2, not 1; use the objserver that wrote it"):
        State.load(tmp_path)


def test_state_that_cannot_be_written_is_as_before(tmp_path: Path) -> None:
    State(role="follower").save(tmp_path)
    (tmp_path / "replication.json.new").mkdir()
    with pytest.raises(StorageFailed, match="replication.json"):
        State().save(tmp_path)
    assert State.load(tmp_path).role == "follower"
