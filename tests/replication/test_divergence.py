"""A follower that comes to something else says what, shows both sides, serves nothing, and is mended by a resync.

The difference is a real one: the process of the follower alone has another idea of the time that snippets see, as a
fault of the language, or of a machine, would give it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from objserver.client import ConnectionLost, Unavailable, connect
from objserver.doors.codec import CODEC
from objserver.engine import Divergence, Engine, Options, make_request
from objserver.engine.verify import verify
from objserver.errors import Diverged
from objserver.replication import State, prepare
from objserver.replication.divergence import report, stop
from objserver.wire import ErrorCode, FrameReader, Reply, encode_frame, encode_request, parse_reply

ROOT = Path(__file__).parent.parent.parent
SECONDS_MAX = 60

# Imported by each Python that finds it on its path, so by the supervisor and by the server that it starts.
PLANT = """
from datetime import UTC, datetime
from objserver.engine.runner import Runner
Runner._now = lambda self: datetime(1999, 1, 1, tzinfo=UTC)
"""


@dataclass
class Server:
    """`objserver serve` as a process of its own."""

    folder: Path
    options: list[str]
    plant: Path | None = None
    address: str = "127.0.0.1:0"
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        path = [str(self.plant)] if self.plant is not None else []
        command = [sys.executable, "-m", "objserver", "serve", "--data", str(self.folder), "--listen", self.address]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])}
        with self.errors.open("a") as errors:
            self.process = subprocess.Popen(
                [*command, *self.options], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], SECONDS_MAX)
        ready = self.process.stdout.readline().split() if readable else []
        assert ready[:1] == ["ready"], self.errors.read_text()
        self.address = ready[1]

    @property
    def errors(self) -> Path:
        return self.folder.with_suffix(".stderr")

    def end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(SECONDS_MAX)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def eval(self, source: str, **args: Any) -> Any:
        with connect(self.address) as client:
            return client.eval(source, **args)

    def replication(self) -> dict[str, Any]:
        with connect(self.address) as client:
            found: dict[str, Any] = client.stats()["replication"]
            return found

    def wait(self, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the figures of replication when they are as wanted."""
        until = time.monotonic() + SECONDS_MAX
        found: dict[str, Any] = {}
        while time.monotonic() < until:
            try:
                found = self.replication()
            except (ConnectionLost, OSError):  # it begins anew
                continue
            if reached(found):
                return found
        raise AssertionError((found, self.errors.read_text()))

    def wait_diverged(self) -> dict[str, Any]:
        return self.wait(lambda found: found["state"] == "diverged")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """A leader and a follower with the plant. The leader has `users`, and the follower has that too."""
    plant = tmp_path / "plant"
    plant.mkdir()
    (plant / "sitecustomize.py").write_text(PLANT)
    leader = Server(tmp_path / "leader", ["--checkpoint-seconds", "0.1"])
    leader.start()
    follower = Server(tmp_path / "follower", ["--follow", leader.address], plant)
    try:
        leader.eval("class User:\n    def __init__(self, name):\n        self.name = name")
        leader.eval("users = {name: User(name) for name in ('bob', 'eve')}")
        leader.eval("log = []\nlarge = {n: [n] for n in range(1000)}\nticks = {'count': 0}")
        follower.start()
        follower.wait(lambda found: found["state"] == "following" and not found["lag_entries"])
        yield leader, follower
    finally:
        follower.end(signal.SIGKILL)
        leader.end(signal.SIGKILL)


def read(found: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Both forms of the report."""
    path = Path(found["report"])
    return json.loads(path.with_suffix(".json").read_text()), path.read_text()


def parts(report: dict[str, Any]) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """Where it stands, or what it is -> part -> (here, there)."""
    return {
        each["where"] or each["title"]: {name: (here, there) for name, here, there in each["parts"]}
        for each in report["objects"]
    }


def command(*arguments: str) -> str:
    """What `objserver` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "objserver", *arguments],
        check=True, cwd=ROOT, timeout=SECONDS_MAX, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


def check_stopped_and_mended(leader: Server, follower: Server) -> None:
    """The follower serves nothing, also after it was killed and started again, until it is resynced."""
    for _ in range(2):
        found = follower.wait_diverged()
        with connect(follower.address) as client:
            with pytest.raises(Unavailable, match="has stopped.*divergence-.*resync"):
                client.query("len(users)")
            assert client.hello()["role"] == "follower"
        assert '"kind":"batch"' in command("log", "--json", "--server", follower.address)
        seq = leader.eval("log.append('more')\nlen(log)")
        follower.end(signal.SIGKILL)
        follower.start()
    report, text = read(found)
    follower.plant = None  # the fault is found
    follower.end(signal.SIGTERM)
    follower.start()
    command("resync", "--yes", "--server", follower.address)
    follower.wait(lambda found: found["state"] == "following" and not found["lag_entries"])
    with connect(follower.address) as client:
        assert client.query("len(log)") == seq
    leader.eval("log.append('after it')")
    leader.wait(lambda found: found["followers"][0]["lag_entries"] == 0)
    assert follower.replication().get("report") is None
    assert read(found) == (report, text)
    follower.end(signal.SIGTERM)
    assert verify(follower.folder).findings.kept == []


def test_result_that_differs_is_told_at_its_entry(pair: tuple[Server, Server]) -> None:
    leader, follower = pair
    year = leader.eval("users[name].seen = now().year\nlog.append(now().year)\nusers[name].seen", name="bob")
    assert year > 2020
    report, text = read(follower.wait_diverged())
    assert report["kind"] == "result"
    assert report["snippet"]["code"].startswith("users[name].seen")
    assert report["snippet"]["args"] == '{"name":"bob"}'
    assert report["seq"] == report["snippet"]["seq"]
    assert report["here"] == "1999"
    assert report["leader"]["error"] is None
    assert report["leader"]["records_seq"] >= report["seq"]
    found = parts(report)
    assert found["users['bob']"] == {".seen": ("1999", str(year))}
    assert found["log"] == {"[0]": ("1999", str(year))}
    for told in ("users['bob']  (User ", "here   1999", f"there  {year}", "users[name].seen = now().year", "resync"):
        assert told in text
    check_stopped_and_mended(leader, follower)


def test_objects_that_differ_are_told_at_the_next_mark(pair: tuple[Server, Server]) -> None:
    leader, follower = pair
    leader.eval("ticks['count'] += 1")
    leader.eval("users[name].seen = now().year\nlarge[500] = now().year\nlarge['new'] = now().year\nNone", name="eve")
    report, text = read(follower.wait_diverged())
    assert report["kind"] == "digest"
    assert report["here"] != report["there"]
    assert report["leader"]["error"] is None
    assert report["leader"]["records_of_the_same_entry"]
    found = parts(report)
    year = found["users['eve']"][".seen"][1]
    assert found == {
        "users['eve']": {".seen": ("1999", year)},
        "large": {"[500]": ("1999", year), "['new']": ("1999", year)},
    }
    assert report["since_seq"] < report["suspects"][0]["seq"] < report["checkpoint_seq"]
    assert report["suspects"][0]["code"].startswith("users[name].seen")
    assert set(report["suspects"][0]["mentions"]) == {"users", "large"}
    for told in ("users['eve']  (User ", "here   1999", f"there  {year}", "users[name].seen = now().year", "resync"):
        assert told in text
    check_stopped_and_mended(leader, follower)


def test_object_that_only_the_leader_changed_is_told(pair: tuple[Server, Server]) -> None:
    leader, follower = pair
    leader.eval(
        "ticks['count'] += 1\nif now().year > 2000:\n    users['bob'].friends = ['al']\n    large[7].append('x')\nNone"
    )
    report, text = read(follower.wait_diverged())
    assert report["kind"] == "digest"
    found = parts(report)
    assert found["large[7]"] == {"[1]": (None, "'x'")}
    assert found["users['bob']"][".friends"][0] is None
    assert found["users['bob'].friends"]["[0]"] == (None, "'al'")
    assert "is there alone, not here" in text
    assert set(report["suspects"][0]["mentions"]) == {"users", "large"}
    check_stopped_and_mended(leader, follower)


def test_leader_that_has_gone_on_is_compared_as_it_is_now(pair: tuple[Server, Server]) -> None:
    """The follower meets the difference in what it catches up with, when the leader's checkpoint of then is gone."""
    leader, follower = pair
    follower.end(signal.SIGTERM)
    leader.eval("users['bob'].seen = now().year\nNone")
    with connect(leader.address) as client:
        before = client.stats()["checkpoints"]
        client.eval("ticks['count'] += 1")
        while client.stats()["checkpoints"] < before + 2:
            client.eval("ticks['count'] += 1")
    follower.start()
    report, text = read(follower.wait_diverged())
    assert report["kind"] == "digest"
    assert not report["leader"]["records_of_the_same_entry"]
    assert report["leader"]["records_seq"] > report["checkpoint_seq"]
    assert parts(report)["users['bob']"][".seen"][0] == "1999"
    assert "what changed in between is among them" in text


def test_leader_that_cannot_be_asked_is_said(pair: tuple[Server, Server]) -> None:
    """The entry stands in the follower's own log: it was killed, and the next process comes to something else."""
    leader, follower = pair
    follower.plant, plant = None, follower.plant
    follower.end(signal.SIGTERM)
    leader.end(signal.SIGTERM)
    leader.options = ["--checkpoint-seconds", "86400"]
    leader.start()
    follower.start()
    leader.eval("log.append(now().year)\nlog[-1]")
    leader.wait(lambda found: found["followers"] and found["followers"][0]["lag_entries"] == 0)
    follower.end(signal.SIGKILL)
    leader.end(signal.SIGKILL)
    follower.plant = plant
    follower.start()
    report, text = read(follower.wait_diverged())
    assert report["kind"] == "result"
    assert report["here"] == "1999"
    assert "log.append(now().year)" in text
    assert "The other side is missing" in text
    leader.start()
    check_stopped_and_mended(leader, follower)


def test_node_answers_what_another_one_asks_and_refuses_the_rest(pair: tuple[Server, Server]) -> None:
    leader, _ = pair
    host, _, port = leader.address.rpartition(":")
    replies: list[Reply] = []
    with socket.create_connection((host, int(port)), SECONDS_MAX) as sock:
        reader = FrameReader()
        for method, params in [
            ("records", {"keys": ["0" * 15 + "1", "f" * 16, "0" * 32]}),
            ("checkpoint_keys", {"seq": 1}),
            ("checkpoint_keys", {"seq": 10**15}),
            ("records", {"keys": ["1"]}),
            ("records", {"keys": [7]}),
            ("records", {"keys": "0" * 16}),
            ("records", {"keys": ["0" * 16] * 257}),
            ("records", {"keys": [], "more": 1}),
            ("checkpoint_keys", {"seq": -1}),
        ]:
            sock.sendall(encode_request(1, method, params))
            bodies: list[bytes] = []
            while not bodies:
                bodies = reader.feed(sock.recv(65536))
            replies += [parse_reply(body) for body in bodies]
    root, *nothing = replies[0].value["records"]
    assert b64decode(root)[:1] == b"r"
    assert nothing == [None, None]
    assert [reply.value["seq"] > 0 for reply in replies[1:3]] == [True, True]
    for reply in replies[3:]:
        assert reply.error is not None
        assert reply.error.code == ErrorCode.INVALID_PARAMS


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400\r\n\r\n", b'{"jsonrpc":"2.0","id":1,"result":{"value":7}}'])
def test_who_does_not_answer_as_a_node_is_said_in_the_report(tmp_path: Path, answer: bytes) -> None:
    """Whoever has the leader's address now costs the report its other side and nothing else."""
    engine = Engine.open(tmp_path / "data", codec=CODEC, time_ns=0, options=Options(durability="none"))
    what = Divergence(kind="result", seq=3, since_seq=0, here="1", changed={b"12345678": None})
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(encode_frame(answer) if answer[:1] == b"{" else answer)

        thread = threading.Thread(target=serve)
        thread.start()
        path = report(engine.folder, what, engine, ("leader", socket.AF_INET, server.getsockname()))
        thread.join()
    engine.close()
    assert json.loads(path.with_suffix(".json").read_text())["leader"]["error"].startswith("leader: ")
    assert "The other side is missing" in path.read_text()


def test_checkpoint_that_differs_is_not_committed_before_the_folder_knows(tmp_path: Path) -> None:
    """A follower that is killed in between must not go on with objects of its own that no DIGEST entry tells of."""
    leader = Engine.open(tmp_path / "leader", codec=CODEC, time_ns=0, options=Options(durability="none"))
    folder = tmp_path / "follower"
    follower = Engine.open(folder, codec=CODEC, time_ns=0, options=Options(durability="none"))
    follower.following = True
    entries: list[bytes] = []
    leader.appended = lambda seq, entry: entries.append(entry)
    leader.run([make_request("eval", "x = [now().year]\nNone")], 0)
    leader.checkpoint()
    follower._heap.root.namespace["__builtins__"]["now"] = lambda: datetime(1999, 1, 1)
    with pytest.raises(Diverged) as found:
        for entry in entries:
            follower.apply(entry)
    leader.close()
    what, state = found.value.what, State(cluster="0" * 16, role="follower")
    assert follower.checkpoint_head is None
    stop(state, folder, what)
    shutil.copytree(folder, tmp_path / "killed before")
    follower.keep_diverged()
    assert follower.checkpoint_head == what.checkpoint
    follower.close()
    # Before the commit there is no checkpoint, and the log has nothing that an entry said was wrong.
    for path, seq in ((tmp_path / "killed before", 2), (folder, 2)):
        state = State.load(path)
        prepare(path, state)
        assert state.diverged == what.line
        assert not state.resync
        engine = Engine.open(path, codec=CODEC, time_ns=0, options=Options(durability="none"))
        assert engine.seq == seq
        engine.close()
