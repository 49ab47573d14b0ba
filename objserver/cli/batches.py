"""Records into a root: batches, each one atomic, a few of them under way at once.

    Record -> [entry: key and value] -> [batch] -> pipeline of evals -> acknowledged

The records travel as parameters, so the snippets are two short texts that are compiled once. Requests of one
connection run in order and a batch is one snippet: it is there or it is not.

Promise: what is acknowledged is a prefix of the file, and a list holds each record once: a batch runs only if the
list has the length that the batches before it leave. (tests/cli/test_load.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from objserver.cli.records import BadRecord, Record, Records
from objserver.errors import FrameTooLarge
from objserver.limits import KIB

if TYPE_CHECKING:
    from objserver.client import Client

# One request: large enough that its own cost vanishes beside its records, small enough that other clients wait
# only milliseconds for it.
BATCH_COUNT_MAX: Final = 500
BATCH_SIZE_MAX: Final = 512 * KIB

# Requests sent together before their replies are awaited. The server runs one while it reads the next.
GROUP_COUNT: Final = 4

PREPARE: Final = """\
try:
    _state = "fits" if isinstance({root}, {kind}) else "other"
except NameError:
    _state = "absent"
if _state == "absent" or {root}_mode == "replace":
    {root} = {kind}()
    _state = "made"
[_state, len({root}) if _state != "other" else 0]
"""
INTO_DICT: Final = """\
{root}.update({root}_batch)
len({root})
"""
INTO_LIST: Final = """\
if len({root}) != {root}_count:
    raise RuntimeError("something else changed {root} while it was loaded")
{root}.extend({root}_batch)
len({root})
"""


class LoadRefused(Exception):
    """The root is not as the load needs it. Nothing was changed; says which option to give."""


@dataclass(frozen=True)
class Plan:
    """What goes where."""

    root: str
    mode: str  # "new", "append" or "replace"
    keyed: bool  # into a dict by key; else into a list
    key: str | None = None  # the records' field that is the key; None: the document's own key
    value: str | None = None  # the records' field that is kept; None: the whole record
    skip: int = 0  # records at the beginning of the file that are left out


@dataclass
class Batch:
    """Some consecutive records, ready to send. `done` as in the last `Record`."""

    first: str
    keys: list[Any] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    size: int = 0
    done: int = 0


def cut_batches(records: Records, plan: Plan) -> Iterator[Batch]:
    """Yield the records behind the first `plan.skip` in batches.

    Raises:
        BadRecord: a record does not parse or lacks its key; its batch is not given.
    """
    batch: Batch | None = None
    for record in islice(records.items, plan.skip, None):
        key, value = _entry(record, plan, records.name)
        if batch and (len(batch.values) == BATCH_COUNT_MAX or batch.size + record.size > BATCH_SIZE_MAX):
            yield batch
            batch = None
        batch = batch or Batch(record.line)
        batch.values.append(value)
        batch.size += record.size
        batch.done = record.done
        if plan.keyed:
            batch.keys.append(key)
    if batch:
        yield batch


def cut_groups(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Yield the batches in groups that are sent together."""
    iterator = iter(batches)
    while group := list(islice(iterator, GROUP_COUNT)):
        yield group


class Load:
    """One load under way. Counts what is acknowledged."""

    def __init__(self, client: Client, name: str, plan: Plan) -> None:
        self._client = client
        self._name = name  # of the file, for messages
        self.plan = plan
        names = {"root": plan.root, "kind": "dict" if plan.keyed else "list"}
        self._prepare = PREPARE.format(**names)
        self._insert = (INTO_DICT if plan.keyed else INTO_LIST).format(**names)
        self.prepared = False
        self.length_before = 0
        self.length = 0  # of the root, as the last acknowledgement says
        self.acknowledged = 0  # records, without those skipped

    @property
    def replaced(self) -> int:
        """Count of records that took the place of one with the same key."""
        return self.acknowledged - (self.length - self.length_before)

    def prepare(self) -> None:
        """Make the root, or look whether it is as `plan.mode` says.

        Raises:
            LoadRefused: the root exists already, or is no dict (or list).
        """
        plan = self.plan
        state, length = self._client.eval(self._prepare, **{f"{plan.root}_mode": plan.mode})
        if state == "other" and plan.mode == "append":
            kind = "dict" if plan.keyed else "list"
            raise LoadRefused(f"root {plan.root!r} is not a {kind}; --replace throws away what it is")
        if state != "made" and plan.mode == "new":
            raise LoadRefused(f"root {plan.root!r} exists; --append adds to it, --replace throws away what it holds")
        self.length_before = self.length = length
        self.prepared = True

    def send(self, group: list[Batch]) -> None:
        """Send the batches together and count the acknowledgements.

        Raises:
            BadRecord: a batch does not fit a request. Nothing of the group is sent.
            ObjserverError: what the client raises for the first batch that failed; those before it are counted.
        """
        root, length = self.plan.root, self.length
        with self._client.pipeline() as pipeline:
            replies = []
            for batch in group:
                args: dict[str, object] = {f"{root}_batch": batch.values}
                if self.plan.keyed:
                    args[f"{root}_batch"] = dict(zip(batch.keys, batch.values, strict=True))
                else:
                    args[f"{root}_count"] = length
                    length += len(batch.values)
                try:
                    replies.append(pipeline.eval(self._insert, **args))
                except FrameTooLarge as error:
                    raise BadRecord(f"{self._name}, {batch.first} and what follows: {error}") from error
        for batch, reply in zip(group, replies, strict=True):
            self.length = reply.result()
            self.acknowledged += len(batch.values)


def _entry(record: Record, plan: Plan, name: str) -> tuple[Any, object]:
    key: Any = record.key
    if plan.key is not None:
        key = _field(record, plan.key, name)
        # None is most likely a gap in the data; True would be the same key as 1.
        if key is None or isinstance(key, (bool, dict, list, set)):
            raise BadRecord(f"{name}, {record.line}: the key is {_shorten(repr(key))}; a key is a text or a number")
    return key, record.value if plan.value is None else _field(record, plan.value, name)


def _field(record: Record, field_name: str, name: str) -> object:
    if not isinstance(record.value, dict):
        raise BadRecord(f"{name}, {record.line}: not an object, so it has no {field_name!r}")
    if field_name not in record.value:
        raise BadRecord(f"{name}, {record.line}: the record lacks {field_name!r}")
    return record.value[field_name]


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
