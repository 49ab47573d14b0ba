"""Replication: followers run the log of a leader and prove that they have the same.

    leader   engine -> log -> the bytes of its entries --------------> follower: engine, log, acknowledgement
             store  -> pages of one commit, when the log is too short -> follower: incoming/ -> heap/

Modules: `state` (what a folder knows of its role), `messages` (bytes), `link` (a socket), `snapshot` (the pages of a
commit, sent and received), `feed` (the leader's side of one follower), `feeds` (of all), `follower`, `herald` (tells an
old leader of the new one), `history` (what another history lacks), `divergence` and `inquiry` (what differs, and
where), `node` (all of it, as the reactor sees it), `install` (what a process does with the files before it opens them).
docs/replication.md draws the bytes and says what is promised.
"""

from __future__ import annotations

from .divergence import stop_at_start as stop_at_start
from .install import prepare as prepare
from .link import Target as Target
from .node import Node as Node
from .state import Role as Role
from .state import State as State
from .state import draw_cluster as draw_cluster
from .state import take_role as take_role

__all__ = ["Node", "Role", "State", "Target", "draw_cluster", "prepare", "stop_at_start", "take_role"]
