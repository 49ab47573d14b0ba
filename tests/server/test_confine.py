"""The second wall: native code inside the serving process finds nothing to take, and the server works behind it."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import objserver
from objserver.server import landlock, seccomp

from .conftest import SECONDS_MAX, Process

Spawn = Callable[..., Process]

# As `objserver serve`, but for the program that serves.
SERVE = """
import sys
from objserver.server import supervisor
from objserver.cli.serve import serve
supervisor.Supervisor.__init__.__kwdefaults__["command"] = sys.argv[1:3]
serve(sys.argv[3:])
"""

MACHINE_HAS_BOTH = landlock.version() > 0 and platform.machine() in ("x86_64", "aarch64")


# What may be tried where it succeeds.
HARMLESS = ("read a file of the user", "start a process", "connect by TCP", "read a file in a new thread")


def intrude(tmp_path: Path, *options: str) -> dict[str, str]:
    """Start a server with an intruder in it, let it do its worst, work with the server, and return what it got."""
    data, secret = tmp_path / "data", tmp_path / "secret"
    secret.write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as victim, socket.socket(socket.AF_UNIX) as neighbour:
        neighbour.bind(str(tmp_path / "socket"))
        neighbour.listen()
        targets = {
            "folder": str(data), "secret": str(secret), "port": victim.getsockname()[1],
            "socket": str(tmp_path / "socket"),
        } | ({"only": HARMLESS} if "--no-confine" in options else {})  # fmt: skip
        (tmp_path / "targets.json").write_text(json.dumps(targets))
        intruder = str(Path(__file__).parent / "intruder.py")
        command = [sys.executable, "-c", SERVE, intruder, str(tmp_path / "targets.json"), "--data", str(data)]
        popen = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--checkpoint-mb", "1", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        process = Process(popen)
        try:
            [name] = process.wait_ready()
            with objserver.connect(name, timeout=SECONDS_MAX) as db:
                db.eval("docs = {}")
                os.kill(process.server_pid(), signal.SIGUSR1)
                found: dict[str, str] | None = None
                while found is None:  # the server goes on meanwhile
                    db.eval("docs[n] = 'x' * 10_000", n=db.eval("len(docs)"))
                    if (data / "intrusion.json").exists():
                        found = json.loads((data / "intrusion.json").read_text())
                # Checkpoints, segments and growth of LMDB: everything the server does with files still works.
                for n in range(400):
                    db.eval("docs[n] = text", n=n, text="y" * 10_000)
                while not db.stats()["checkpoints"]:
                    pass
                with pytest.raises(objserver.RemoteError, match="ZeroDivisionError"):
                    db.eval("1 / 0")
            process.signal(signal.SIGTERM)
            status, _, err = process.wait_ended()
            assert (status, err) == (0, "")
        finally:
            if popen.poll() is None:
                popen.kill()
            popen.communicate()
        assert secret.read_text() == "mine"
    return found


@pytest.mark.skipif(not MACHINE_HAS_BOTH, reason="this kernel has no Landlock")
def test_native_code_in_the_server_reaches_its_folder_and_nothing_else(tmp_path: Path) -> None:
    found = intrude(tmp_path)
    assert found.pop("environment") == "{}"
    own = {name: found.pop(name) for name in list(found) if name.startswith("own: ")}
    assert set(own.values()) == {"done"}, own
    assert len(found) == 28
    assert {name: what for name, what in found.items() if what == "done"} == {}


def test_no_confine_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    """And so shows that the attempts of the other test are real ones."""
    found = intrude(tmp_path, "--no-confine")
    assert {found[name] for name in HARMLESS} == {"done"}


def test_figures_say_what_confines_the_server(spawn: Spawn) -> None:
    expected: dict[str, Callable[[str], bool]] = {
        "": lambda text: not MACHINE_HAS_BOTH or ("landlock" in text and "seccomp" in text and "no_new_privs" in text),
        "--no-confine": lambda text: text == "none",
    }
    for option, fits in expected.items():
        server = spawn(*option.split())
        [name] = server.wait_ready()
        with objserver.connect(name) as db:
            figure: Any = db.stats()["confinement"]
        assert fits(figure), figure
        server.signal(signal.SIGTERM)
        server.wait_ended()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("connect", [True, False])
def test_filter_says_no_to_what_is_refused(machine: str, connect: bool) -> None:
    """The program is run here as the kernel would run it, so that both machines are tested on either."""
    program = seccomp.make_filter(machine, 42, connect=connect)
    assert program is not None
    column = ["x86_64", "aarch64"].index(machine)
    arch = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]

    def run(number: int, *arguments: int, arch: int = arch) -> int:
        data = struct.pack("<IIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
        at = accumulator = 0
        while True:
            code, jump_true, jump_false, k = struct.unpack_from("=HBBI", program, 8 * at)
            at += 1
            if code == 0x06:
                return int(k)
            if code == 0x20:
                [accumulator] = struct.unpack_from("<I", data, k)
                continue
            taken = {0x15: accumulator == k, 0x25: accumulator > k, 0x45: bool(accumulator & k)}[code]
            at += jump_true if taken else jump_false

    allow, eperm, enosys, kill = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
    for name, numbers in seccomp.REFUSED.items():
        if numbers[column] >= 0:
            assert run(numbers[column]) == eperm, name
    clone, clone3, kill_call, tgkill, socket_call, connect_call, read, prlimit, ioctl = (
        (56, 435, 62, 234, 41, 42, 0, 302, 16), (220, 435, 129, 131, 198, 203, 63, 261, 29),
    )[column]  # fmt: skip
    assert run(read) == allow
    assert run(clone, 0x10000 | 0x100) == allow
    assert run(clone, 0x100) == run(clone, 0x4000) == eperm
    assert run(clone3) == enosys
    for call in (kill_call, tgkill):
        assert run(call, 42) == allow
        assert run(call, 43) == run(call, 2**32 - 1) == eperm
    assert run(prlimit, 0) == run(prlimit, 42) == allow
    assert run(prlimit, 43) == eperm
    assert run(ioctl, 2, 0x5412) == run(ioctl, 2, 0x541C) == eperm
    assert run(ioctl, 2, 0x5401) == allow
    assert run(socket_call, socket.AF_INET) == run(socket_call, socket.AF_INET6) == (allow if connect else eperm)
    assert run(socket_call, socket.AF_UNIX) == run(socket_call, 17) == eperm
    assert run(connect_call, 3) == (allow if connect else eperm)
    assert run(500) == run(0x40000000 + 59) == enosys
    assert run(read, arch=0x40000003) == kill
    assert seccomp.make_filter("riscv64", 42, connect=connect) is None


@pytest.mark.skipif(not MACHINE_HAS_BOTH, reason="this kernel has no Landlock")
def test_port_of_a_leader_can_still_be_connected_to(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as leader, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [it.getsockname()[1] for it in (leader, other)]
        script = f"""
import socket
from pathlib import Path
from objserver.server.confine import confine
print(*confine(Path({str(tmp_path)!r}), connect_ports=[{ports[0]}]).holds)
for port in {ports}:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        print("connected")
    except OSError as error:
        print(error.strerror)
"""
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=SECONDS_MAX
        )
    holds, first, second = done.stdout.splitlines()
    assert "seccomp" in holds
    assert first == "connected"
    assert landlock.version() < 4 or second == "Permission denied"
