"""The parts of the client that need no connection."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.client import ConnectionLost, Overloaded, ProtocolError, Record, Ref, SnippetRaised
from objserver.client.core import Conversation, new_call
from objserver.wire import ErrorCode, FrameReader, encode, encode_error, encode_result, parse_request

values = st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3) | st.sets(st.integers(), max_size=3)


@given(st.data(), st.lists(values, min_size=1, max_size=6))
def test_each_call_gets_its_own_reply_in_any_order_and_any_pieces(data: st.DataObject, wanted: list[object]) -> None:
    conversation = Conversation()
    calls = [new_call("eval", {"source": "x", "args": {}}) for _ in wanted]
    conversation.start(calls)
    bodies = FrameReader().feed(bytes(conversation.unsent))
    assert [parse_request(body)[0] for body in bodies] == [call.id for call in calls]
    replies = [encode_result(call.id, encode(value), 1) for call, value in zip(calls, wanted, strict=True)]
    # Drawn by place and share: ids, and so the length of the stream, go on from test to test.
    abandoned = {calls[place] for place in data.draw(st.sets(st.integers(0, len(calls) - 1)))}
    conversation.abandon(list(abandoned))
    stream = b"".join(replies[place] for place in data.draw(st.permutations(range(len(replies)))))
    shares = data.draw(st.lists(st.integers(0, 1000), max_size=8))
    cuts = sorted({0, len(stream), *(len(stream) * share // 1000 for share in shares)})
    answered = [call for first, after in pairwise(cuts) for call in conversation.receive(stream[first:after])]
    assert set(answered) == set(calls) - abandoned
    assert len(answered) == len(set(answered))
    for call, value in zip(calls, wanted, strict=True):
        if call not in abandoned:
            assert call.result() == value
    assert conversation.end(None) == []


@given(st.binary(min_size=1))
def test_any_other_bytes_are_a_protocol_error_or_wait_for_more(data: bytes) -> None:
    conversation = Conversation()
    call = new_call("ping", {})
    conversation.start([call])
    try:
        assert conversation.receive(data) == []
    except ProtocolError as error:
        assert conversation.end(error) == [call]
        with pytest.raises(ProtocolError):
            call.result()


def test_reply_to_nothing_is_a_protocol_error() -> None:
    conversation = Conversation()
    call = new_call("ping", {})
    conversation.start([call])
    reply = encode_result(call.id, b"null", 3)
    assert conversation.receive(reply) == [call]
    with pytest.raises(ProtocolError, match="which is not open"):
        conversation.receive(reply)


def test_end_leaves_no_call_without_an_answer() -> None:
    for error, last, kind in [
        (None, b"", ConnectionLost),
        (ConnectionResetError("reset by peer"), b"", ConnectionLost),
        (None, encode_error(None, ErrorCode.OVERLOADED, "full", {}), Overloaded),
    ]:
        conversation = Conversation()
        calls = [new_call("eval", {}), new_call("query", {})]
        conversation.start(calls)
        assert conversation.receive(last) == []
        assert conversation.end(error) == calls
        for call in calls:
            with pytest.raises(kind):
                call.result()


def test_remote_error_survives_pickling() -> None:
    """It crosses processes in test runners and pools."""
    error = pickle.loads(pickle.dumps(SnippetRaised("KeyError", "'bob'", 3, "Traceback ...")))
    assert (str(error), error.line, error.traceback, len(error.__notes__)) == (
        "KeyError: 'bob'", 3, "Traceback ...", 1,
    )  # fmt: skip
    assert str(SnippetRaised("KeyError", "")) == "KeyError"


def test_record_reads_like_the_instance() -> None:
    bob = Record("User", {"name": "Bob", "tags": ["x"], "class_name": 1})
    assert (bob.name, bob.tags, bob.class_name, bob._class_name) == ("Bob", ["x"], 1, "User")
    assert repr(bob) == "User(name='Bob', tags=['x'], class_name=1)"
    assert bob._asdict() == {"name": "Bob", "tags": ["x"], "class_name": 1}
    assert {"name", "tags"} <= set(dir(bob))
    with pytest.raises(AttributeError, match="'User' record has no attribute 'age'"):
        _ = bob.age
    with pytest.raises(AttributeError, match="set 'name' on the server"):
        bob.name = "Alice"
    with pytest.raises(AttributeError, match="delete 'name' on the server"):
        del bob.name


def test_records_are_equal_by_class_and_attributes_and_hash_alike() -> None:
    """Instances can be members of sets over there, and arrive in sets here."""
    one, other = Record("User", {"a": 1, "b": [1]}), Record("User", {"b": [1], "a": 1.0})
    assert one == other and hash(one) == hash(other)
    assert one != Record("Admin", {"a": 1, "b": [1]}) != Record("User", {"a": 1})
    assert one != {"a": 1, "b": [1]}
    assert {one, other, Ref(1, "User"), Ref(1, "User")} == {one, Ref(1, "User")}


def test_records_can_be_copied_and_pickled() -> None:
    bob = Record("User", {"name": "Bob", "friend": Record("User", {})})
    assert pickle.loads(pickle.dumps(bob)) == bob == copy.deepcopy(bob)
