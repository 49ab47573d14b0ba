"""Listeners: from addresses as people write them to sockets that accept.

    "127.0.0.1:7707"   "[::1]:7707"   "localhost:7707"   "unix:/run/objserver.sock"
          |
       resolve ------> Address          nothing is opened; what may not be served is refused here
          |
       open_listeners -> Listener       bound, listening, non-blocking; all of them or none

Whoever reaches a listener may run code, so while there are no principals only the loopback interface and
unix sockets are served.

Promise: a path or port that another server uses is left alone, and a socket file left by a dead server is
replaced (tests/server/test_listeners.py).
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from objserver.errors import ListenFailed
from objserver.limits import BACKLOG_COUNT_MAX

__all__ = ["Address", "Listener", "advertised", "open_listeners", "resolve", "resolve_targets"]

UNIX = "unix:"

# A name such as localhost may stand for families that this machine does not have.
FAMILY_IS_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


class Address(NamedTuple):
    """Where to listen: `targets` are the socket addresses that `text` stands for."""

    text: str
    targets: tuple[tuple[socket.AddressFamily, str, int], ...]


class Listener:
    """A socket that accepts, and the name under which clients reach it."""

    def __init__(self, sock: socket.socket, *, owned: bool = True) -> None:
        """
        Args:
            owned: the file of a unix socket is removed with it; a server leaves that to its supervisor.
        """
        self.sock = sock
        self.path: str | None = None
        name = sock.getsockname()
        if sock.family is socket.AF_UNIX:
            self.name = UNIX + name
            if not owned:
                return
            self.path = name
            self._identity = _identity(name)
        else:
            host, port = name[:2]
            self.name = f"[{host}]:{port}" if sock.family is socket.AF_INET6 else f"{host}:{port}"

    def close(self) -> None:
        """Stop listening. The file of a unix socket is removed, unless it is another server's by now."""
        self.sock.close()
        if self.path is not None and _identity(self.path) == self._identity:
            os.unlink(self.path)


def resolve(text: str) -> Address:
    """Read one address and look its host up.

    Raises:
        ListenFailed: it is no address, its host is unknown, or it can be reached from other machines.
    """
    if text.startswith(UNIX):
        path = text.removeprefix(UNIX)
        if not path:
            raise ListenFailed(f"{text!r} names no path; write unix:/path/to/socket")
        return Address(text, ((socket.AF_UNIX, path, 0),))
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not host or not (port.isascii() and port.isdigit()) or (":" in host and not bracketed):
        raise ListenFailed(f"{text!r} is no address; write HOST:PORT, [IPV6]:PORT or unix:/path")
    if int(port) > 65535:
        raise ListenFailed(f"{text!r}: ports end at 65535")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ListenFailed(f"{text!r}: host {host!r} is unknown ({error})") from error
    targets = tuple(dict.fromkeys((family, str(where[0]), int(port)) for family, _, _, _, where in found))
    for _, number, _ in targets:
        if not ipaddress.ip_address(number).is_loopback:
            raise ListenFailed(
                f"{text!r} can be reached from other machines, and without principals whoever reaches the server"
                " may run code; listen on 127.0.0.1, [::1] or unix:/path"
            )
    return Address(text, targets)


def resolve_targets(addresses: Iterable[str]) -> list[tuple[str, socket.AddressFamily, tuple[str, int]]]:
    """Return where these addresses, HOST:PORT or [IPV6]:PORT, lead to; those of one host one after the other.

    Raises:
        ListenFailed: one is no address, its host is unknown, or not on this machine.
    """
    targets: dict[tuple[str, socket.AddressFamily, tuple[str, int]], None] = {}
    for text in addresses:
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        host = host[1:-1] if bracketed else host
        if not colon or not host or not (port.isascii() and port.isdigit()) or (":" in host and not bracketed):
            raise ListenFailed(f"{text!r} can't be followed; write HOST:PORT or [IPV6]:PORT of a leader")
        if not 0 < int(port) < 65536:
            raise ListenFailed(f"{text!r}: ports are from 1 to 65535")
        try:
            found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ListenFailed(f"{text!r}: host {host!r} is unknown ({error})") from error
        for family, _, _, _, where in found:
            number = str(where[0])
            if not ipaddress.ip_address(number).is_loopback:
                raise ListenFailed(
                    f"{text!r} is on another machine, and without principals nodes trust whoever answers; "
                    "follow a node on 127.0.0.1 or [::1]"
                )
            targets[text, family, (number, int(port))] = None
    return list(targets)


def open_listeners(addresses: Sequence[Address]) -> list[Listener]:
    """Listen on every address, or on none.

    Raises:
        ListenFailed: an address is in use or can't be listened on; those opened before it are closed again.
    """
    opened: list[Listener] = []
    try:
        for address in addresses:
            absent = None
            count = len(opened)
            for family, host, port in address.targets:
                try:
                    opened.append(_listen(family, host, port))
                except OSError as error:
                    if error.errno not in FAMILY_IS_ABSENT:
                        raise ListenFailed(_why(address.text, error)) from error
                    absent = error
            if absent is not None and len(opened) == count:
                raise ListenFailed(_why(address.text, absent)) from absent
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def advertised(names: Iterable[str]) -> str | None:
    """Return the name under which other nodes find whoever listens so: the first that is no unix socket."""
    return next((name for name in names if not name.startswith(UNIX)), None)


def _listen(family: socket.AddressFamily, host: str, port: int) -> Listener:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family is socket.AF_UNIX:
            _remove_stale(host)
            sock.bind(host)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, port))
        sock.listen(BACKLOG_COUNT_MAX)
        sock.setblocking(False)
        return Listener(sock)
    except BaseException:
        sock.close()
        raise


def _why(text: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{text} is in use by another process; stop it or listen elsewhere (--listen)"
    return f"can't listen on {text}: {error.strerror or error}"


def _remove_stale(path: str) -> None:
    """Make room for a socket at `path`: remove the file of a server that is gone, and nothing else."""
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenFailed(f"unix:{path}: a file that is no socket is there; remove it or listen elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A server too busy to accept makes a non-blocking connect fail with EAGAIN: it is alive all the same.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_dev, found.st_ino
