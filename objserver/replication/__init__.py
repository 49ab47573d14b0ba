"""Replication: followers run the log of a leader and prove that they have the same.

    leader   engine -> log -> the bytes of its entries --------------> follower: engine, log, acknowledgement
             store  -> pages of one commit, when the log is too short -> follower: incoming/ -> heap/

Modules: `state` (what a folder knows of its role), `snapshot` (the pages of a commit, sent and received; sans-IO),
`install` (what a process does with the files before it opens them).
"""

from __future__ import annotations

from .state import Role as Role
from .state import State as State
from .state import draw_cluster as draw_cluster

__all__ = ["Role", "State", "draw_cluster"]
