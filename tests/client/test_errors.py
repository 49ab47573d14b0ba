"""What a client raises, made of the error of a reply. `tests/client/kit.py` has one of each code."""

from __future__ import annotations

import pickle

import pytest

from objserver.client import NotLeader
from objserver.client.errors import remote_error
from objserver.wire import ErrorCode, ReplyError


@pytest.mark.parametrize("leader", ["127.0.0.1:7707", None])
def test_follower_names_its_leader_where_it_knows_it(leader: str | None) -> None:
    error = remote_error(ReplyError(ErrorCode.NOT_LEADER, "this node follows", {"type": "NotLeader", "leader": leader}))
    assert isinstance(error, NotLeader)
    assert (error.leader, str(error)) == (leader, "NotLeader: this node follows")
    assert pickle.loads(pickle.dumps(error)).leader == leader


def test_leader_that_is_no_address_is_none() -> None:
    for data in ({}, {"leader": 7707}, {"leader": ["127.0.0.1:7707"]}):
        error = remote_error(ReplyError(ErrorCode.NOT_LEADER, "this node follows", data))
        assert isinstance(error, NotLeader)
        assert error.leader is None
