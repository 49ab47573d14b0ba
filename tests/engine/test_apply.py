"""Programs at random (tests/engine/programs.py), run by one engine, whose log another one applies, a few entries at a
time: through checkpoints, evictions, stops and crashes of both, and promotions, after which they change places. Both
have the same log, answer alike, and have the same records in the end, bit for bit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from objserver.engine import Fault, FaultKind, Options, make_request
from objserver.engine.verify import verify
from objserver.errors import BadEntry, LogGap, StaleTerm

from .bench import Bench
from .programs import Program
from .test_programs import SMALL, disturb, records

TEXT_COUNT = 60
REFUSAL = Fault(FaultKind.NOT_LEADER, "NotLeader", "this is a replica")


class Replicas:
    """A leader, and a follower with the entries that it has not applied."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.random = random
        self.entries: deque[bytes] = deque()
        self.leader, self.follower = (
            Bench(
                folder / name,
                Options(
                    cache_size=random.choice([1, 5_000, 1 << 28]), checkpoint_count=random.choice([1, 20, 100_000]),
                    checkpoint_size=random.choice([1, 5_000, 1 << 26]), **SMALL,
                ),
            )
            for name in ("one", "two")
        )
        self.take_roles()

    def take_roles(self) -> None:
        """Tell the engines, which may be new ones."""
        leader, follower = self.leader.engine, self.follower.engine
        leader.following, follower.following = False, True
        leader.appended = lambda seq, entry: self.entries.append(entry)
        follower.appended = None
        leader.refuse_changes(None)
        follower.refuse_changes(REFUSAL)

    def feed(self, count: int) -> None:
        while self.entries and count:
            self.follower.engine.apply(self.entries.popleft())
            count -= 1

    def level(self) -> None:
        self.feed(1_000_000)
        assert self.leader.engine.head() == self.follower.engine.head()

    def promote(self) -> None:
        """Let them change places. The old leader begins anew, as a server does."""
        self.level()
        self.follower.engine.promote(self.leader.time_ns, "there")
        self.leader.crash()
        head = self.follower.engine.head()
        [entry] = self.follower.engine.log.read(head.seq, 1)
        self.leader, self.follower = self.follower, self.leader
        self.leader.time_ns = self.follower.time_ns
        self.entries.append(entry)
        self.take_roles()

    def disturb_leader(self) -> None:
        disturb(self.leader, self.random)
        self.take_roles()

    def disturb_follower(self) -> None:
        """Do something that the follower must not notice."""
        bench, heap = self.follower, self.follower.engine._heap
        steps: list[Callable[[], object]] = [
            bench.engine.tend, bench.tend, bench.engine.sync, lambda: heap.evict(1 << 40, count_max=1_000_000),
            bench.reopen, bench.crash, bench.engine.want_checkpoint,
        ]  # fmt: skip
        self.random.choice(steps)()
        self.take_roles()

    def ask(self, text: str) -> None:
        """Both answer alike, and the follower changes nothing."""
        self.level()
        query = make_request("query", text, {}, [], 2)
        (asked,), (told,) = self.leader.run(query), self.follower.engine.run([query], self.leader.time_ns)
        assert told == asked, text
        request = make_request("eval", text, {}, [], 2)
        seq = self.follower.engine.seq
        (outcome,) = self.follower.engine.run([request], self.leader.time_ns)
        assert self.follower.engine.seq == seq
        (run,) = self.leader.run(request)
        # What changes nothing is answered; what fails fails, wherever it runs.
        assert outcome[1] == REFUSAL if self.leader.engine.seq > seq else outcome[:2] == run[:2], text


def check(folder: Path, seed: int, count: int) -> None:
    random = Random(seed)
    replicas = Replicas(folder, random)
    program = Program(seed, draws=False)
    try:
        for text in program.first() + [program.text() for _ in range(count)]:
            replicas.leader.run(make_request("eval", text, {}, [], random.choice([None, None, 2])))
            chosen = random.random()
            if chosen < 0.4:
                replicas.disturb_leader()
            if chosen > 0.5:
                replicas.feed(random.randrange(12))
                replicas.disturb_follower()
            if random.random() < 0.1:
                replicas.ask(program.text())
            if random.random() < 0.06:
                replicas.promote()
        replicas.level()
        logs = [
            [entry.digest for entry in bench.engine.log.entries(bench.engine.log.first_seq)]
            for bench in (replicas.leader, replicas.follower)
        ]
        shared = min(map(len, logs))
        assert logs[0][-shared:] == logs[1][-shared:]
        replicas.follower.engine.following = False
        assert records(replicas.leader) == records(replicas.follower)
        for bench in (replicas.leader, replicas.follower):
            bench.engine.close()
            report = verify(bench.folder)
            assert report.sound, report.findings.kept
    finally:
        replicas.leader.kill()
        replicas.follower.kill()


@pytest.mark.parametrize("seed", range(6))
def test_engine_that_applies_a_log_is_the_engine_that_wrote_it(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, TEXT_COUNT)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_engine_that_applies_a_long_log_is_the_engine_that_wrote_it(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, 300)


def test_entry_that_does_not_follow_is_refused_and_the_next_one_taken(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path, Random(1))
    leader, follower = replicas.leader, replicas.follower
    try:
        for number in range(3):
            leader.eval("x = n", n=number)
        first, second, third = replicas.entries
        follower.engine.apply(first)
        with pytest.raises(LogGap):
            follower.engine.apply(third)
        with pytest.raises(LogGap):
            follower.engine.apply(first)
        with pytest.raises(BadEntry):
            follower.engine.apply(second[:-1])
        with pytest.raises(BadEntry):
            follower.engine.apply(second[:80] + bytes([second[80] ^ 1]) + second[81:])
        follower.engine.promote(leader.time_ns, "there")
        with pytest.raises((StaleTerm, LogGap)):
            follower.engine.apply(second)
        leader.eval("x = 7")
        with pytest.raises(StaleTerm):
            follower.engine.apply(replicas.entries[2])
        assert follower.query("x") == 0
    finally:
        leader.kill()
        follower.kill()
