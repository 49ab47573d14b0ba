"""Landlock: the kernel lets this process reach some folders and no others, from now on and for good.

Asked by number, because neither libc nor Python has names for it. Rights that the running kernel does not know are left
out, so an older one restricts less: `restrict` returns which version it speaks.
Source: Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h of Linux 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

__all__ = ["restrict", "version"]

# The same on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION: Final = 1
_RULE_PATH, _RULE_PORT = 1, 2

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_FILE, _REFER, _TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REFER | _TRUNCATE
_OF_FILES: Final = _READ_FILE | _WRITE_FILE | _TRUNCATE
# How many rights of files each version knows, from 1 on; the last ones are of version 5: REFER, TRUNCATE, IOCTL_DEV.
_RIGHTS_COUNT: Final = (13, 14, 15, 15, 16)
# From version 4 on: bind and connect a TCP socket. From 6 on: abstract unix sockets and signals to others.
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPES: Final = 1 | 2

_libc: Final = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock that the kernel speaks, 0 when it has none or does not allow it."""
    try:
        return _call(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES):
            return 0
        raise


def restrict(writable: Iterable[Path], readable: Iterable[Path], connect_ports: Sequence[int]) -> int:
    """Allow this thread, and those it starts, these folders and files and these TCP ports, and nothing else.

    What is open already stays open. `no_new_privs` must be set.
    Returns: the version, 0 when nothing is restricted.
    Raises:
        OSError: a folder is not there, or the kernel refuses.
    """
    spoken = version()
    if not spoken:
        return 0
    handled = (1 << _RIGHTS_COUNT[min(spoken, len(_RIGHTS_COUNT)) - 1]) - 1
    network = _BIND_TCP | _CONNECT_TCP if spoken >= 4 else 0
    attributes = struct.pack("=QQQ", handled, network, _SCOPES if spoken >= 6 else 0)
    size = 24 if spoken >= 6 else 16 if spoken >= 4 else 8
    ruleset = _call(_CREATE_RULESET, attributes, size, 0)
    try:
        for paths, rights in ((writable, _WRITE), (readable, _READ)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        for port in connect_ports if network else ():
            _call(_ADD_RULE, ruleset, _RULE_PORT, struct.pack("=QQ", _CONNECT_TCP, port), 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return spoken


def _allow(ruleset: int, path: Path, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        _call(_ADD_RULE, ruleset, _RULE_PATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


def _call(number: int, *arguments: int | bytes | None) -> int:
    wide = [ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value) for value in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
