"""`objserver verify` as a process of its own: beside a server that goes on writing, after a kill, and on damage."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from objserver.client import connect
from objserver.store import Store

from .conftest import Server, run_command

FILL = """
class Person:
    def __init__(self, name): self.name, self.friends = name, []
people = {str(i): Person(str(i)) for i in range(2000)}
rows, ranks, texts = [], SortedDict(), {}
"""
CHANGE = """
rows.append([n]); ranks[n % 700] = {'n': n}; texts[n % 400] = text
people[str(n % 2500)] = Person(str(n))
people[str(n % 2000)].friends.append(rows[-1])
if n % 50 == 49: rows.clear(); texts.clear()
"""


@contextmanager
def load(address: str) -> Iterator[Event]:
    """Let a client change things as fast as it can. Gives an event that is set after each hundred changes."""
    ended, changed, failed = Event(), Event(), []

    def change() -> None:
        try:
            with connect(address) as client:
                count = 0
                while not ended.is_set():
                    client.eval(CHANGE, n=count, text="x" * 20_000)
                    count += 1
                    if not count % 100:
                        changed.set()
        except BaseException as error:  # told by the test's own thread
            failed.append(error)
            changed.set()

    thread = Thread(target=change)
    thread.start()
    try:
        yield changed
    finally:
        ended.set()
        thread.join()
    assert not failed


def test_running_server_is_sound_while_writes_go_on_and_when_it_was_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", options=["--checkpoint-mb", "1", "--retention-mb", "1"])
    server.start()
    try:
        with connect(server.address) as client:
            client.eval(FILL)
        seqs = []
        with load(server.address) as changed:
            for _ in range(4):
                changed.clear()
                assert changed.wait(60)
                result = run_command(["verify", "--data", server.folder, "--json"], server.address, tmp_path)
                report = json.loads(result.stdout)
                assert (result.returncode, report["findings"]) == (0, [])
                assert report["running"]
                seqs.append(report["seq"])
        assert seqs == sorted(seqs) and seqs[-1] > 0
    finally:
        server.kill()
    result = run_command(["verify", "--data", server.folder], server.address, tmp_path)
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1] == f"{server.folder} is sound"
    server.start()  # nothing of it is in the way
    server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a server has left."""
    server = Server(tmp_path_factory.mktemp("left") / "data")
    server.start()
    with connect(server.address) as client:
        client.eval(FILL)
        for count in range(120):
            client.eval(CHANGE, n=count, text="x" * 1000)
        client.eval("long = ['x' * 10_000]")
    server.stop()
    store = Store(server.folder / "heap")
    used_size = store.statistics()["used_size"]
    store.close()
    os.truncate(server.folder / "heap" / "data.mdb", used_size)  # without holes, which a copy would fill
    return server.folder


def test_finding_is_a_line_that_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "data")
    (copy / "heap" / "data.mdb").unlink()
    result = run_command(["verify", "--data", copy], "", tmp_path)
    line, *_, last = result.stdout.splitlines()
    assert line == f"{copy}/heap/data.mdb: is missing; restore the folder from a backup or a replica"
    assert last == f"1 finding: {copy} is not sound"
    assert (result.returncode, result.stderr) == (1, "")
    result = run_command(["verify", "--data", copy, "--json"], "", tmp_path)
    assert json.loads(result.stdout)["findings"][0]["what"] == "is missing"


def test_no_damage_of_the_records_ends_in_a_traceback(folder: Path, tmp_path: Path) -> None:
    """LMDB trusts its pages: what is wrong in them may end the process that reads."""
    chance = random.Random(7)
    size = (folder / "heap" / "data.mdb").stat().st_size
    found = 0
    for number in range(12):
        copy = shutil.copytree(folder, tmp_path / f"data{number}")
        with (copy / "heap" / "data.mdb").open("r+b") as file:
            for page in range(2, size // 4096):  # many of them are free
                if chance.random() < 0.2:
                    file.seek(page * 4096 + chance.choice([0, chance.randrange(24), chance.randrange(4000)]))
                    file.write(chance.randbytes(chance.choice([1, 8, 90])))
        result = run_command(["verify", "--data", copy], "", tmp_path)
        assert "Traceback" not in result.stderr
        assert (result.returncode == 0) == result.stdout.endswith("is sound\n"), result
        found += result.returncode
        shutil.rmtree(copy)
    assert found


def test_damage_that_ends_the_process_is_a_finding(folder: Path, tmp_path: Path) -> None:
    """A long record that says it is longer than the file: to read it is a signal."""
    copy = shutil.copytree(folder, tmp_path / "data")
    path = copy / "heap" / "data.mdb"
    content = bytearray(path.read_bytes())
    planted = 0
    for page in range(2 * 4096, len(content), 4096):
        flags, lower = (int.from_bytes(content[at : at + 2], "little") for at in (page + 10, page + 12))
        for at in range(page + 16, page + min(lower, 4096), 2) if flags == 2 else ():  # the nodes of a leaf
            node = page + int.from_bytes(content[at : at + 2], "little")
            if content[node + 4] == 1:  # what it holds lies in pages of its own
                content[node + 2 : node + 4] = b"\xff\x7f"  # the upper half of its size
                planted += 1
    assert planted
    path.write_bytes(content)
    result = run_command(["verify", "--data", copy], "", tmp_path)
    assert (result.returncode, result.stderr) == (1, "")
    assert re.search(r"reading ended with SIG(BUS|SEGV): LMDB's own pages are damaged; restore", result.stdout)
    result = run_command(["verify", "--data", copy, "--json"], "", tmp_path)
    assert json.loads(result.stdout)["finding_count"] == 1
