"""Verify a data folder: the log, the checkpoint, and that they belong together. `objserver verify` prints it.

    lock      whether a server runs: then the log grows meanwhile, and its last entry may be half written
    heap/     mark: head of the log at the CHECKPOINT entry, next oid --> heap/verify.py looks at every record
    log/      log/verify.py looks at every byte; here: what the entries say to one another and to the mark

The checkpoint is read in one snapshot, opened before the log is looked at: a log is never trimmed beyond the last
checkpoint. That replaying the log gives the results it has is for opening to prove.

Promise: changes nothing, takes no lock, needs no server and disturbs none (tests/engine/test_verify.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import BadEntry, DataDamaged, MachineError
from ..findings import REPORT, Findings
from ..heap.records import ROOT_OID
from ..heap.verify import HeapCheck
from ..log.chain import Head
from ..log.entry import Entry
from ..log.recovery import Findings as LogFindings
from ..log.verify import entries, look
from ..store import Snapshot
from .entries import BATCH, CHECKPOINT, DIGEST, TERM, code_digest, unpack_batch, unpack_digest, unpack_term
from .lock import is_locked
from .mark import Mark

__all__ = ["Report", "verify"]

# A checkpoint may end, and the log be trimmed to it, between the two looks.
_TRY_COUNT: Final = 5


@dataclass
class Report:
    """What was found: `findings`, and figures for people. A folder without findings is sound."""

    running: bool
    findings: Findings = field(default_factory=Findings)
    notes: list[str] = field(default_factory=list)
    seq: int = 0  # of the checkpoint
    log: dict[str, int] = field(default_factory=dict)
    heap: dict[str, Any] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not self.findings.count


def verify(folder: Path, *, progress: Callable[[int, int], None] = lambda done, count: None) -> Report:
    """Look at every byte that the folder keeps.

    Args:
        progress: called with how many records were looked at, and of how many; each is looked at twice.
    Raises:
        RuntimeMismatch: another version wrote it.
        StorageFailed: the disk can't be read.
    """
    report = Report(is_locked(folder))
    for remaining in reversed(range(_TRY_COUNT)):
        report.findings, report.notes = Findings(), []
        store = _open(folder, report)
        try:
            mark = _mark(store, report)
            if not _check_log(folder, mark, report) and remaining and report.running:
                continue
            if store is not None:
                next_oid = ROOT_OID + 1 if mark is None else mark.next_oid
                check = HeapCheck(store, next_oid=next_oid, findings=report.findings, progress=progress)
                try:
                    check.run()
                except DataDamaged as error:
                    report.findings.add(store.path, _without_path(error, store.path))
                report.heap = check.figures
            return report
        finally:
            if store is not None:
                store.close()
    raise AssertionError("the last try ends it")


def _open(folder: Path, report: Report) -> Snapshot | None:
    path = folder / "heap"
    if not path.exists() and not (folder / "log").exists():
        report.findings.add(folder, "is no data folder: it has no heap/ and no log/", "name the folder that is served")
        return None
    try:
        return Snapshot(path)
    except DataDamaged as error:
        report.findings.add(path / "data.mdb", _without_path(error, path / "data.mdb"))
        return None


def _without_path(error: Exception, path: Path) -> str:
    """Return what an error says, without the file that a finding names, nor what to do."""
    text = str(error).removeprefix(str(path)).lstrip(": ")
    return text.removesuffix("; restore it from a backup")


def _mark(store: Snapshot | None, report: Report) -> Mark | None:
    if store is None or store.checkpoint_mark is None:
        return None
    try:
        mark = Mark.unpack(store.checkpoint_mark)
    except ValueError:
        where = f"{store.path}: the mark of the checkpoint"
        report.findings.add(where, f"is none: {store.checkpoint_mark!r:.100}", REPORT)
        return None
    report.seq = mark.seq
    return mark


# --- the log --------------------------------------------------------------------------------------------------------


def _check_log(folder: Path, mark: Mark | None, report: Report) -> bool:
    """Check the log and that the checkpoint belongs to it. Returns False when the server has trimmed it meanwhile."""
    path = folder / "log"
    findings = report.findings
    if not path.is_dir():
        if mark is not None:
            findings.add(path, "is missing")
        return True
    try:
        found = look(path, running=report.running)
    except DataDamaged as error:
        where, _, what = str(error).partition(": ")
        what, _, _ = what.rpartition("; ")
        findings.add(where, what)
        return True
    first_seq = found.segments[0].first if found.segments else found.head.seq + 1
    report.log = {"first_seq": first_seq, "last_seq": found.head.seq, "segments": len(found.segments)}
    if found.cut is not None and not report.running:
        report.notes.append(
            f"{found.segments[-1].path}: offset {found.cut.offset}: entry {found.cut.seq} is not whole; nothing says "
            "that it was ever on disk, so opening the folder sets it aside"
        )
    if mark is not None and found.head.seq < mark.seq:
        findings.add(path, f"ends with entry {found.head.seq}, but the checkpoint holds all up to entry {mark.seq}")
        return True
    if first_seq > (mark.seq if mark is not None else 0) + 1:
        if report.running:
            return False
        upto = f"ends with entry {mark.seq}" if mark is not None else "holds nothing"
        findings.add(path, f"begins with entry {first_seq}, but the checkpoint {upto}")
    try:
        _LogCheck(folder, mark, found, findings).run()
    except BadEntry as error:
        findings.add(path, str(error))
    except MachineError:
        if not report.running:
            raise
        return False
    return True


class _LogCheck:
    """What the entries of a log say to one another, and to the mark of the checkpoint."""

    def __init__(self, folder: Path, mark: Mark | None, found: LogFindings, findings: Findings) -> None:
        self._path = folder / "log"
        self._mark = mark
        self._found = found
        self._findings = findings
        self._checkpoints: dict[int, bool] = {}  # seq -> whether its DIGEST was met
        self._texts: set[bytes] = set()
        self._all_texts = False  # whether a CHECKPOINT was met, after which texts stand before they are needed

    def run(self) -> None:
        """Raises BadEntry, StorageFailed: the files are not what they were before."""
        segments, mark = self._found.segments, self._mark
        if mark is not None and segments and mark.seq == segments[0].before.seq:
            self._check_mark(segments[0].before, None)
        self._all_texts = not segments or segments[0].first == 1
        for entry in entries(self._found):
            if mark is not None and entry.seq == mark.seq:
                self._check_mark(Head(entry.seq, entry.term, entry.digest, entry.time_ns), entry.kind)
            try:
                self._check_entry(entry)
            except (ValueError, TypeError, IndexError) as error:
                self._add(entry, f"does not decode: {error}")

    def _check_mark(self, head: Head, kind: int | None) -> None:
        assert self._mark is not None
        where = f"{self._path.parent / 'heap' / 'data.mdb'}: the mark of the checkpoint"
        if self._mark.head != head:
            self._findings.add(
                where,
                f"names entry {head.seq} of term {self._mark.head.term} with digest {self._mark.head.digest.hex()}; "
                f"the log has it of term {head.term} with {head.digest.hex()}",
                "restore log and heap from one backup",
            )
        elif kind not in (None, CHECKPOINT):
            self._findings.add(where, f"names entry {head.seq}, which begins no checkpoint", REPORT)

    def _check_entry(self, entry: Entry) -> None:
        if entry.kind == BATCH:
            items, texts = unpack_batch(entry.payload)
            for digest, text in texts.items():
                if code_digest(text) != digest:
                    self._add(entry, f"has a text under digest {digest.hex()}, which is not its own")
            self._texts.update(texts)
            missing = [item.code for item in items if item.code not in self._texts] if self._all_texts else ()
            for code in missing:
                self._add(entry, f"runs code {code.hex()}, whose text does not stand before it")
        elif entry.kind == CHECKPOINT:
            self._checkpoints = {entry.seq: False}  # one that was interrupted gets no DIGEST any more
            self._texts.clear()
            self._all_texts = True
        elif entry.kind == DIGEST:
            seq, digest = unpack_digest(entry.payload)
            first_seq = self._found.segments[0].first
            if type(digest) is not bytes or len(digest) != 16:
                self._add(entry, f"has a digest that is none: {digest!r:.60}")
            if seq >= first_seq and self._checkpoints.get(seq) is not False:
                self._add(entry, f"has the digest of checkpoint {seq}, which is not the one that waits for it")
            self._checkpoints[seq] = True
        elif entry.kind == TERM:
            unpack_term(entry.payload)
        else:
            self._add(entry, f"is of kind {entry.kind}, which this version does not know")

    def _add(self, entry: Entry, what: str) -> None:
        self._findings.add(f"{self._path}: entry {entry.seq}", what, REPORT)


