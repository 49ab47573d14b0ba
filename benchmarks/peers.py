"""The servers beside objserver and Redis: memcached, PostgreSQL, Tarantool and ZEO, started and spoken to for set-up.

    with postgresql(folder, durable=True) as server: ... server.address, server.run("CREATE TABLE ...") ...

Each is a real process on a free port of the loopback with a folder of its own, and keeps what it answers as objserver
does: synced before the reply where it is durable, not at all or unsynced where it isn't. What is measured goes through
the load generator, never through the methods here.

Promise: a server that is not installed raises `Missing`, which says how to get it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgpack

from benchmarks.harness import BenchmarkFailed, Missing
from benchmarks.servers import LOOPBACK, Server, listening

__all__ = ["Memcached", "Postgresql", "Tarantool", "Zeo", "memcached", "postgresql", "tarantool", "versions", "zeo"]

HOW_TO_GET_MEMCACHED: Final = "memcached is not installed; on Debian: apt install memcached"
HOW_TO_GET_POSTGRESQL: Final = "PostgreSQL is not installed; on Debian: apt install postgresql postgresql-plpython3"
HOW_TO_GET_TARANTOOL: Final = "tarantool is not installed; on Debian 12: apt install tarantool"
HOW_TO_GET_ZEO: Final = "ZEO is not installed; it is in the extra `bench`"

# More than the largest benchmark opens, and some for set-up.
CONNECTIONS_MAX: Final = 600
# Whom PostgreSQL runs as where we are root, which it refuses to be; the first that exists.
UNPRIVILEGED: Final = ("postgres", "nobody")
MEMORY_MB: Final = 1024
DEBIAN_POSTGRESQL: Final = Path("/usr/lib/postgresql")


class Memcached(Server):
    def fill(self, values: Mapping[str, str]) -> None:
        """Set each key to its text."""
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rwb") as stream:
            for key, value in values.items():
                data = value.encode()
                stream.write(b"set %b 0 0 %d\r\n%b\r\n" % (key.encode(), len(data), data))
                stream.flush()
                if (line := stream.readline()) != b"STORED\r\n":
                    raise BenchmarkFailed(f"memcached answered {line!r}")


class Postgresql(Server):
    def run(self, text: str) -> list[str]:
        """Run statements (psql's language); return the rows of text they give.

        Raises:
            BenchmarkFailed: one of them failed.
        """
        host, _, port = self.address.rpartition(":")
        words = [_postgresql_program("psql"), "-h", host, "-p", port, "-U", "postgres", "-XAtqv", "ON_ERROR_STOP=1"]
        done = subprocess.run(words, input=text, capture_output=True, text=True)
        if done.returncode:
            raise BenchmarkFailed(f"psql: {done.stderr.strip()[-2000:]}")
        return done.stdout.splitlines()


class Tarantool(Server):
    def run(self, text: str, *arguments: object) -> Any:
        """Run Lua with `...` as the arguments; return the list of what it returns.

        Raises:
            BenchmarkFailed: it raised an error.
        """
        host, _, port = self.address.rpartition(":")
        packed = msgpack.packb({0x00: 0x08, 0x01: 1}) + msgpack.packb({0x27: text, 0x21: arguments})
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rwb") as stream:
            stream.read(128)
            stream.write(msgpack.packb(len(packed)) + packed)
            stream.flush()
            unpacker = msgpack.Unpacker(strict_map_key=False)
            unpacker.feed(stream.read(int.from_bytes(stream.read(5)[1:], "big")))
            header, body = unpacker
        if header[0]:
            raise BenchmarkFailed(f"tarantool: {body[0x31]}")
        return body.get(0x30, [])


class Zeo(Server):
    pass


@contextmanager
def memcached(folder: Path) -> Iterator[Memcached]:
    """Run memcached, which keeps nothing.

    Raises:
        Missing: it is not installed.
    """
    program = shutil.which("memcached")
    if program is None:
        raise Missing(HOW_TO_GET_MEMCACHED)
    words = [program, "-l", LOOPBACK, "-m", str(MEMORY_MB), "-c", str(2 * CONNECTIONS_MAX), "-U", "0"]
    if os.getuid() == 0:
        words += ["-u", "nobody"]
    with listening(folder, lambda port: [*words, "-p", str(port)], None) as found:
        yield Memcached(*found)


@contextmanager
def postgresql(folder: Path, *, durable: bool) -> Iterator[Postgresql]:
    """Make a cluster in `folder` and serve it, as another user where we are root.

    Raises:
        Missing: it is not installed, or that user can't reach `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"cwd": folder}
    if os.getuid() == 0:
        owner = _unprivileged()
        for parent in folder.resolve().parents:
            if not parent.stat().st_mode & 0o001:
                raise Missing(f"PostgreSQL runs as {owner.pw_name} here, who can't enter {parent}; choose a --folder")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        options |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    folder.chmod(0o700)
    words = [_postgresql_program("initdb"), "-D", str(folder), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    done = subprocess.run([*words, "--locale=C", "--no-sync"], capture_output=True, text=True, **options)
    if done.returncode:
        raise BenchmarkFailed(f"initdb: {done.stderr.strip()[-2000:]}")
    switch = "on" if durable else "off"
    settings = {
        "max_connections": CONNECTIONS_MAX,
        "shared_buffers": f"{MEMORY_MB // 4}MB",
        "fsync": switch,
        "synchronous_commit": switch,
        "full_page_writes": switch,
        "log_checkpoints": "off",  # nobody reads the pipe once the server is ready
        "log_min_messages": "log",
        "unix_socket_directories": "",
    }
    words = [_postgresql_program("postgres"), "-D", str(folder), "-h", LOOPBACK]
    words += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    options["stderr"] = subprocess.STDOUT
    with listening(folder, lambda port: [*words, "-p", str(port)], "is ready to accept", **options) as found:
        yield Postgresql(*found)


@contextmanager
def tarantool(folder: Path, *, durable: bool) -> Iterator[Tarantool]:
    """Run Tarantool with its data in `folder`; any client may do anything.

    Raises:
        Missing: it is not installed.
    """
    program = shutil.which("tarantool")
    if program is None:
        raise Missing(HOW_TO_GET_TARANTOOL)
    script = folder.with_name(folder.name + ".lua")
    script.write_text(TARANTOOL_START)
    words = [program, str(script), str(folder), "fsync" if durable else "none", str(MEMORY_MB << 20)]
    with listening(folder, lambda port: [*words, f"{LOOPBACK}:{port}"], "ready") as found:
        yield Tarantool(*found)


TARANTOOL_START: Final = """
local folder, wal_mode, memory, address = ...
box.cfg{
    wal_dir = folder, memtx_dir = folder, vinyl_dir = folder, wal_mode = wal_mode, memtx_memory = tonumber(memory),
    listen = address, log_level = 2, checkpoint_interval = 0, net_msg_max = 20000, readahead = 1048576,
}
box.schema.user.grant('guest', 'super')
print('ready')
io.flush()
"""


@contextmanager
def zeo(folder: Path, *, durable: bool) -> Iterator[Zeo]:
    """Run ZEO's server: on a FileStorage, which syncs each transaction, or in memory.

    Raises:
        Missing: it is not installed.
    """
    if importlib.util.find_spec("ZEO") is None:
        raise Missing(HOW_TO_GET_ZEO)
    kept = f"<filestorage>\npath {folder}/data.fs\n</filestorage>"
    storage = kept if durable else "<mappingstorage>\n</mappingstorage>"

    def words(port: int) -> Sequence[str]:
        settings = folder.with_name(folder.name + ".conf")
        settings.write_text(f"<zeo>\naddress {LOOPBACK}:{port}\n</zeo>\n{storage}\n")
        return [sys.executable, "-m", "ZEO.runzeo", "-C", str(settings), "--pid-file", str(folder / "pid")]

    with listening(folder, words, None) as found:
        yield Zeo(*found)


def versions() -> dict[str, object]:
    """The version of each server beside objserver, by name; `Redis` is told by `machine_facts`."""
    found: dict[str, object] = {}
    for name, option in (("memcached", "-V"), ("postgres", "-V"), ("tarantool", "-v")):
        try:
            program = _postgresql_program(name) if name == "postgres" else shutil.which(name)
        except Missing:
            program = None
        told = subprocess.run([program, option], capture_output=True, text=True).stdout.split() if program else []
        found[name] = next((word for word in told if word[0].isdigit()), "not installed")
    found["ZEO"] = version("ZEO") if importlib.util.find_spec("ZEO") else "not installed"
    return found


def _postgresql_program(name: str) -> str:
    """The newest of Debian's, which are not on the path, or the one on the path."""
    folders = sorted(DEBIAN_POSTGRESQL.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))
    if found is None:
        raise Missing(HOW_TO_GET_POSTGRESQL)
    return found


def _unprivileged() -> pwd.struct_passwd:
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing(f"PostgreSQL can't run as root, and there is none of the users {', '.join(UNPRIVILEGED)}")
