"""A server with native code of somebody else's inside: what a hole in the language could let in. Run by test_confine.

Where the process is not confined, these attempts succeed: `only` names those that may be made then.

SIGUSR1 makes this process, a serving one like any other, do its worst by system calls, without Python's own checks, and
write down what came of it as JSON, in the data folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from objserver.server import child

libc = ctypes.CDLL(None, use_errno=True)
INTRUSION = Path(sys.argv[1])
TARGETS = json.loads(INTRUSION.read_text())
FOLDER = Path(TARGETS["folder"])
AT_FDCWD = -100


def code_of(result: int) -> str:
    return "done" if result >= 0 else os.strerror(ctypes.get_errno())


def read(path: str) -> str:
    return code_of(libc.open(path.encode(), os.O_RDONLY))


def write(path: str) -> str:
    return code_of(libc.open(path.encode(), os.O_WRONLY | os.O_CREAT, 0o600))


def connect(family: int, address: bytes) -> str:
    fd = libc.socket(family, socket.SOCK_STREAM, 0)
    return code_of(fd) if fd < 0 else code_of(libc.connect(fd, address, len(address)))


def execute() -> str:
    arguments = (ctypes.c_char_p * 2)(b"/bin/sh", None)
    return code_of(libc.execve(b"/bin/sh", arguments, None))


def fork() -> str:
    pid = libc.fork()
    if pid == 0:
        os._exit(0)
    return code_of(pid)


def vfork_by_clone() -> str:
    number = 56 if os.uname().machine == "x86_64" else 220
    pid = libc.syscall(number, ctypes.c_long(signal.SIGCHLD), None, None, None, None)
    if pid == 0:
        os._exit(0)
    return code_of(pid)


def in_thread(attempt: Callable[[], str]) -> str:
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(attempt()))
    thread.start()
    thread.join()
    return said[0]


def intrude(signum: int, frame: FrameType | None) -> None:
    port = int(TARGETS["port"])
    inet = socket.AF_INET.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    unix = socket.AF_UNIX.to_bytes(2, sys.byteorder) + TARGETS["socket"].encode() + b"\0"
    attempts: dict[str, Callable[[], str]] = {
        "read a file of the system": lambda: read("/etc/passwd"),
        "read a file of the user": lambda: read(TARGETS["secret"]),
        "read the environment of another process": lambda: read(f"/proc/{os.getppid()}/environ"),
        "read a file by the way of the folder": lambda: read(str(FOLDER / ".." / "secret")),
        "write a file outside": lambda: write(TARGETS["secret"] + ".new"),
        "change a file outside": lambda: write(TARGETS["secret"]),
        "remove a file outside": lambda: code_of(libc.unlink(TARGETS["secret"].encode())),
        "rename a file outside": lambda: code_of(
            libc.rename(TARGETS["secret"].encode(), TARGETS["secret"].encode() + b".mine")),
        "link a file outside into the folder": lambda: code_of(
            libc.link(TARGETS["secret"].encode(), str(FOLDER / "link").encode())),
        "change the mode of a file": lambda: code_of(libc.chmod(TARGETS["secret"].encode(), 0o777)),
        "list a folder outside": lambda: code_of(libc.open(b"/", os.O_RDONLY | os.O_DIRECTORY)),
        "start a program": execute,
        "start a process": fork,
        "start a process by clone": vfork_by_clone,
        "run the shell": lambda: "done" if libc.system(b"true") == 0 else "refused",
        "connect by TCP": lambda: connect(socket.AF_INET, inet),
        "connect to a unix socket": lambda: connect(socket.AF_UNIX, unix),
        "send a datagram": lambda: code_of(libc.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)),
        "open a raw socket": lambda: code_of(libc.socket(17, socket.SOCK_RAW, 0)),
        "signal the supervisor": lambda: code_of(libc.kill(os.getppid(), 0)),
        "signal every process": lambda: code_of(libc.kill(-1, 0)),
        "trace the supervisor": lambda: code_of(libc.ptrace(16, os.getppid(), 0, 0)),
        "mount": lambda: code_of(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
        "make a ring": lambda: code_of(libc.syscall(425, 8, ctypes.create_string_buffer(120))),
        "become another user": lambda: code_of(libc.setuid(1)),
        "raise the limits of the supervisor": lambda: code_of(
            libc.prlimit(os.getppid(), 7, None, ctypes.create_string_buffer(16))),
        "read a file in a new thread": lambda: in_thread(lambda: read(TARGETS["secret"])),
        "start a process in a new thread": lambda: in_thread(fork),
        # what it must be able to do
        "own: write in the folder": lambda: write(str(FOLDER / "own")),
        "own: read in the folder": lambda: read(str(FOLDER / "lock")),
        "own: remove in the folder": lambda: code_of(libc.unlink(str(FOLDER / "own").encode())),
        "own: start a thread": lambda: in_thread(lambda: "done"),
        "own: import": lambda: "done" if __import__("wave") else "",
    }
    found = {name: attempt() for name, attempt in attempts.items() if name in TARGETS.get("only", attempts)}
    found["environment"] = json.dumps(dict(os.environ))
    beside = FOLDER / "intrusion.new"
    beside.write_text(json.dumps(found))
    beside.rename(FOLDER / "intrusion.json")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, intrude)
    child.main()
