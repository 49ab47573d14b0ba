"""The engine: a deterministic state machine over an ordered log.

    open     LMDB as of its checkpoint --> replay of the entries after it, each result checked
    run      snippets, one after the other --> one entry --> sync --> outcomes
    apply    entries of a leader's log --> each run again and checked --> the own log
    tend     a slice of a checkpoint, or of eviction

The log is the database, LMDB its checkpoint (docs/architecture.md). A checkpoint begins with a CHECKPOINT entry,
which says "what changed before me", and a DIGEST entry says later what was written for it, so that whoever replays
the log can prove that it has the same. Recovery takes the same steps at the same entries as the node that wrote them.

Promise: what `run` returned is durable (durability "always") and complete; after a MachineError nothing more is run,
and the next `open` finds all that was acknowledged and nothing that was rolled back. Synchronous, one thread at a
time; reads no clock: the caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..errors import BadRequest, DataDamaged, Diverged, MachineError, ObjserverError, RuntimeMismatch, StorageFailed
from ..limits import BATCH_OUTPUT_SIZE_MAX, BATCH_SIZE_MAX
from ..log import DiskLog, Entry, Head, Log, check_follows, decode_entry, open_log
from ..store import Pinned, Store
from .checkpoint import SLICE_COUNT, SLICE_COUNT_LONG, Checkpoint
from .divergence import Divergence, Snippet, Written
from .entries import (
    BATCH,
    CHECKPOINT,
    DIGEST,
    TERM,
    describe_entry,
    make_packer,
    pack_batch,
    pack_digest,
    pack_term,
    unpack_batch,
    unpack_digest,
    unpack_term,
)
from .lock import FolderLock
from .mark import Mark
from .requests import Codec, Fault, Options, Outcome, Request
from .runner import Runner
from .runtime import RUNTIME

__all__ = ["Engine"]

# The term of a log's first entries.
FIRST_TERM: Final = 1

# A checkpoint begins when a replay of the log since the last one would take so long: a server that dies is soon back.
RUN_NS_MAX: Final = 3_000_000_000

_CHANGED_WEIGHT_LEAST: Final = 10_000

# Snippets of a batch for each of which a checkpoint writes one object more, lest long batches leave it no time: some
# tenth of what they take.
SNIPPETS_OF_RECORD: Final = 4

# Bytes of what is logged up to which a batch is packed with the packer that is kept.
_PACKED_SIZE: Final = 64 * 1024

# Objects looked at in one slice of eviction.
EVICT_COUNT: Final = 1_000


# What one look at the log may read: it holds up everybody.
ENTRIES_SIZE_MAX: Final = 1024 * 1024


class Engine:
    """A heap, its log and its checkpoints, in one data folder.

        folder/lock      held while the engine is open
        folder/log/      the log (docs/log-format.md)
        folder/heap/     the checkpoint (objserver/store/environment.py)

    Attributes:
        seq: position of the last entry.
        term: of the leader that the log follows, or is.
        leader: the address under which the leader of this term was promoted; None for the first one.
        following: this is a replica: changes are refused, and checkpoints begin and end at the leader's entries.
        committed_seq: the entry up to which the records that are read hold everything.
        written: what the last checkpoint wrote; None when nobody followed, and this node did not.
        appended: called with the seq and the bytes of each entry that the log has taken, before it is synced.
        notes: what opening found worth telling, a line each.
    """

    def __init__(
        self, folder: Path, *, codec: Codec, time_ns: int, options: Options, lock: FolderLock | None = None
    ) -> None:
        self.folder = folder
        self.options = options
        self.notes: list[str] = []
        self.seq = 0
        self.term = FIRST_TERM
        self.leader: str | None = None
        self.following = False
        self.appended: Callable[[int, bytes], object] | None = None
        self.written: Written | None = None
        self._time_ns = time_ns
        self._error: BaseException | None = None
        self._closed = False
        self._checkpoint: Checkpoint | None = None
        self._packer = make_packer()
        self._texts: dict[bytes, str] = {}  # code in the log since the last CHECKPOINT
        self._changed = False  # whether a batch was logged since then
        self._wanted = False  # and a checkpoint is due for that
        self._size = 0  # bytes appended since then
        self._digest_seq = 0  # of the last DIGEST that was made here
        # What was changed stays in memory, and so does what LMDB makes of it, some 2 KiB each when they are all over a
        # large dict: a small cache is to have no more of that than of itself.
        self._changed_weight_max = min(options.checkpoint_count, max(_CHANGED_WEIGHT_LEAST, options.cache_size // 2048))
        self._owed_count = 0  # objects that the checkpoint under way has to write for those that changed meanwhile
        self._sliced_count = 0  # snippets that had run at its last slice
        self._run_ns = 0  # time that the batches logged since then took
        self._batch_count = self._snippet_count = self._logged_count = self._failed_count = self._checkpoint_count = 0
        self._lock = lock or FolderLock(folder)
        self._store: Store | None = None
        self._log: DiskLog | None = None
        try:
            self._open(codec)
        except BaseException:
            self._release()
            raise

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        codec: Codec,
        time_ns: int,
        options: Options | None = None,
        lock: FolderLock | None = None,
    ) -> Engine:
        """Open a data folder, made if missing, and bring it to where its log ends.

        Args:
            time_ns: Unix time in nanoseconds, for entries written before the first batch.
            lock: on the folder, when the caller has it; the engine releases it.
        Raises:
            DataFolderInUse: another process has it open.
            DataDamaged: a file does not hold what was written; nothing was changed.
            Diverged: a snippet of the log gives another result than when it first ran.
            RuntimeMismatch: another version must replay the log first.
            StorageFailed: the disk is full or refuses.
        """
        return cls(Path(folder), codec=codec, time_ns=time_ns, options=options or Options(), lock=lock)

    def _open(self, codec: Codec) -> None:
        self._store = store = Store(self.folder / "heap")
        packed = store.checkpoint_mark()
        try:
            mark = Mark.unpack(packed) if packed is not None else None
        except ValueError as error:
            raise DataDamaged(f"{store.path}: {error}; restore it from a backup") from error
        self._runner = Runner(store, codec, fuel=self.options.fuel, next_oid=mark.next_oid if mark else None)
        self._heap = self._runner.heap
        self._heap.cache_size = self.options.cache_size
        self.seq = self.committed_seq = mark.seq if mark else 0
        self._log = log = open_log(
            self.folder / "log",
            runtime=RUNTIME,
            from_seq=self.seq + 1,
            expect_at_least=self.seq,
            segment_size=self.options.segment_size,
        )
        self.notes.extend(log.notes)
        self._check_fit(log, mark)
        for entry in log.entries(self.seq + 1):
            self._replay(entry)
        self._time_ns = max(self._time_ns, log.head().time_ns)
        self.term = max(FIRST_TERM, log.head().term)

    def _check_fit(self, log: DiskLog, mark: Mark | None) -> None:
        """Refuse to replay a log that does not continue the checkpoint, or that another runtime has to replay."""
        first = self.seq + 1
        if log.first_seq > first:
            raise DataDamaged(
                f"{self.folder}: the log begins with entry {log.first_seq}, "
                f"the checkpoint in heap/ ends with {self.seq}; restore the folder from a backup"
            )
        following = next(log.entries(first), None)
        before = log.head().digest if following is None else following.previous
        if mark is not None and before != mark.head.digest:
            raise DataDamaged(
                f"{self.folder}: the log is not the one that the checkpoint in heap/ was made from; "
                "restore both from one backup"
            )
        foreign = [runtime for runtime in log.runtimes(first) if runtime != RUNTIME]
        if foreign and any(entry.kind == BATCH for entry in log.entries(first)):
            raise RuntimeMismatch(
                f"{self.folder}: entries from {first} on were written by {foreign[0]!r}, this is {RUNTIME!r}, "
                f"which may not compute the same; start {foreign[0]!r} once and stop it cleanly, then start this one"
            )

    # --- running --------------------------------------------------------------------------------------------------

    def run(
        self,
        requests: Iterable[Request],
        time_ns: int,
        clock: Callable[[], int] = lambda: 0,
        until: int = 0,
        ended: Callable[[], object] = lambda: None,
    ) -> list[Outcome]:
        """Run requests in order, as one batch: what changed something becomes one entry, covered by one sync.

        Stops early, but never before the first request has run, when the results reach BATCH_OUTPUT_SIZE_MAX bytes or
        the caller's `clock`, in nanoseconds, is past `until`. The rest has not run. `ended` is called when the last one
        has, before the sync: from there on what takes long is the disk's fault and no snippet's.

        Returns: the outcomes of those that ran, in the same order. When this returns, the replies may leave.
        Raises:
            MachineError: nothing may be replied; whether the batch is durable is known after the next open.
        """
        self._refuse_when_stopped()
        log, runner = self._log, self._runner
        assert log is not None and self._store is not None
        self._time_ns = max(self._time_ns, time_ns)
        outcomes: list[Outcome] = []
        output_size = 0
        changed_before = self._heap.changed_count()
        begun = clock()
        run = runner.run
        try:
            with runner.batch(self._time_ns, self.seq):
                for request in requests:
                    outcome = run(request)
                    outcomes.append(outcome)
                    value = outcome[0]
                    if value is None:
                        self._failed_count += 1
                    else:
                        output_size += len(value)
                    if runner.logged_size > BATCH_SIZE_MAX:
                        self._append_batch()
                        runner.begin_entry(self.seq)
                    if output_size >= BATCH_OUTPUT_SIZE_MAX or clock() > until:
                        break
            ended()
            if runner.logged:
                self._owed_count += (self._heap.changed_count() - changed_before) * 3 // 2
                self._append_batch()
                self._run_ns += clock() - begun
            if self.options.durability == "always":
                # Nothing depends on a DIGEST, and behind it the disk is busy with the commit of its checkpoint.
                log.wait(self.seq - (self.seq == self._digest_seq))
        except BaseException as error:
            self._error = error
            raise
        self._batch_count += 1
        self._snippet_count += len(outcomes)
        return outcomes

    def sync(self) -> None:
        """Make durable what was run so far. Raises StorageFailed."""
        self._refuse_when_stopped()
        assert self._log is not None
        try:
            self._log.wait(self.seq)
        except BaseException as error:
            self._error = error
            raise

    def _append_batch(self) -> None:
        """Append what the runner has to log."""
        runner = self._runner
        rows = runner.logged
        texts = {digest: code for digest, code in runner.codes.items() if digest not in self._texts}
        self._texts.update(texts)
        # What a large batch takes of memory goes with its packer.
        packer = self._packer if runner.logged_size < _PACKED_SIZE else None
        self._append(BATCH, pack_batch(rows, texts, packer))
        self._logged_count += len(rows)
        self._changed = True

    def _append(self, kind: int, payload: bytes) -> Head:
        """Append an entry; return the head that it is."""
        log = self._log
        assert log is not None
        entry = log.next_entry(term=self.term, time_ns=self._time_ns, kind=kind, payload=payload)
        self._take_entry(self.term, entry)
        self._size += len(entry)
        return log.head()

    def _take_entry(self, term: int, entry: bytes) -> None:
        assert self._log is not None
        seq = self._log.head().seq + 1
        self._log.append(term, seq, entry)
        self.seq = seq
        if self.appended is not None:
            self.appended(seq, entry)

    def _refuse_when_stopped(self) -> None:
        if self._closed:
            raise ObjserverError("the engine is closed")
        if self._error is not None:
            raise StorageFailed(f"the engine stopped: {self._error}; open the folder again") from self._error

    # --- checkpoints and memory -------------------------------------------------------------------------------------

    def tend(self) -> bool:
        """Do one bounded slice of what is waiting: a checkpoint, eviction. To be called between batches.

        Returns: whether more is waiting that this thread can do at once.
        Raises:
            MachineError: the checkpoint could not be written; nothing more is run.
        """
        heap, options, checkpoint = self._heap, self.options, self._checkpoint
        # The entries of a checkpoint alone ask for no other one.
        grown = self._changed and self._size >= options.checkpoint_size
        full = grown or heap.changed_weight() >= self._changed_weight_max
        due = not self.following and (
            full or self._wanted or self._run_ns >= RUN_NS_MAX or heap.reclaim.is_due()
        )
        # Beside a checkpoint, too: under a load that does not pause there is always one.
        evicting = heap.evict(options.cache_size, count_max=EVICT_COUNT)
        if checkpoint is None and not due:
            return heap.reclaim.advance() or evicting
        self._refuse_when_stopped()
        try:
            if checkpoint is None:
                self._begin_checkpoint(self._append(CHECKPOINT, b""))
                return True
            return self._advance(checkpoint, full) or evicting
        except BaseException as error:
            self._error = error
            raise

    @property
    def has_changed(self) -> bool:
        """Whether something was changed that no checkpoint has."""
        return self._changed

    def want_checkpoint(self) -> bool:
        """Let a checkpoint begin, if there is something for it: whoever has a clock says when one is due for that
        alone, so that a start has little to run again, and what was dropped is given back.

        Returns: whether one is to begin. What it finds dead it may leave to one more: who has a clock asks again.
        """
        self._wanted = self._changed or self._heap.reclaim.pending[0] > 0
        return self._wanted

    def checkpoint(self) -> None:
        """Write everything that changed to LMDB and return when it is durable there.

        Raises:
            MachineError: it could not be written; nothing more is run.
        """
        self._refuse_when_stopped()
        try:
            self._finish_checkpoint()
            if self._changed:
                self._begin_checkpoint(self._append(CHECKPOINT, b""))
                self._finish_checkpoint()
        except BaseException as error:
            self._error = error
            raise

    def _begin_checkpoint(self, head: Head) -> None:
        """Begin the checkpoint of the CHECKPOINT entry that is the head now."""
        assert self._store is not None and self._checkpoint is None
        self._checkpoint = Checkpoint(
            self._heap, self._store, head, notes=self.following or self.appended is not None
        )
        self._texts = {}
        self._size = self._run_ns = self._owed_count = 0
        self._sliced_count = self._snippet_count
        self._changed = self._wanted = False

    def _advance(self, checkpoint: Checkpoint, full: bool) -> bool:
        """Do the next bit of a checkpoint; a larger one when memory is `full` of what is left to the next. Then what
        only the disk can do is waited for, too: nothing runs until it has caught up."""
        if checkpoint.ended(wait=full and checkpoint.committing):
            self._end_checkpoint(checkpoint)
            self._trim(checkpoint)
            if self.options.durability == "always" and self._log is not None:
                self._log.wait(self.seq)  # the DIGEST, if nothing came after it
            return True
        if checkpoint.committing:
            return False
        # A slice each time, a little more after many snippets, and three objects for two that changed: then a third of
        # the time to the next checkpoint is left for the commit. After a batch that changed very many that is done bit
        # by bit, as long as there is room.
        owed = self._owed_count
        count = SLICE_COUNT + (self._snippet_count - self._sliced_count) // SNIPPETS_OF_RECORD
        count += owed + SLICE_COUNT_LONG if full else min(owed, SLICE_COUNT_LONG)
        self._owed_count = max(0, owed - count)
        self._sliced_count = self._snippet_count
        if not checkpoint.slice(count):
            if self.following:
                return False  # until the leader's DIGEST comes
            self._commit(checkpoint)
        return True

    def _finish_checkpoint(self) -> None:
        checkpoint = self._checkpoint
        if checkpoint is not None:
            if not checkpoint.committing:
                while checkpoint.slice():
                    pass
                self._commit(checkpoint)
            checkpoint.ended(wait=True)
            self._end_checkpoint(checkpoint)
            self._trim(checkpoint)

    def _commit(self, checkpoint: Checkpoint, digest_is_logged: bool = False) -> None:
        log = self._log
        assert log is not None
        if not digest_is_logged:
            self._append(DIGEST, pack_digest(checkpoint.seq, checkpoint.digest))
            self._digest_seq = self.seq
        # LMDB must not be ahead of the log on disk, whatever the durability: a mark beyond the log's end is damage. The
        # thread of the commit sees to it: where batches are not synced that takes long.
        mark = Mark(checkpoint.head, checkpoint.next_oid, RUNTIME).pack()
        checkpoint.commit(mark, log.sync_beside(checkpoint.seq))

    def _end_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = None
        self.committed_seq = checkpoint.seq
        self.written = checkpoint.written
        self._checkpoint_count += 1

    def _trim(self, checkpoint: Checkpoint) -> None:
        # What is kept is measured on the log itself: counted since the start, a server that is restarted before it has
        # written that much would never give anything back. Not in a replay, which is reading the log. Whoever takes
        # pinned pages needs the entries behind them, however long that takes.
        assert self._log is not None and self._store is not None
        upto = min([checkpoint.seq, *(Mark.unpack(mark).seq for mark in self._store.pinned_marks())])
        self._log.trim(upto, self.options.retention_size)

    # --- replication ------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """Return the last entry's seq, term, digest and time."""
        assert self._log is not None
        return self._log.head()

    @property
    def log(self) -> Log:
        """The log, to read from between batches."""
        assert self._log is not None
        return self._log

    @property
    def durable_seq(self) -> int:
        """The last entry that is on the disk; where batches are not synced, the last one there is."""
        assert self._log is not None
        return self._log.synced_seq if self.options.durability == "always" else self.seq

    @property
    def checkpoint_seq(self) -> int:
        """The entry up to which the checkpoint holds everything; 0 before the first."""
        assert self._store is not None
        packed = self._store.checkpoint_mark()
        return Mark.unpack(packed).seq if packed is not None else 0

    @property
    def checkpoint_head(self) -> Head | None:
        """The CHECKPOINT entry of the last checkpoint; None before the first."""
        assert self._store is not None
        packed = self._store.checkpoint_mark()
        return Mark.unpack(packed).head if packed is not None else None

    def pin(self) -> Pinned:
        """Return the pages of the last checkpoint, which is made if there is none.

        Raises:
            BadRequest: this is a replica, which makes no checkpoint by itself, and has none yet.
        """
        assert self._store is not None
        if self._store.checkpoint_mark() is None:
            if self.following:
                raise BadRequest("this replica has no checkpoint yet; follow its leader")
            self._changed = True
            self.checkpoint()
        return self._store.pin()

    def records(self, keys: Iterable[bytes], size_max: int) -> tuple[int, list[bytes | None]]:
        """Return the records under these keys as of the last checkpoint, and its seq. None where there is none.

        Ends early when they take more than `size_max` bytes.
        Raises:
            DataDamaged: one does not match its checksum.
        """
        assert self._store is not None
        found: list[bytes | None] = []
        size = 0
        for key in keys:
            record = self._store.get(key)
            size += len(record or b"")
            if size > size_max and found:
                break
            found.append(record)
        return self.committed_seq, found

    def scan(self, first: bytes, end: bytes, count_max: int) -> list[tuple[bytes, bytes]]:
        """Return up to `count_max` (key, record) of the last checkpoint with first <= key < end. Raises DataDamaged."""
        assert self._store is not None
        return self._store.scan(first, end, count_max)

    def has_checkpoint_of(self, seq: int) -> bool:
        """Return whether the last checkpoint has everything up to entry `seq`. If this node leads and has none such
        under way, one begins."""
        if self.committed_seq < seq <= self.seq and not self.following and self._checkpoint is None:
            self.want_checkpoint()
        return self.committed_seq >= seq

    def refuse_changes(self, refusal: Fault | None) -> None:
        """Roll back from now on whatever changes something, and answer it with this fault; None lets changes stay."""
        self._runner.refusal = refusal

    def apply(self, encoded: bytes) -> None:
        """Run an entry of the leader's log and append it to the own one; `sync` makes it durable.

        Raises:
            BadEntry, LogGap, StaleTerm: it does not follow the last entry; nothing was done.
            Diverged: it gives another result, or the heap another digest, than it did for the leader. It is not in the
                log, and nothing more is run; of a digest, `keep_diverged` commits what this side came to.
            MachineError: nothing more is run.
        """
        self._refuse_when_stopped()
        assert self._log is not None
        entry = decode_entry(encoded)
        check_follows(self._log.head(), entry)
        try:
            self._replay(entry)
            self._take_entry(entry.term, encoded)
        except BaseException as error:
            self._error = error
            if isinstance(error, Diverged) and error.what.kind == "result":
                self._leave_checkpoint()
                error.what.checkpoint = self.checkpoint_head
            raise

    def keep_diverged(self) -> None:
        """After `apply` raised Diverged for a digest: commit this side's checkpoint all the same, so that it can be
        compared. What is in heap/ is wrong from there on, and no replay or DIGEST entry tells: whoever calls this has
        noted that before.

        Raises:
            StorageFailed: it is not there.
        """
        if self._checkpoint is not None:
            self._commit(self._checkpoint, digest_is_logged=True)
            self._leave_checkpoint()

    def _leave_checkpoint(self) -> None:
        """End the checkpoint under way, if it can't be stopped any more, or abandon it."""
        checkpoint, self._checkpoint = self._checkpoint, None
        if checkpoint is None:
            return
        if checkpoint.committing:
            checkpoint.ended(wait=True)
            self._end_checkpoint(checkpoint)
        else:
            checkpoint.abandon()

    def promote(self, time_ns: int, leader: str | None, *, above: int = 0) -> None:
        """Lead from here on, in a term of its own, which is durable when this returns.

        Args:
            leader: the address under which clients and replicas find this node.
            above: a term that is another leader's.
        Raises:
            StorageFailed: nothing more is run.
        """
        self._refuse_when_stopped()
        assert self._log is not None
        try:
            self._time_ns = max(self._time_ns, time_ns)
            self.term = max(self.term, above) + 1
            self._append(TERM, pack_term(leader))
            self._log.wait(self.seq)
        except BaseException as error:
            self._error = error
            raise
        self.leader = leader
        self.following = False

    # --- recovery ---------------------------------------------------------------------------------------------------

    def _replay(self, entry: Entry) -> None:
        """Do what the node that wrote this entry did, and check that it comes to the same.

        Raises:
            Diverged, DataDamaged: it does not, or can't be done.
        """
        assert self._store is not None
        self.seq = entry.seq
        self.term = entry.term
        self._size += entry.size
        self._time_ns = entry.time_ns
        if entry.kind == BATCH:
            self._replay_batch(entry)
            self._changed = True
            self._heap.evict(self.options.cache_size, count_max=EVICT_COUNT)
        elif entry.kind == CHECKPOINT:
            self._end_last()
            self._begin_checkpoint(Head(entry.seq, entry.term, entry.digest, entry.time_ns))
        elif entry.kind == DIGEST:
            self._replay_digest(entry)
        elif entry.kind == TERM:
            self.leader = unpack_term(entry.payload)
        else:
            raise DataDamaged(f"entry {entry.seq} is of kind {entry.kind}, which this version does not know")

    def _replay_batch(self, entry: Entry) -> None:
        items, texts = unpack_batch(entry.payload)
        self._texts.update(texts)
        runner = self._runner
        changed_before = self._heap.changed_count()
        with runner.batch(entry.time_ns, entry.seq - 1, again=True):
            for index, item in enumerate(items):
                code = self._texts.get(item.code)
                if code is None:
                    raise DataDamaged(f"entry {entry.seq}: the text of code {item.code.hex()} is not in the log")
                runner.expected = item.result_crc
                value, fault, _, _ = runner.run(runner.logged_request(item, code), item.args)
                if len(runner.logged) == index or runner.logged[index][-1] != item.result_crc:
                    what = Divergence(
                        kind="result",
                        seq=entry.seq,
                        since_seq=self.committed_seq,
                        here=f"{fault.type}: {fault.message}" if fault else value.decode() if value else "",
                        snippet=Snippet.of(entry.seq, index, item, code),
                    )
                    if runner.unexpected is not None:
                        what.changed, what.names = runner.unexpected.records(), runner.unexpected.names
                    raise Diverged(what.text, what)
        # As the leader did behind this batch: what is left when its DIGEST comes is written in one go.
        changed = self._heap.changed_count() - changed_before
        self._owed_count += SLICE_COUNT + len(items) // SNIPPETS_OF_RECORD + changed * 3 // 2

    def _replay_digest(self, entry: Entry) -> None:
        seq, digest = unpack_digest(entry.payload)
        checkpoint = self._checkpoint
        if checkpoint is None or checkpoint.seq != seq:
            return  # of the checkpoint that recovery began with
        while checkpoint.slice():
            pass
        if checkpoint.digest != digest:
            what = Divergence(
                kind="digest",
                seq=entry.seq,
                checkpoint=checkpoint.head,
                since_seq=self.committed_seq,
                here=checkpoint.digest.hex(),
                there=digest.hex(),
            )
            if not self.following:
                self._leave_checkpoint()
            raise Diverged(what.text, what)
        self._commit(checkpoint, digest_is_logged=True)

    def _end_last(self) -> None:
        """End the checkpoint before this one, also when its DIGEST never came: the node that began it was stopped."""
        checkpoint = self._checkpoint
        if checkpoint is not None:
            if not checkpoint.committing:
                while checkpoint.slice():
                    pass
                self._commit(checkpoint, digest_is_logged=True)
            checkpoint.ended(wait=True)
            self._end_checkpoint(checkpoint)

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop cleanly: checkpoint what changed, so that the next open has nothing to replay, and give the folder back.
        A replica's next open replays what its leader wrote since the last checkpoint.

        After a MachineError nothing is written; the next open recovers.
        Raises:
            MachineError: the checkpoint could not be written; the log has everything.
        """
        if self._closed:
            return
        try:
            if self._error is None:
                assert self._log is not None
                if not self.following:
                    self.checkpoint()
                elif self._checkpoint is not None and self._checkpoint.committing:
                    self._finish_checkpoint()
                self._log.wait(self.seq)
        finally:
            self._closed = True
            self._release()

    def _release(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.abandon()
            self._checkpoint = None
        try:
            if self._log is not None:
                self._log.close()
        except MachineError:
            if self._error is None:
                raise
        finally:
            if self._store is not None:
                self._store.close()
            self._lock.release()

    def entries(self, first: int, count: int) -> list[dict[str, Any]]:
        """Return up to `count` entries of the log from seq `first` on, readable; those the log still has.

        Bounded by ENTRIES_SIZE_MAX bytes of log beside the count. The text of a code is in `code` where it was met
        since the last checkpoint or among these entries, its digest always in `code_digest`.
        """
        assert self._log is not None
        found: list[dict[str, Any]] = []
        texts = dict(self._texts)
        size = 0
        for entry in self._log.entries(max(first, self._log.first_seq)):
            if len(found) == count or size > ENTRIES_SIZE_MAX:
                break
            size += entry.size
            found.append(describe_entry(entry, texts))
        return found

    def sweep(self) -> None:
        """Let a sweep for what nothing reaches begin, in slices of `tend`; `statistics` tells how it goes."""
        self._heap.reclaim.want_sweep()

    # --- code -------------------------------------------------------------------------------------------------------

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return the versions of a function or class, oldest first: version, author, time_ns, source.

        Raises:
            BadRequest: no root of that name is one.
        """
        with self._reading():
            return self._heap.definitions.versions(name)

    def source(self, name: str, version: int | None = None) -> str:
        """Return the text of a function or class, the current one unless a version is named.

        Raises:
            BadRequest: there is none.
        """
        known = self.history(name)
        if version is None:
            return known[-1]["source"]  # type: ignore[no-any-return]
        found = [each["source"] for each in known if each["version"] == version]
        if not found:
            kept = f"{known[0]['version']} to {known[-1]['version']}"
            raise BadRequest(f"version {version} of {name!r} is not there; it has versions {kept}")
        return found[0]  # type: ignore[no-any-return]

    def code(self, after: str, count: int) -> list[dict[str, Any]]:
        """Return up to `count` functions and classes whose names come after `after`, sorted by name.

        Bounded by ENTRIES_SIZE_MAX characters of source beside the count. Each has name, kind, version, author,
        time_ns, source. One that another root has by another name is listed under its own alone.
        """
        found: list[dict[str, Any]] = []
        size = 0
        with self._reading():
            for name in self._heap.root.names():
                if name > after and (described := self._heap.definitions.describe(name)) is not None:
                    found.append(described)
                    size += len(described["source"])
                    if len(found) == count or size > ENTRIES_SIZE_MAX:
                        break
        return found

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read the heap between batches."""
        assert self._store is not None
        self._heap.read_only = True
        yield

    def statistics(self) -> dict[str, Any]:
        """Return counts, sizes in bytes, the roots and what kind each is."""
        assert self._log is not None and self._store is not None
        self._heap.read_only = True
        return {
            "seq": self.seq,
            "term": self.term,
            "first_seq": self._log.first_seq,
            "runtime": RUNTIME,
            "durability": self.options.durability,
            "batches": self._batch_count,
            "snippets": self._snippet_count,
            "snippets_logged": self._logged_count,
            "snippets_failed": self._failed_count,
            "checkpoints": self._checkpoint_count,
            "checkpoint_running": self._checkpoint is not None,
            "log_size_since_checkpoint": self._size,
            **self._heap.statistics(),
            **{f"store_{name}": value for name, value in self._store.statistics().items()},
            "roots": self._heap.roots(),
        }
