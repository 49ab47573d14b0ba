"""A log in memory: the plainest thing that keeps the contract, to show that the contract is not that of files."""

from __future__ import annotations

from collections.abc import Iterator

from objserver.errors import Compacted, LogGap
from objserver.log import EMPTY, Entry, Head, decode_entry, encode_entry, follow


class MemoryLog:
    def __init__(self) -> None:
        self._heads = [EMPTY]
        self._entries: list[bytes] = []
        self._trimmed_seq = 0
        self._closed = False

    @property
    def first_seq(self) -> int:
        return self._trimmed_seq + 1

    def head(self) -> Head:
        return self._heads[-1]

    def next_entry(self, *, term: int, time_ns: int, kind: int, payload: bytes, flags: int = 0) -> bytes:
        self._check_usable()
        head = self.head()
        return encode_entry(
            seq=head.seq + 1, term=term, time_ns=time_ns, kind=kind, flags=flags, payload=payload,
            previous=head.digest, synced_seq=head.seq,
        )

    def append(self, term: int, seq: int, entry: bytes) -> None:
        self._check_usable()
        self._heads.append(follow(self.head(), term, seq, entry)[0])
        self._entries.append(entry)

    def wait(self, seq: int) -> None:
        self._check_usable()
        if seq > self.head().seq:
            raise LogGap(f"can't wait for entry {seq}: the log ends with {self.head().seq}")

    def read(self, first: int, size_max: int) -> list[bytes]:
        self._check_usable()
        if first < self.first_seq:
            raise Compacted(f"entry {first} is older than {self.first_seq}")
        found: list[bytes] = []
        for entry in self._entries[first - 1 :]:
            size_max -= len(entry)
            if found and size_max < 0:
                break
            found.append(entry)
        return found

    def digest_at(self, seq: int) -> bytes:
        self._check_usable()
        if seq < self._trimmed_seq:
            raise Compacted(f"entry {seq} is older than {self.first_seq}")
        if seq > self.head().seq:
            raise LogGap(f"there is no entry {seq}")
        return self._heads[seq].digest

    def size_after(self, seq: int) -> int:
        self._check_usable()
        return sum(map(len, self._entries[max(seq, self._trimmed_seq) :]))

    def entries(self, first: int) -> Iterator[Entry]:
        yield from map(decode_entry, self.read(first, 1 << 40))

    def trim(self, upto: int, keep_size: int = 0) -> None:
        self._check_usable()
        kept_size = 0
        for seq in range(self.head().seq, self._trimmed_seq, -1):
            if seq <= upto and kept_size >= keep_size:
                self._trimmed_seq = seq
                break
            kept_size += len(self._entries[seq - 1])

    def close(self) -> None:
        self._closed = True

    def _check_usable(self) -> None:
        if self._closed:
            raise ValueError("the log is closed")
