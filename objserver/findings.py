"""Findings: what `objserver verify` says of a data folder, from whichever layer looks at its part of it.

    log, heap -> [Findings.add] -> engine/verify.py -> the command line, a line each

A finding is no error: nothing stops at one, and the rest of the folder is looked at too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["REPORT", "RESTORE", "Finding", "Findings"]

RESTORE: Final = "restore the folder from a backup or a replica"
# What nothing but a fault of ours explains: a checksum says that it was written so.
REPORT: Final = "keep a copy of the folder and report this; a backup may have it right"

# Of a folder full of damage the first ones tell as much as all.
FINDINGS_COUNT_MAX: Final = 1_000


class Finding(NamedTuple):
    where: str  # file, and what of it
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class Findings:
    """Findings in the order they were made.

    Attributes:
        kept: the first FINDINGS_COUNT_MAX.
        count: of all.
    """

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.count = 0

    def add(self, where: object, what: str, remedy: str = RESTORE) -> None:
        self.count += 1
        if len(self.kept) < FINDINGS_COUNT_MAX:
            self.kept.append(Finding(str(where), what, remedy))
