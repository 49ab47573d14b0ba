"""A disk fills up under a real server: it ends and says what to do, and what it had acknowledged is there afterwards.

The disk is a file system of its own, in memory or in a file: to mount it takes root's rights.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import objserver
from objserver.client import ConnectionLost
from objserver.engine.entries import CHECKPOINT
from objserver.errors import StorageFailed
from objserver.server.culprits import FILE
from tests.engine.bench import Bench

MIB = 1 << 20
SECONDS_MAX = 60

# Nobody comes to the end of it, and C does not look whether it may.
ENDLESS = """
_t = _u = ()
for _ in range(depth):
    _t, _u = (_t, _t), (_u, _u)
_t == _u
"""


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def mount(self, size: int, *options: str) -> None:
        """Mount it, or give a mounted one another size or other options."""
        run("mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(self.folder))

    def mount_ext4(self, size: int) -> None:
        image = self.folder.with_suffix(".ext4")
        with image.open("wb") as file:
            file.truncate(size)
        run("mkfs.ext4", "-q", "-m", "0", str(image))
        run("mount", "-o", "loop", str(image), str(self.folder))

    def fill(self, left: int = 0) -> None:
        """Leave `left` bytes, a whole number of pages."""
        self.ballast.unlink(missing_ok=True)
        with self.ballast.open("wb") as file:
            end = 0
            for size in (8 * MIB, 4096):
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), end, size)
                        end += size
            file.truncate(end - left)


def run(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True)
        said = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError as error:
        said = str(error)
    if said:
        pytest.skip(f"a file system can't be made here: {said}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / "disk").mkdir()
    disk = Disk(tmp_path / "disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk.folder)], capture_output=True)


class Server:
    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "objserver", "serve", "--data", str(folder), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen([*command, *options], stdout=-1, stderr=-1, text=True)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        self.address = words[1] if words else None  # None where it could not start

    def connect(self) -> objserver.Client:
        assert self.address is not None, self.ended()
        return objserver.connect(self.address, timeout=SECONDS_MAX)

    def ended(self) -> tuple[int, str]:
        """Status, and what it said on standard error."""
        _, said = self.process.communicate(timeout=SECONDS_MAX)
        return self.process.returncode, said

    def stop(self) -> None:
        self.process.terminate()
        status, said = self.ended()
        assert status == 0, said


def write_until_it_ends(server: Server, first: int, size: int, sent: Callable[[int], object]) -> int:
    """Write numbered documents; return how many the server acknowledged, with those before `first`."""
    n = first
    with server.connect() as db:
        try:
            db.eval("if first == 0: documents = {}; journal = []", first=first)
            while True:
                sent(n)
                text = f"{n}" * (size // len(f"{n}"))
                count = db.eval("documents[n] = text\njournal.append(n)\nlen(documents)", n=n, text=text)
                assert count == n + 1
                n += 1
        except (ConnectionLost, OSError):
            return n


def check(server: Server, acknowledged: int, size: int) -> int:
    """Return how many documents there are: those acknowledged, or one more, sent and not answered; each as sent."""
    with server.connect() as db:
        count: int = db.query("len(documents)")
        assert acknowledged <= count <= acknowledged + 1
        assert db.query("[list(documents) == list(range(n)), journal == list(range(n))]", n=count) == [True, True]
        texts = "all(documents[n] == str(n) * (size // len(str(n))) for n in documents)"
        assert db.query(texts, size=size)
    return count


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
@pytest.mark.parametrize(
    ("size", "options"),
    [
        (MIB, ["--checkpoint-mb", "1000"]),  # the next segment of the log is what finds no room, as a rule
        (50_000, ["--checkpoint-mb", "2"]),  # a checkpoint
    ],
)
def test_full_disk_ends_the_server_and_what_it_acknowledged_is_there(
    disk: Disk, size: int, options: list[str], kind: str
) -> None:
    disk.mount(300 * MIB) if kind == "tmpfs" else disk.mount_ext4(300 * MIB)
    folder = disk.folder / "data"
    server = Server(folder, *options)
    # While it runs, also when a checkpoint is under way: somebody else takes all that is left.
    acknowledged = write_until_it_ends(server, 0, size, lambda n: disk.fill() if n == 30 else None)
    status, said = server.ended()
    assert status == 1 and acknowledged >= 30
    assert said.count("Error: ") == 1 and said.startswith(f"Error: {folder}/"), said
    assert "can't create it with 64.0 MiB: No space left" in said or "data.mdb: can't write: " in said
    assert "make room on its disk" in said and "MiB are free there" in said
    assert "starting it again" not in said
    # Nothing is better yet: the same again, at once or after a while.
    server = Server(folder, *options)
    if server.address is not None:
        with suppress(ConnectionLost, OSError):
            acknowledged = check(server, acknowledged, size)
            acknowledged = write_until_it_ends(server, acknowledged, size, lambda n: None)
    status, said = server.ended()
    assert status == 1 and "make room on its disk" in said
    disk.ballast.unlink()
    server = Server(folder, *options)
    acknowledged = check(server, acknowledged, size)
    with server.connect() as db:
        db.eval("journal.pop()\ndel documents[n]", n=acknowledged - 1)
    server.stop()
    server = Server(folder, *options)
    check(server, acknowledged - 1, size)
    server.stop()


@pytest.mark.parametrize("after", range(5))
def test_disk_that_fills_up_at_any_moment_of_a_checkpoint_loses_nothing(disk: Disk, after: int) -> None:
    disk.mount(100 * MIB)
    bench = Bench(disk.folder / "data")
    bench.eval("rows = {}")
    bench.eval("for n in range(3000): rows[n] = {'n': n, 'text': str(n) * 20}")
    engine = bench.engine
    engine._begin_checkpoint(engine._append(CHECKPOINT, b""))
    for number in range(after):
        bench.eval("rows[n]['n'] += 1", n=number)
        assert engine._checkpoint is not None and engine._checkpoint.slice()
    disk.fill()
    bench.eval("rows[n]['n'] += 1", n=after)
    with pytest.raises(StorageFailed, match="data.mdb: can't write: .*make room on its disk"):
        engine.checkpoint()
    with pytest.raises(StorageFailed, match="the engine stopped"):
        bench.eval("rows = {}")
    bench.kill()
    disk.ballast.unlink()
    bench.reopen()
    assert bench.eval("[rows[n]['n'] for n in rows]") == [n + (n <= after) for n in range(3000)]
    bench.reopen()
    assert bench.eval("len(rows)") == 3000
    bench.kill()


def test_disk_without_room_for_a_log_is_said_at_the_first_write(disk: Disk) -> None:
    disk.mount(8 * MIB)
    server = Server(disk.folder / "data")
    with server.connect() as db, pytest.raises(ConnectionLost):
        db.eval("x = 1")
    status, said = server.ended()
    assert status == 1 and "can't create it with 64.0 MiB: No space left on device; make room" in said
    disk.mount(100 * MIB, "remount")
    server = Server(disk.folder / "data")
    with server.connect() as db:
        assert db.eval("x = 2\nx") == 2
    server.stop()


def test_start_on_a_disk_with_few_bytes_left_works_or_says_so(disk: Disk) -> None:
    """LMDB's lock file was written through a map: a SIGBUS where it got no space."""
    disk.mount(2 * MIB)
    script = """
import os, shutil, sys
from pathlib import Path
sys.path[:0] = [os.getcwd()]
from objserver.doors.codec import CODEC
from objserver.engine import Engine
from objserver.errors import StorageFailed
from tests.crash.test_full_disk import Disk
disk = Disk(Path(sys.argv[1]))
folder = disk.folder / "data"
for pages in range(0, 24):
    for with_folder in (False, True):
        shutil.rmtree(folder, ignore_errors=True)
        if with_folder:
            Engine.open(folder, codec=CODEC, time_ns=0).close()
            (folder / "heap" / "lock.mdb").unlink()
        disk.fill(pages * 4096)
        try:
            Engine.open(folder, codec=CODEC, time_ns=0).close()
            print("opened")
        except StorageFailed as error:
            assert "make room on its disk" in str(error) or "choose a data folder" in str(error), error
            print("refused")
        disk.ballast.unlink()
        Engine.open(folder, codec=CODEC, time_ns=0).close()
"""
    done = subprocess.run([sys.executable, "-c", script, str(disk.folder)], capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert 10 < done.stdout.count("refused") and 10 < done.stdout.count("opened")


def test_folder_that_may_not_be_written_is_said(disk: Disk) -> None:
    disk.mount(100 * MIB)
    server = Server(disk.folder / "data")
    with server.connect() as db:
        db.eval("x = 1")
    server.stop()
    disk.mount(100 * MIB, "remount", "ro")
    status, said = Server(disk.folder / "data").ended()
    assert (status, said) == (1, f"Error: {disk.folder}/data/lock: {os.strerror(errno.EROFS)}; "
                                 "choose a data folder that can be written\n")
    disk.mount(100 * MIB, "remount", "rw")
    server = Server(disk.folder / "data")
    with server.connect() as db:
        assert db.query("x") == 1
    server.stop()


def test_culprit_that_can_not_be_remembered_is_said_and_the_server_is_back(disk: Disk) -> None:
    disk.mount(100 * MIB)
    server = Server(disk.folder / "data")
    with server.connect() as db:
        db.eval("x = 1")
    server.stop()  # so that the next ones have nothing to recover, and no checkpoint to make of it
    server = Server(disk.folder / "data", "--snippet-seconds", "1")
    with server.connect() as db:
        disk.fill()
        with pytest.raises(ConnectionLost):
            db.eval(ENDLESS, depth=60)
        assert server.process.stderr is not None
        assert any("can't be remembered: [Errno 28]" in line for line in server.process.stderr)
    with server.connect() as db:
        assert db.query("x") == 1
        assert db.eval("x += 1\nx") == 2, "the log has its space already"
    disk.ballast.unlink()
    server.stop()
    assert not (disk.folder / "data" / FILE).exists()
