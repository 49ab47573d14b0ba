"""objserver.open: the client's methods on a folder, with no server."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import objserver
from objserver.errors import DataFolderInUse


def test_folder_keeps_what_was_run_on_it(tmp_path: Path) -> None:
    with objserver.open(tmp_path / "data") as db:
        db.eval("class Queue:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n")
        db.eval("jobs = Queue(); users = {}")
        db.eval("users[k] = v", k="bob", v={"age": 41})
        db.call("jobs.push", {"task": "resize"})
        assert db.seq == 4
    with objserver.open(tmp_path / "data", durability="none") as db:
        assert db.query("users, jobs.items") == ({"bob": {"age": 41}}, [{"task": "resize"}])
        assert db.stats()["roots"] == {"Queue": "class", "jobs": "Queue", "users": "dict"}


def test_errors_and_output_are_those_of_a_server(tmp_path: Path) -> None:
    printed: list[str] = []
    with objserver.open(tmp_path, on_output=printed.append) as db:
        with pytest.raises(objserver.RemoteError, match="KeyError: 'x'") as error:
            db.eval("d = {}\nprint('hello')\nd['x']")
        assert error.value.line == 3
        db.eval("print('kept')")
        with pytest.raises(objserver.RemoteError, match="NameError"):
            db.eval("d")
    assert "kept\n" in printed


def test_arguments_and_results_are_copies(tmp_path: Path) -> None:
    with objserver.open(tmp_path) as db:
        document = {"tags": []}
        db.eval("kept = document", document=document)
        document["tags"].append(1)
        found = db.eval("kept")
        found["tags"].append(2)
        assert db.eval("kept") == {"tags": []}


def test_pipeline_and_threads_share_one_engine(tmp_path: Path) -> None:
    with objserver.open(tmp_path, durability="none") as db:
        db.eval("n = 0")

        def add() -> None:
            for _ in range(50):
                db.eval("n += 1")

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        with db.pipeline() as pipe:
            replies = [pipe.eval("n += 1") for _ in range(20)]
        for reply in replies:
            reply.result()
        for thread in threads:
            thread.join()
        assert db.eval("n") == 220


def test_folder_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    with objserver.open(tmp_path), pytest.raises(DataFolderInUse, match="process"):
        objserver.open(tmp_path)
    db = objserver.open(tmp_path)
    db.close()
    db.close()
    with pytest.raises(Exception, match="closed"):
        db.eval("1")


def test_checkpoints_happen_without_a_server_too(tmp_path: Path) -> None:
    with objserver.open(tmp_path, durability="none", checkpoint_count=20, cache_size=1000) as db:
        db.eval("d = {}")
        n = 0
        deadline = time.monotonic() + 30
        while db.stats()["checkpoints"] == 0:  # its thread commits when the disk lets it
            assert time.monotonic() < deadline
            db.eval("d[n % 50] = [n]", n=n)
            n += 1
        assert db.eval("max(v[0] for v in d.values())") == n - 1


DEEP = {
    "generators": "t = iter([1])\n for _ in range(n): t = (x for x in t)\n try: next(t)\n except StopIteration: pass",
    "started generators": "t = None\n for _ in range(n):\n  t = begun(t)\n  next(t)",
    "generators that never ran": "t = None\n for _ in range(n): t = begun(t)",
    "slices": "t = None\n for _ in range(n): t = slice(t)",
    "exceptions": "t = None\n for _ in range(n):\n  try: raise OSError('x') from t\n  except OSError as e: t = e",
    "iterators of deques": "t = None\n for _ in range(n): t = iter(deque([t]))",
}


@pytest.mark.parametrize("kind", sorted(DEEP))
def test_deep_nests_crash_no_process_with_an_ordinary_stack(tmp_path: Path, kind: str) -> None:
    """CPython runs and frees them by recursion in C. The second process meets them in the log."""
    define = f"from collections import deque\ndef begun(t):\n yield 1\n yield t\ndef f(n):\n {DEEP[kind]}\n return n"
    opened = f"import os, objserver\nwith objserver.open({str(tmp_path)!r}) as db:\n "
    first = (
        f"db.eval({define!r})\n try: db.eval('k = f(100_000)')\n except objserver.RemoteError as error: print(error)\n"
        " print(db.eval('n = 1'), flush=True)\n os._exit(0)"
    )
    again = "print(db.query('n'))"
    for program, expected in ((first, "None\n"), (again, "1\n")):
        done = run("sh", "-c", 'ulimit -s 8192; exec "$@"', "sh", sys.executable, "-c", opened + program)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith(expected)
        assert "recursion" in done.stdout or done.stdout == expected


def test_engine_gets_the_stack_that_the_process_may_have(tmp_path: Path) -> None:
    """A thread with a stack of 1 GiB is refused where that is more than the process may have."""
    done = run(sys.executable, "-c", (
        "import resource, objserver\nresource.setrlimit(resource.RLIMIT_DATA, (600 << 20,) * 2)\n"
        f"with objserver.open({str(tmp_path)!r}, durability='none') as db: print(db.eval('1 + 1'))"
    ))
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
