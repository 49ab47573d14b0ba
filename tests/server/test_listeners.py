"""Addresses and listeners: what is refused, what is replaced, what is left alone."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from objserver.errors import ListenFailed
from objserver.server.listeners import open_listeners, resolve


@pytest.mark.parametrize(
    "text",
    ["", "7707", ":7707", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "::1:7707", "[::1]", "unix:"],
)
def test_text_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ListenFailed, match=r"write (HOST:PORT|unix:/path)"):
        resolve(text)


def test_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(ListenFailed, match="65535"):
        resolve("127.0.0.1:65536")


@pytest.mark.parametrize("text", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0"])
def test_address_that_other_machines_reach_is_refused(text: str) -> None:
    with pytest.raises(ListenFailed, match="without principals"):
        resolve(text)


def test_host_nobody_knows_is_refused() -> None:
    with pytest.raises(ListenFailed, match="unknown"):
        resolve("nobody.invalid:0")


def test_port_zero_becomes_a_real_port() -> None:
    [listener] = open_listeners([resolve("127.0.0.1:0")])
    host, port = listener.name.split(":")
    assert (host, int(port)) == listener.sock.getsockname()
    assert int(port) > 0
    listener.close()


def test_name_is_served_on_the_families_the_machine_has() -> None:
    listeners = open_listeners([resolve("localhost:0")])
    for listener in listeners:
        with socket.create_connection(listener.sock.getsockname()[:2]):
            pass
        listener.close()


def test_port_in_use_is_refused_and_the_other_addresses_are_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    [holder] = open_listeners([resolve("127.0.0.1:0")])
    with pytest.raises(ListenFailed, match=f"{holder.name} is in use"):
        open_listeners([resolve(f"unix:{path}"), resolve(holder.name)])
    assert not path.exists()
    holder.close()


def test_socket_file_is_removed_when_its_listener_closes(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    [listener] = open_listeners([resolve(f"unix:{path}")])
    assert listener.name == f"unix:{path}"
    assert path.is_socket()
    listener.close()
    assert not path.exists()


def test_socket_file_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    [listener] = open_listeners([resolve(f"unix:{path}")])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listener.close()


def test_socket_file_of_a_living_server_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    [living] = open_listeners([resolve(f"unix:{path}")])
    with pytest.raises(ListenFailed, match="in use"):
        open_listeners([resolve(f"unix:{path}")])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    living.close()


def test_socket_file_of_a_busy_server_is_left_alone(tmp_path: Path) -> None:
    """A server that has not accepted for a while lets connecting wait; it is alive all the same."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        waiting = []
        with pytest.raises(BlockingIOError):
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(path))
        with pytest.raises(ListenFailed, match="in use"):
            open_listeners([resolve(f"unix:{path}")])
        for sock in waiting:
            sock.close()
    assert path.is_socket()


def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(ListenFailed, match="no socket"):
        open_listeners([resolve(f"unix:{path}")])
    assert path.read_text() == "mine"


def test_socket_file_that_became_another_servers_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    [first] = open_listeners([resolve(f"unix:{path}")])
    os.unlink(path)
    [second] = open_listeners([resolve(f"unix:{path}")])
    first.close()
    assert path.is_socket()
    second.close()


def test_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListenFailed, match="can't listen on"):
        open_listeners([resolve(f"unix:{tmp_path / ('x' * 200)}")])
