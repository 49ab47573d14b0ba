"""What every implementation of the log promises. `check_log(make_log)` runs all of it.

Each function below is one statement of the contract; `make_log` gives a new, empty log each time it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.errors import BadEntry, Compacted, LogGap, StaleTerm
from objserver.log import EMPTY, Log, decode_entry, encode_entry

MakeLog = Callable[[], Log]

PAYLOADS = st.lists(st.binary(max_size=40) | st.binary(min_size=300, max_size=900), max_size=12)
quick = settings(max_examples=15, deadline=None)


def fill(log: Log, payloads: Sequence[bytes], *, term: int = 1) -> list[bytes]:
    """Append an entry for each payload and return the encoded entries."""
    appended = []
    for payload in payloads:
        head = log.head()
        entry = log.next_entry(term=term, time_ns=head.time_ns + 1, kind=1, payload=payload)
        log.append(term, head.seq + 1, entry)
        appended.append(entry)
    return appended


def everything(log: Log) -> list[bytes]:
    """All entries the log keeps, encoded."""
    return log.read(log.first_seq, 1 << 40)


def next_parts(log: Log, **changed: Any) -> bytes:
    """The entry that would follow the head, with some fields changed."""
    head = log.head()
    parts: dict[str, Any] = {
        "seq": head.seq + 1, "term": head.term, "time_ns": head.time_ns, "kind": 1, "payload": b"next",
        "previous": head.digest, "synced_seq": 0,
    }
    return encode_entry(**parts | changed)


def refuses(log: Log, error: type[Exception], term: int, seq: int, entry: bytes) -> None:
    """The log raises `error` and is as before."""
    before = log.head(), everything(log)
    with pytest.raises(error):
        log.append(term, seq, entry)
    assert (log.head(), everything(log)) == before


def empty_log_has_no_entries(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        assert log.head() == EMPTY
        assert log.first_seq == 1
        assert log.read(1, 1000) == log.read(7, 1000) == list(log.entries(1)) == []
        log.wait(0)
        log.trim(0)


def appended_entries_are_read_back_as_they_are(make_log: MakeLog) -> None:
    @quick
    @given(PAYLOADS, st.integers(min_value=1, max_value=13))
    def check(payloads: list[bytes], first: int) -> None:
        with closing(make_log()) as log:
            appended = fill(log, payloads)
            log.wait(len(appended))
            assert everything(log) == appended
            entries = list(log.entries(first))
            assert entries == [decode_entry(entry) for entry in appended[first - 1 :]]
            assert [entry.payload for entry in entries] == payloads[first - 1 :]
            assert log.head().seq == len(payloads)

    check()


def head_is_the_last_entry(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        fill(log, [b"a"], term=1)
        (encoded,) = fill(log, [b"b"], term=3)
        entry = decode_entry(encoded)
        assert log.head() == (2, 3, entry.digest, entry.time_ns)
        assert (entry.seq, entry.term, entry.kind, entry.payload) == (2, 3, 1, b"b")


def read_stops_before_size_max_but_gives_at_least_one_entry(make_log: MakeLog) -> None:
    @quick
    @given(PAYLOADS.filter(len), st.integers(min_value=-1, max_value=3000), st.data())
    def check(payloads: list[bytes], size_max: int, data: st.DataObject) -> None:
        with closing(make_log()) as log:
            appended = fill(log, payloads)
            first = data.draw(st.integers(min_value=1, max_value=len(appended)))
            found = log.read(first, size_max)
            assert found and found == appended[first - 1 : first - 1 + len(found)]
            assert len(found) == 1 or sum(map(len, found)) <= size_max
            rest = appended[first - 1 + len(found) :]
            assert not rest or sum(map(len, found)) + len(rest[0]) > size_max
            # A reader that goes on where it stopped gets all, once.
            while rest:
                more = log.read(appended.index(rest[0]) + 1, size_max)
                assert more == rest[: len(more)]
                rest = rest[len(more) :]

    check()


def only_the_next_seq_is_taken(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        appended = fill(log, [b"a", b"b"])
        for seq in (0, 1, 2, 4, 2**64 - 1):
            refuses(log, LogGap, 1, seq, next_parts(log, seq=seq or 1))
        refuses(log, LogGap, 1, 2, appended[1])


def term_never_goes_down(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        fill(log, [b"a"], term=5)
        refuses(log, StaleTerm, 4, 2, next_parts(log, term=4))
        log.append(5, 2, next_parts(log))
        log.append(6, 3, next_parts(log, term=6))


def time_never_goes_back(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        log.append(1, 1, next_parts(log, term=1, time_ns=1000))
        refuses(log, BadEntry, 1, 2, next_parts(log, time_ns=999))
        log.append(1, 2, next_parts(log, time_ns=1000))


def entry_that_is_not_what_it_is_sent_as_is_refused(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        fill(log, [b"a"])
        refuses(log, BadEntry, 1, 2, next_parts(log, seq=3))
        refuses(log, BadEntry, 2, 2, next_parts(log, term=1))
        refuses(log, BadEntry, 1, 2, next_parts(log, term=2))
        refuses(log, BadEntry, 1, 2, next_parts(log, previous=b"x" * 16))
        refuses(log, BadEntry, 1, 2, b"")
        refuses(log, BadEntry, 1, 2, next_parts(log) + bytes(8))


def entry_with_a_changed_byte_is_refused(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        fill(log, [b"a"])
        entry = next_parts(log, payload=b"some payload")
        for place in range(len(entry)):
            changed = bytearray(entry)
            changed[place] ^= 1 << place % 8
            refuses(log, BadEntry, 1, 2, bytes(changed))
            refuses(log, BadEntry, 1, 2, entry[:place])
        log.append(1, 2, entry)


def wait_beyond_the_head_is_refused(make_log: MakeLog) -> None:
    with closing(make_log()) as log:
        fill(log, [b"a"])
        log.wait(1)
        log.wait(1)
        with pytest.raises(LogGap):
            log.wait(2)


def trim_touches_nothing_after_upto(make_log: MakeLog) -> None:
    @quick
    @given(PAYLOADS, st.lists(st.integers(min_value=0, max_value=14), max_size=3))
    def check(payloads: list[bytes], trims: list[int]) -> None:
        with closing(make_log()) as log:
            appended = fill(log, payloads)
            head = log.head()
            for number, upto in enumerate(trims, start=1):
                log.trim(upto)
                assert log.first_seq <= max(0, *trims[:number]) + 1
                assert log.head() == head
                assert everything(log) == appended[log.first_seq - 1 :]
                with pytest.raises(Compacted):
                    log.read(log.first_seq - 1, 1000)
                with pytest.raises(Compacted):
                    list(log.entries(log.first_seq - 1))
            appended += fill(log, [b"after"])
            assert everything(log) == appended[log.first_seq - 1 :]

    check()


def trim_leaves_the_last_bytes_it_is_told_to(make_log: MakeLog) -> None:
    @quick
    @given(PAYLOADS, st.integers(0, 14), st.integers(0, 4000))
    def check(payloads: list[bytes], upto: int, keep_size: int) -> None:
        with closing(make_log()) as log:
            appended = fill(log, payloads)
            log.trim(upto, keep_size)
            kept = everything(log)
            assert kept == appended[log.first_seq - 1 :]
            assert len(kept) == len(appended) or sum(map(len, kept)) >= keep_size

    check()


def digest_at_is_that_of_each_entry_and_of_the_one_before_the_first(make_log: MakeLog) -> None:
    @quick
    @given(PAYLOADS, st.integers(0, 14))
    def check(payloads: list[bytes], upto: int) -> None:
        with closing(make_log()) as log:
            digests = [EMPTY.digest, *(decode_entry(entry).digest for entry in fill(log, payloads))]
            log.trim(upto)
            kept = range(log.first_seq - 1, len(digests))
            assert [log.digest_at(seq) for seq in kept] == digests[log.first_seq - 1 :]
            with pytest.raises(LogGap):
                log.digest_at(len(digests))
            with pytest.raises(Compacted):
                log.digest_at(log.first_seq - 2)

    check()


def size_after_falls_from_what_is_kept_to_nothing(make_log: MakeLog) -> None:
    @quick
    @given(PAYLOADS, st.integers(0, 14))
    def check(payloads: list[bytes], upto: int) -> None:
        with closing(make_log()) as log:
            fill(log, payloads)
            log.trim(upto)
            kept_size = sum(map(len, everything(log)))
            sizes = [log.size_after(seq) for seq in range(log.first_seq - 1, log.head().seq + 1)]
            assert sizes == sorted(sizes, reverse=True)
            assert (sizes[0], sizes[-1]) == (kept_size, 0)
            assert log.size_after(log.head().seq + 5) == 0
            assert log.size_after(log.first_seq - 2) == kept_size

    check()


def entries_of_one_log_make_the_same_log_elsewhere(make_log: MakeLog) -> None:
    with closing(make_log()) as leader, closing(make_log()) as follower:
        for seq, payload in enumerate([b"a", b"b" * 500, b"", b"d"], start=1):
            fill(leader, [payload])
            leader.wait(seq)
        for entry in everything(leader):
            seq = decode_entry(entry).seq
            follower.append(1, seq, entry)
        follower.wait(4)
        assert follower.head() == leader.head()
        assert everything(follower) == everything(leader)


def closed_log_refuses_work_and_a_second_close_does_nothing(make_log: MakeLog) -> None:
    log = make_log()
    (entry,) = fill(log, [b"a"])
    log.close()
    log.close()
    for work in (
        lambda: log.append(1, 2, entry),
        lambda: log.wait(1),
        lambda: log.read(1, 100),
        lambda: list(log.entries(1)),
        lambda: log.digest_at(1),
        lambda: log.size_after(1),
        lambda: log.trim(1),
        lambda: log.next_entry(term=1, time_ns=9, kind=1, payload=b""),
    ):
        with pytest.raises(ValueError, match="closed"):
            work()


CONTRACT: tuple[Callable[[MakeLog], None], ...] = (
    empty_log_has_no_entries,
    appended_entries_are_read_back_as_they_are,
    head_is_the_last_entry,
    read_stops_before_size_max_but_gives_at_least_one_entry,
    only_the_next_seq_is_taken,
    term_never_goes_down,
    time_never_goes_back,
    entry_that_is_not_what_it_is_sent_as_is_refused,
    entry_with_a_changed_byte_is_refused,
    wait_beyond_the_head_is_refused,
    trim_touches_nothing_after_upto,
    trim_leaves_the_last_bytes_it_is_told_to,
    digest_at_is_that_of_each_entry_and_of_the_one_before_the_first,
    size_after_falls_from_what_is_kept_to_nothing,
    entries_of_one_log_make_the_same_log_elsewhere,
    closed_log_refuses_work_and_a_second_close_does_nothing,
)


def check_log(make_log: MakeLog) -> None:
    """Run the whole contract over an implementation."""
    for statement in CONTRACT:
        statement(make_log)
