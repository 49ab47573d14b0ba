"""`promote` and `resync`: what an operator tells one node of several."""

from __future__ import annotations

import click

from objserver.cli.connection import connected, fail, json_option, server_option
from objserver.cli.show import print_json


@click.command()
@json_option
@server_option
def promote(as_json: bool, server: str) -> None:
    """Make a follower the leader.

    The node at --server opens a new term and takes changes from then on. Entries of the old term are refused
    everywhere, and the old leader, when it comes back, becomes a follower of this node. What it had and this node
    lacks is no part of the new term: the old leader keeps it in a file, lost/ in its data folder. So promote the
    follower that has most: `objserver stats` of each shows its seq.

    \b
    Examples:
      objserver promote --server 127.0.0.1:7708
    """
    _one_node(server)
    with connected(server) as client:
        found = client.promote()
    if as_json:
        print_json(found)
    else:
        click.echo(f"{server} leads term {found['term']} from entry {found['seq']} on")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@server_option
def resync(yes: bool, as_json: bool, server: str) -> None:
    """Throw away what a follower has and take its leader's data again.

    For a follower that has diverged, or whose log no leader continues. It serves nobody until it has everything;
    `objserver stats` shows how far it is. The leader goes on serving.

    \b
    Examples:
      objserver resync --server 127.0.0.1:7708
      objserver resync --server 127.0.0.1:7708 --yes
    """
    _one_node(server)
    with connected(server) as client:
        node = client.hello()
        if node.get("role") != "follower":
            fail(f"{server} is a leader and nobody has its data for it; nothing was changed")
        leader = node["leader"] or "its leader, which it has not reached yet"
        question = f"Throw away the data of {server} and take those of {leader}?"
        if not yes and not click.confirm(question, err=True):
            fail("nothing was changed")
        client.resync()
    if as_json:
        print_json({"leader": node["leader"]})
    else:
        click.echo(f"{server} takes the data of {leader}")


def _one_node(server: str) -> None:
    if "," in server:
        raise click.BadParameter("this is for one node; name that one alone", param_hint="--server")
