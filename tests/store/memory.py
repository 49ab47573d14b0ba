"""What a store may take of a process's memory; each function is a test, run in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

from objserver.store import Store, environment, file
from tests.store.test_environment import key, write

MIB = 1024 * 1024
BASE = file.mapped_size()  # of Python and its libraries


def what_is_mapped_is_given_back(tmp_path: Path) -> None:
    for name in ("MAPPED_SIZE_MAX", "MAPPED_SIZE_MAX_WRITTEN", "MAPPED_SIZE_MAX_HELD"):
        setattr(environment, name, BASE + 24 * MIB)
    store = Store(tmp_path)
    content = os.urandom(1000)
    for first in range(0, 80_000, 10_000):
        write(store, {key(number): content + key(number) for number in range(first, first + 10_000)}, key(first))
    mapped = []
    for number in range(80_000):
        assert store.get(key(number)) == content + key(number)
        mapped.append(file.mapped_size())
    assert max(mapped) < BASE + 40 * MIB
    store.hold()
    held = store._env
    mapped.clear()
    with store.writer() as writer:  # a checkpoint is being written, and what it holds is read meanwhile
        for number in range(0, 80_000, 7):
            writer.put([(key(number), b"new")])
            assert store.get(key(number)) == content + key(number)
            mapped.append(file.mapped_size())
        writer.commit(b"later")
    assert store._env is held
    assert max(mapped) < BASE + 40 * MIB
    store.release()
    assert [found for found, _ in store.scan(key(5), key(80_000), 3)] == [key(5), key(6), key(7)]
    store.close()


def less_is_mapped_as_a_checkpoint_takes_memory(tmp_path: Path) -> None:
    environment.MAPPED_SIZE_MAX_WRITTEN = BASE + 72 * MIB
    environment.MAPPED_SIZE_MAX_HELD = BASE + 24 * MIB
    store = Store(tmp_path)
    content = os.urandom(1000)
    for first in range(0, 80_000, 10_000):
        write(store, {key(number): content for number in range(first, first + 10_000)}, key(first))
    store.hold()
    before = file.own_size()
    sizes = []
    with store.writer() as writer:
        for number in range(0, 80_000, 7):
            writer.put([(key(number), b"new")])
            store.get(key(number))
            sizes.append((file.mapped_size(), file.own_size() - before))
        writer.commit(b"later")
    assert max(own for _, own in sizes) > 16 * MIB
    assert max(mapped for mapped, _ in sizes) > BASE + 48 * MIB
    assert max(mapped + own for mapped, own in sizes) < BASE + (72 + 24) * MIB
    store.close()


def more_may_be_mapped_where_the_last_checkpoint_is_long_ago(tmp_path: Path) -> None:
    count = 80_000
    environment.MAPPED_SIZE_MAX = 1 << 40
    environment.MAPPED_SIZE_MAX_WRITTEN = BASE + 24 * MIB
    environment.MAPPED_SIZE_MAX_HELD = BASE + 24 * MIB
    environment._QUIET_COUNT = count
    store = Store(tmp_path)
    for first in range(0, count, 10_000):
        write(store, {key(number): os.urandom(1000) for number in range(first, first + 10_000)}, key(first))
    few, many = BASE + 40 * MIB, BASE + 70 * MIB

    def read_all() -> int:
        """Return the most that was mapped."""
        most = 0
        for number in range(count):
            store.get(key(number))
            most = max(most, file.mapped_size())
        return most

    assert read_all() > many
    store.hold()
    assert file.mapped_size() < few
    assert read_all() < few
    store.release()
    store.hold()  # the next one follows
    store.release()
    assert read_all() < few
    assert read_all() > many
    store.close()
