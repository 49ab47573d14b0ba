"""Confinement: after its start the server gives up what it does not need, so that native code that a hole in the
language let in finds nothing to take.

    no_new_privs     no program gives rights
    capabilities     none, when started by root
    Landlock         files: the data folder; read alone: Python's own library; TCP: nothing
    seccomp          no program, no process, no new socket, no signal to others (seccomp.py)
    limits           no core dump; memory by the supervisor's word (lifecycle.py)
    environment      empty

It happens before the data are opened, while there is one thread, so that every later one inherits it. What is open
stays so: the listening sockets, standard output and error.

Promise: code of any kind in this process reads no other file, starts no program, connects to nobody, and the server
still works (tests/server/test_confine.py). Where the kernel lacks a part, `missing` says so.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import landlock, seccomp

__all__ = ["Confinement", "confine", "die_with"]

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIGKILL: Final = 9

_CAPABILITY_VERSION: Final = 0x20080522
_DAC_OVERRIDE: Final = 1 << 1
_CAPSET: Final = {"x86_64": 126, "aarch64": 91}


@dataclass(frozen=True)
class Confinement:
    """What holds, in a few words, and what does not, a line each."""

    holds: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join(self.holds) or "none"


def confine(folder: Path, *, connect_ports: Sequence[int] = ()) -> Confinement:
    """Give up everything but `folder`, which exists, for good. One thread must run.

    Args:
        connect_ports: TCP ports that may still be connected to: a leader's.
    """
    holds, missing = [], []
    os.environ.clear()
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1):
        holds.append("no_new_privs")
    else:
        missing.append("this kernel has no no_new_privs, so the server is not confined at all; see --no-confine")
        return Confinement((), tuple(missing))
    if os.geteuid() == 0 and _drop_capabilities(folder):
        holds.append("no capabilities")
    try:
        # A part of the folder may be a link to another disk.
        parts = {path.resolve() for path in (folder, *folder.iterdir()) if path.is_dir()}
        spoken = landlock.restrict(parts, python_paths(), connect_ports)
    except OSError as error:
        spoken = 0
        missing.append(f"Landlock was refused: {error.strerror}")
    if spoken:
        holds.append(f"landlock {spoken}")
    else:
        missing.append("no Landlock in this kernel: the server can reach files outside the data folder")
    if seccomp.install(connect=bool(connect_ports)):
        holds.append("seccomp")
    else:
        missing.append(f"no seccomp filter on this kernel ({platform.machine()}): the server can start programs")
    return Confinement(tuple(holds), tuple(missing))


def die_with(parent: int) -> None:
    """Be killed when the process `parent` ends, however that ends."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:  # it has ended already
        os._exit(1)


def python_paths() -> set[Path]:
    """Where the code of this program lies: modules are imported, and their source is shown, when it is needed."""
    names: set[str | None] = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    names.add(sysconfig.get_config_var("DESTSHARED"))
    for name, module in list(sys.modules.items()):
        if "." not in name:
            names.update(getattr(module, "__path__", None) or [getattr(module, "__file__", None)])
    return _existing(names)


def _existing(names: Iterable[str | None]) -> set[Path]:
    found = {Path(name).resolve() for name in names if name and os.path.isabs(name) and os.path.exists(name)}
    return {path for path in found if found.isdisjoint(path.parents)}


def _drop_capabilities(folder: Path) -> bool:
    """Give up root's rights. In a folder of somebody else's, the one to write there is kept."""
    number = _CAPSET.get(platform.machine())
    if number is None:
        return False
    kept = 0 if folder.stat().st_uid == 0 else _DAC_OVERRIDE
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    data = struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    result: int = ctypes.CDLL(None).syscall(ctypes.c_long(number), header, data)
    return result == 0


def _prctl(option: int, value: int) -> bool:
    result: int = ctypes.CDLL(None).prctl(ctypes.c_int(option), *(ctypes.c_ulong(it) for it in (value, 0, 0, 0)))
    return result == 0
