"""How a command reaches the server, and how an error becomes an exit status.

    --server or OBJSERVER -> [connected] -> Client -> the command's own work
                                 |
                                 errors: a line or a remote traceback on standard error, status 1
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from objserver.cli.show import print_foreign
from objserver.errors import ObjserverError

if TYPE_CHECKING:
    from objserver.client import Client

DEFAULT_SERVER: Final = "127.0.0.1:7707"

# To reach the server, at first and again after the connection broke. A server that is not there refuses at once; one
# that restarts needs about a second, and somebody is waiting.
CONNECT_SECONDS_MAX: Final = 3

STATUS_FAILED: Final = 1


def server_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--server` to a command; the function gets it as `server`."""
    return click.option(
        "--server",
        metavar="ADDRESS[,ADDRESS]...",
        envvar="OBJSERVER",
        show_envvar=True,
        default=DEFAULT_SERVER,
        show_default=True,
        help="HOST:PORT or unix:/path of the server; of several nodes the one that leads is found.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json` to a command; the function gets it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


@contextmanager
def connected(server: str) -> Iterator[Client]:
    """Connect, give the client to the block, and end the process with status 1 for what the client raises in it.

    What snippets print goes to standard error.
    """
    try:
        with open_client(server) as client:
            yield client
    except ObjserverError as error:
        print_error(error)
        sys.exit(STATUS_FAILED)


def open_client(server: str) -> Client:
    """Connect or end the process: status 2 for an address that is none, 1 when nobody answers there."""
    from objserver.client import connect

    try:
        return connect(server, timeout=CONNECT_SECONDS_MAX, on_output=print_foreign)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--server") from None
    except OSError as error:
        start = "objserver serve --data DIR"
        fail(f"no server answers at {server} ({error}); start one with: {start}")


def print_error(error: BaseException) -> None:
    """Print an error of the client to standard error: the remote traceback when there is one."""
    print_foreign(getattr(error, "traceback", None) or f"{error}")


def fail(message: str) -> NoReturn:
    """Print one line to standard error and end the process with status 1."""
    print_foreign(f"objserver: {message}")
    sys.exit(STATUS_FAILED)
