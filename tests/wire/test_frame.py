"""Frames: however the bytes are split, the same bodies come out."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import FrameTooLarge
from objserver.limits import FRAME_SIZE_MAX
from objserver.wire.frame import FrameReader, encode_frame

bodies_strategy = st.lists(st.binary(max_size=60), max_size=8)
cuts_strategy = st.lists(st.integers(0, 600), max_size=20)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[first:after] for first, after in pairwise(marks)]


@given(bodies_strategy, cuts_strategy, st.binary(max_size=3))
def test_any_split_gives_the_same_bodies_and_counts_what_is_left(
    bodies: list[bytes], cuts: list[int], rest: bytes
) -> None:
    reader = FrameReader()
    data = b"".join(map(encode_frame, bodies)) + rest
    assert [body for piece in pieces(data, cuts) for body in reader.feed(piece)] == bodies
    assert len(reader.held) == len(rest)


@given(bodies_strategy)
def test_each_body_comes_out_with_the_byte_that_completes_it(bodies: list[bytes]) -> None:
    reader = FrameReader()
    data = b"".join(map(encode_frame, bodies))
    ends = [end - 1 for end in accumulate(4 + len(body) for body in bodies)]
    given_at = [index for index, byte in enumerate(data) for _ in reader.feed(bytes([byte]))]
    assert given_at == ends


@given(bodies_strategy, st.integers(61, 1 << 31), cuts_strategy)
def test_header_over_the_limit_is_refused_and_the_bodies_before_it_are_not_lost(
    bodies: list[bytes], size: int, cuts: list[int]
) -> None:
    reader = FrameReader(size_max=60)
    found: list[bytes] = []
    with pytest.raises(FrameTooLarge, match=f"frame of {size} bytes exceeds 60"):
        for piece in pieces(b"".join(map(encode_frame, bodies)) + size.to_bytes(4, "big"), cuts):
            try:
                found += reader.feed(piece)
            except FrameTooLarge as error:
                found += error.bodies
                raise
    assert found == bodies
    with pytest.raises(FrameTooLarge):
        reader.feed(encode_frame(b"after it"))


def test_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    body = bytes(FRAME_SIZE_MAX)
    assert FrameReader().feed(encode_frame(body)) == [body]
    with pytest.raises(FrameTooLarge, match="send the data in pieces"):
        encode_frame(body + b"\0")


def test_large_frame_in_small_pieces_takes_memory_for_what_came_not_for_what_was_announced() -> None:
    reader = FrameReader()
    reader.feed(FRAME_SIZE_MAX.to_bytes(4, "big"))
    assert len(reader.held) == 4
    for count in range(1, 2000):
        assert reader.feed(b"x" * 100) == []
        assert len(reader.held) == 4 + 100 * count
