"""The watch and what it writes: which request of a batch runs, and which are refused for what they did before."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.doors.codec import CODEC
from objserver.engine import Engine, Options, Request, make_request
from objserver.limits import BATCH_SIZE_MAX, FRAME_SIZE_MAX
from objserver.server.culprits import CODE_COUNT, CODE_SECONDS, COUNT_MAX, FILE, SECONDS_MAX, Culprits
from objserver.server.pulse import Pulse
from objserver.server.watch import Watch
from objserver.wire import encode_request

NOW = 1_700_000_000.0


def body(source: str, id: int = 1, **args: object) -> bytes:
    return encode_request(id, "eval", {"source": source, "args": args})[4:]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine.open(tmp_path / "data", codec=CODEC, time_ns=0, options=Options(durability="none"))
    yield engine
    engine.close()


@given(st.lists(st.binary(min_size=1).map(lambda data: data.replace(b"\0", b"0")), min_size=1), st.data())
def test_the_other_process_sees_which_request_runs(bodies: list[bytes], data: st.DataObject) -> None:
    fd = Pulse.create()
    server, supervisor = Pulse(fd), Pulse(fd)
    os.close(fd)
    assert supervisor.beat() is None
    for _ in range(2):
        word = server.begin(bodies)
        done = data.draw(st.integers(0, len(bodies) - 1))
        server.word[0] = word - done
        assert supervisor.culprit() == bodies[done]
    seen = {supervisor.beat()}
    server.begin(bodies)
    seen.add(supervisor.beat())
    assert len(seen - {None}) == 2, "another batch is another beat"
    server.end()
    assert supervisor.beat() is supervisor.culprit() is None


def test_batch_that_does_not_fit_blames_nobody() -> None:
    pulse = Pulse()
    pulse.begin([b"a" * FRAME_SIZE_MAX, b"b" * BATCH_SIZE_MAX, b"c" * BATCH_SIZE_MAX])
    assert pulse.beat() is not None
    assert pulse.culprit() is None
    pulse.begin([b"x"])
    assert pulse.culprit() == b"x"


def test_what_is_refused_is_not_run_and_the_others_are(engine: Engine, tmp_path: Path) -> None:
    engine.run([make_request("eval", "xs = []")], 0)
    culprits = Culprits(tmp_path)
    source = "xs.append(n)"
    culprits.add(body(source, n=1), time.time(), "it ran longer than 10 s")
    watch = Watch(culprits=culprits)
    numbers = [0, 1, 2, 1, 3]
    requests: list[Request] = [make_request("eval", source, {"n": n}) for n in numbers]
    outcomes = watch.run(engine, requests, [body(source, id, n=n) for id, n in enumerate(numbers)])
    assert [outcome[1] is None for outcome in outcomes] == [True, False, True, False, True]
    assert sorted(watch.refused) == [1, 3]
    assert watch.statistics()["culprits_refused"] == 2
    [fault] = {outcome[1] for outcome in outcomes} - {None}
    assert fault is not None
    assert "it ran longer than 10 s" in fault.message
    assert engine.run([make_request("query", "xs")], 0)[0][0] == b"[0,2,3]"
    watch.run(engine, [make_request("eval", "1")], [body("1")])
    assert not watch.refused


def test_culprit_is_known_by_code_and_arguments_for_a_day(tmp_path: Path) -> None:
    culprits = Culprits(tmp_path)
    culprits.add(body("f(n)", 1, n=10**5000, a=[1.5]), NOW, "it crashed")
    for known in (culprits, Culprits.load(tmp_path)):
        assert known.refusal("f(n)", body("f(n)", 2, a=[1.5], n=10**5000), NOW + 1)
        assert not known.refusal("f(n)", body("f(n)", n=1, a=[1.5]), NOW + 1)
        assert not known.refusal("g(n)", body("g(n)"), NOW + 1)
        assert not known.refusal("f(n)", body("f(n)", n=10**5000, a=[1.5]), NOW + SECONDS_MAX)


def test_code_that_varies_its_arguments_is_refused_with_any(tmp_path: Path) -> None:
    """Each variant was a new culprit, so a client could end the server again and again."""
    culprits = Culprits(tmp_path)
    for n in range(CODE_COUNT):
        assert not culprits.refusal("f(n)", body("f(n)", n=n), NOW + n)
        culprits.add(body("f(n)", n=n), NOW + n, "it crashed")
    last = NOW + CODE_COUNT - 1
    for known in (culprits, Culprits.load(tmp_path)):
        assert known.refusal("f(n)", body("f(n)", n=99), last + CODE_SECONDS - 1)
        assert not known.refusal("f(n)", body("f(n)", n=99), last + CODE_SECONDS)
        assert known.refusal("f(n)", body("f(n)", n=0), last + CODE_SECONDS)
        assert not known.refusal("f(m)", body("f(m)", n=99), last)
    for n in range(CODE_COUNT):
        culprits.add(body("slow(n)", n=n), NOW + n * CODE_SECONDS, "it crashed")
    assert not culprits.refusal("slow(n)", body("slow(n)", n=99), NOW + n * CODE_SECONDS)


def test_refusal_says_whether_the_arguments_matter(engine: Engine, tmp_path: Path) -> None:
    culprits = Culprits(tmp_path)
    watch = Watch(culprits=culprits)
    for n in range(CODE_COUNT):
        culprits.add(body("n", n=n), time.time(), "it crashed")
    faults = [watch.run(engine, [make_request("eval", "n", {"n": n})], [body("n", n=n)])[0][1] for n in (0, 99)]
    for fault, which in zip(faults, ("these", "any"), strict=True):
        assert fault is not None
        assert f"; with {which} arguments it is refused until " in fault.message


def test_the_newest_culprits_are_kept(tmp_path: Path) -> None:
    culprits = Culprits(tmp_path)
    for n in range(COUNT_MAX + 10):
        culprits.add(body(f"f({n})"), NOW, "it crashed")
        culprits.add(body(f"f({n})"), NOW, "it crashed again")
    assert len(culprits) == len(Culprits.load(tmp_path)) == COUNT_MAX
    assert not culprits.refusal("f(9)", body("f(9)"), NOW)
    assert culprits.refusal("f(10)", body("f(10)"), NOW)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"method": 1}', b"[" * 100_000, b'{"method":"eval","params":{"source":[]}}']
)
def test_what_is_no_request_is_no_culprit(tmp_path: Path, data: bytes) -> None:
    assert Culprits(tmp_path).add(data, NOW, "it crashed") is None


JSON = st.recursive(st.none() | st.text() | st.floats(), st.lists)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_file_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("data")
    (folder / FILE).write_bytes(data)
    # A list of the right shape is one of culprits; nothing that was drawn is this request.
    assert Culprits.load(folder).refusal("f(n)", body("f(n)"), NOW) is None
