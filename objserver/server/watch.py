"""The watch: runs a batch so that the supervisor can see which snippet runs, and refuses those that ended it before.

    reactor: batch -> [watch] -> engine.run -> outcomes -> reactor
                        |  `-- pulse: the word, after each snippet
                        `-- culprits: an outcome without a run

Promise: what is refused has touched nothing, and the others run as if it had not been there
(tests/server/test_watch.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from objserver.engine import Engine, Fault, FaultKind, Outcome, Request
from objserver.limits import BATCH_MS_MAX

from .culprits import CODE_COUNT, Culprits, Refusal
from .pulse import Pulse

__all__ = ["Watch"]

_BATCH_NS_MAX: Final = BATCH_MS_MAX * 1_000_000


class Watch:
    """Runs batches.

    Attributes:
        refused: of the last batch, the requests that were refused, by their place in it.
    """

    def __init__(
        self, pulse: Pulse | None = None, culprits: Culprits | None = None, facts: Mapping[str, object] | None = None
    ) -> None:
        """
        Args:
            facts: what the supervisor has to say in the figures of the server.
        """
        self.refused: Mapping[int, Outcome] = {}
        self._pulse = pulse or Pulse()
        self._culprits = culprits
        self._facts = facts or {}
        self._refused_count = 0

    def statistics(self) -> dict[str, object]:
        count = len(self._culprits) if self._culprits is not None else 0
        return {**self._facts, "culprits": count, "culprits_refused": self._refused_count}

    def run(self, engine: Engine, batch: Sequence[Request], sources: Sequence[bytes]) -> Sequence[Outcome]:
        """Run a batch as `Engine.run` does, until BATCH_MS_MAX is over: the outcomes of those that ran or were refused.

        Args:
            sources: what each request came in.
        Raises:
            MachineError, MemoryError: nothing may be replied.
        """
        if self._culprits:
            self.refused = refused = self._judge(engine, batch, sources)
            if refused:
                self._refused_count += len(refused)
                return self._run_rest(engine, batch, sources, refused)
        return self._run(engine, batch, sources)

    def _run(self, engine: Engine, batch: Sequence[Request], sources: Sequence[bytes]) -> Sequence[Outcome]:
        pulse, clock = self._pulse, time.perf_counter_ns
        value = pulse.begin(sources)
        stamped = batch if len(batch) == 1 else _stamp(batch, pulse.word, value)
        # When it raises, the word says which one was running: the supervisor reads it when this process has ended.
        return engine.run(stamped, time.time_ns(), clock, clock() + _BATCH_NS_MAX, pulse.end)

    def _judge(self, engine: Engine, batch: Sequence[Request], sources: Sequence[bytes]) -> dict[int, Outcome]:
        assert self._culprits is not None
        refused: dict[int, Outcome] = {}
        for index, (request, source) in enumerate(zip(batch, sources, strict=True)):
            refusal = self._culprits.refusal(request[1], source, time.time())
            if refusal is not None:
                fault = Fault(FaultKind.REFUSED, "SnippetRefused", _describe(refusal), None, "")
                refused[index] = (None, fault, engine.seq, "")
        return refused

    def _run_rest(
        self, engine: Engine, batch: Sequence[Request], sources: Sequence[bytes], refused: Mapping[int, Outcome]
    ) -> Sequence[Outcome]:
        rest = [index for index in range(len(batch)) if index not in refused]
        ran = iter(self._run(engine, [batch[it] for it in rest], [sources[it] for it in rest]) if rest else ())
        outcomes: list[Outcome] = []
        for index in range(len(batch)):
            outcome = refused.get(index) or next(ran, None)
            if outcome is None:
                break
            outcomes.append(outcome)
        return outcomes


def _stamp(batch: Sequence[Request], word: memoryview[int], value: int) -> Iterator[Request]:
    """Yield the requests, and write after each that it is done."""
    for request in batch:
        yield request
        value -= 1
        word[0] = value


def _describe(refusal: Refusal) -> str:
    culprit, until, any_arguments = refusal
    often, which = (f"{CODE_COUNT} times, the last", "any") if any_arguments else ("", "these")
    return (
        f"this snippet ended the server {often and often + ' '}at {_moment(culprit.time)}: {culprit.why}; with {which} "
        f"arguments it is refused until {_moment(until)}: let it do less at once"
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
