"""promote, resync and stats with a leader and its follower, each a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from objserver.cli import main

from .conftest import Result, Server


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """A leader and a follower that has what the leader acknowledges."""
    leader = Server(tmp_path / "leader", options=["--sync-replicas", "1"])
    leader.start()
    follower = Server(tmp_path / "follower", options=["--follow", leader.address])
    try:
        follower.start()
        follower.wait_joined()
        assert command("eval", "users = ['bob']", "--server", leader.address) == (0, "", "")
        yield leader, follower
    finally:
        follower.kill()
        leader.kill()


def command(*arguments: str, input: str = "") -> Result:
    result = CliRunner().invoke(main, [*arguments], input=input, env={"OBJSERVER": "127.0.0.1:1"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


def test_commands_find_the_leader_among_several_addresses(nodes: tuple[Server, Server]) -> None:
    leader, follower = nodes
    both = f"{follower.address},{leader.address}"
    assert command("eval", "users.append('al')", "--server", both) == (0, "", "")
    assert command("eval", "users.append('eve')", "--server", follower.address) == (0, "", "")
    assert command("query", "users", "--server", both).stdout == "['bob', 'al', 'eve']\n"
    assert json.loads(command("stats", "--json", "--server", both).stdout)["replication"]["role"] == "leader"


def test_stats_show_the_lag_of_both_sides(nodes: tuple[Server, Server]) -> None:
    leader, follower = nodes
    shown = command("stats", "--server", leader.address)
    assert shown.returncode == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["role", "leader"] in lines
    assert ["follower", "state", "seq", "lag", "entries", "bytes", "seconds"] in lines
    (row,) = [line for line in lines if line[:1] == [follower.address]]
    assert row[1] == "following"
    lines = [line.split() for line in command("stats", "--server", follower.address).stdout.splitlines()]
    assert ["role", "follower"] in lines
    assert ["leader", leader.address] in lines
    assert ["lag_entries", "0"] in lines


def test_promote_makes_a_follower_the_leader(nodes: tuple[Server, Server]) -> None:
    leader, follower = nodes
    leader.kill()
    promoted = command("promote", "--server", follower.address)
    assert (promoted.returncode, promoted.stderr) == (0, "")
    assert promoted.stdout.startswith(f"{follower.address} leads term 2 from entry ")
    assert command("eval", "users.append('al'); users", "--server", follower.address).stdout == "['bob', 'al']\n"
    again = command("promote", "--json", "--server", follower.address)
    assert again.returncode == 1
    assert "this is the leader already" in again.stderr


def test_promote_tells_programs_the_term(nodes: tuple[Server, Server]) -> None:
    _, follower = nodes
    told = json.loads(command("promote", "--json", "--server", follower.address).stdout)
    assert told["term"] == 2
    assert told["seq"] > 1


def test_resync_asks_first(nodes: tuple[Server, Server]) -> None:
    leader, follower = nodes
    refused = command("resync", "--server", follower.address, input="n\n")
    assert refused.returncode == 1
    assert f"Throw away the data of {follower.address} and take those of {leader.address}?" in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert json.loads(command("stats", "--json", "--server", follower.address).stdout)["restarts"] == 0


def test_resync_takes_the_data_of_the_leader_again(nodes: tuple[Server, Server]) -> None:
    leader, follower = nodes
    done = command("resync", "--yes", "--server", follower.address)
    assert done == (0, f"{follower.address} takes the data of {leader.address}\n", "")
    # Acknowledged when the follower has it, and so all before it.
    assert command("eval", "users.append('al')", "--server", leader.address) == (0, "", "")
    assert command("query", "users", "--server", follower.address) == (0, "['bob', 'al']\n", "")


def test_resync_is_for_followers(nodes: tuple[Server, Server]) -> None:
    leader, _ = nodes
    refused = command("resync", "--yes", "--server", leader.address)
    assert refused.returncode == 1
    assert "is a leader and nobody has its data for it; nothing was changed" in refused.stderr


@pytest.mark.parametrize("name", ["promote", "resync"])
def test_command_for_one_node_takes_one_address(name: str) -> None:
    result = command(name, "--server", "127.0.0.1:1,127.0.0.1:2")
    assert result.returncode == 2
    assert "this is for one node; name that one alone" in result.stderr
