"""One snippet: from its text to a value that stays, or to nothing at all.

    Request -> cell (compiled, linked) -> run -> adopt -> encode the result -> commit
                                            `-------'-----------------'--> any error: rollback, Fault

Promise: an Outcome with an error leaves the heap as it was; a MachineError is no outcome and ends the engine. What a
snippet computes depends on the heap, its text, its arguments and the entry it belongs to (time, position), on nothing
else.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import localcontext
from operator import length_hint
from types import FunctionType
from typing import Any, Final, cast
from zlib import crc32

from sandbox import (
    DECIMAL_CONTEXT,
    Cell,
    CellCache,
    Fuel,
    Generator,
    Hooks,
    OutOfFuel,
    SnippetRefused,
    binding_line,
    charge,
    compile_definition,
    describe_error,
    hint,
    in_comparison,
    make_builtins,
    make_generator,
    make_library,
    statement_at,
)

from ..errors import MachineError, NotStorable, ReadOnly, ResultTooLarge, UpgradeFailed
from ..heap import (
    STATES,
    Changes,
    Counter,
    DefaultDict,
    Deque,
    Dict,
    FrozenSet,
    Heap,
    HeapClass,
    Instance,
    List,
    OrderedDict,
    Set,
    SortedDict,
    delete_attribute,
    make_named_tuple,
    set_attribute,
    use_charge,
)
from ..limits import ENTRY_SIZE_MAX, FRAME_SIZE_MAX, PRINT_SIZE_MAX, RESULT_SIZE_MAX
from ..store import Store
from .describe import Describer
from .entries import Item, Row, code_digest
from .paths import resolve_path
from .requests import Codec, Fault, FaultKind, Kind, Outcome, Request
from .texts import CLEAN, UNCHANGING, Texts

__all__ = ["Runner"]

# Compiled cells kept: compiling costs some hundred times what running does.
CELL_COUNT_MAX: Final = 4_096
CELL_SOURCE_SIZE_MAX: Final = 16 * 1024 * 1024

# Arguments came in a frame; written again they may be longer, a number as 1e15 for one.
ARGS_SIZE_MAX: Final = 2 * FRAME_SIZE_MAX

assert ARGS_SIZE_MAX < ENTRY_SIZE_MAX

# An upgrade may show instances that have to be upgraded in their turn, each time at the price of encoding everything.
UPGRADE_ROUNDS_MAX: Final = 20

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Calls within calls that a snippet may make, wherever the engine itself stands: a server, a test, a replay.
SNIPPET_DEPTH_MAX: Final = 1_000

# A snippet of the log came to its end, so in a replay fuel stops nothing. Which fuel it had then is not known: the
# option may have been another.
FUEL_AGAIN: Final = sys.maxsize

# Digits of a number as text, and what becomes of a warning: Python's own settings and the process's, which an embedded
# engine shares. `-W error` would make an exception of what is none, PYTHONINTMAXSTRDIGITS another result.
DIGITS_MAX: Final = sys.int_info.default_max_str_digits
_SILENT: Final = [("ignore", None, Warning, None, 0)]


# What is made of many items at once is paid by the snippet that runs.
use_charge(charge)


def _call(function: Any, positional: Sequence[Any], args: Mapping[str, Any]) -> Any:
    return function(*positional, **args)


# A cell that can be called, and the digest of its source. A plain tuple: it is taken apart for every request.
Prepared = tuple[FunctionType, bytes]


class Runner:
    """Runs requests on one heap.

    Attributes:
        logged: what changed something since the entry began: the rows that it will consist of.
        codes: digest -> text of their code.
        logged_size: bytes of both, about.
        refusal: what whoever changes something is answered instead, rolled back; None where changes are welcome.
        expected: the crc of the result that the log has of the next snippet; None for one that is new.
        unexpected: what a snippet changed that came to another result.
    """

    def __init__(self, store: Store, codec: Codec, *, fuel: int, next_oid: int | None) -> None:
        self._codec = codec
        self._fuel_max = self._fuel_count = fuel
        self._output: list[str] = []
        self._output_size = 0
        self._principal = ""
        self._cell = ""  # the source of the snippet that runs
        # The running snippet stands, or would stand, in entry `_seq` of that time, behind what is in `logged`.
        self.time_ns = self._seq = self._as_of = self.logged_size = 0
        self.logged: list[Row] = []
        self.codes: dict[bytes, str] = {}
        self.refusal: Fault | None = None
        self._refusal: Fault | None = None  # in this batch: what is in the log is not refused
        self.expected: int | None = None
        self.unexpected: Changes | None = None
        self._generator: Generator | None = None
        first = {} if next_oid is None else {"next_oid": next_oid}
        self.heap = Heap(store, compile_definition=compile_definition, **first)
        # What the running snippet has changed so far; at hand, because every request asks.
        self._touched, self._journal = self.heap.touched, self.heap.root.journal
        definitions = self.heap.definitions
        hooks = Hooks(
            dict_type=Dict,
            list_type=List,
            set_type=Set,
            frozenset_type=FrozenSet,
            collections={cls.__name__: cls for cls in (Counter, DefaultDict, Deque, OrderedDict, SortedDict)},
            named_tuple=make_named_tuple,
            object_type=object,
            typeof=self.heap.typeof,
            root=cast(Any, self.heap.root),  # only its __setitem__ is used
            unbind=self.heap.root.unbind,
            define=definitions.define,
            decorated=definitions.decorated,
            undefine=definitions.undefine,
            rootclass=definitions.root_class,
            localclass=definitions.local_class,
            class_kind=HeapClass,
            instance_type=Instance,
            namespace=self.heap.root.namespace,
            set_attribute=set_attribute,
            delete_attribute=delete_attribute,
            write_output=self._write_output,
            now=self._now,
            random=self._random,
            states=STATES,
            fatal=(MachineError, UpgradeFailed),
        )
        self._library = make_library(hooks)
        builtins = make_builtins(hooks, self._library)
        self.heap.use_builtins(builtins, self._library)
        self.heap.signature = lambda: (self._principal, self.time_ns)
        self.heap.in_comparison = lambda: in_comparison(builtins)
        self.heap.statement_at = lambda line: statement_at(self._cell, line)
        self._fuel = Fuel(builtins)
        # Among the snippets' builtins, so that `call` of a container's own method finds the fuel to pay from.
        self._call = FunctionType(_call.__code__, self.heap.root.namespace)
        self._namespace = self.heap.root.namespace
        self._describe = Describer(self.heap, codec)
        self._outdated = self._describe.outdated
        self._encode_arguments = codec.encode_arguments
        self._texts = Texts(self.heap, codec)
        self._digests: dict[str, bytes] = {}  # of paths that were called
        self._cells = CellCache(CELL_COUNT_MAX, CELL_SOURCE_SIZE_MAX, self._prepare)

    # --- running --------------------------------------------------------------------------------------------------

    def run(self, request: Request, args_json: bytes | None = None) -> Outcome:
        """Run a request and let its changes stay, with an item in `logged`, or roll them back.

        Args:
            args_json: its arguments as they are logged, when they were before.
        Raises:
            MachineError: the heap could not be read; its state is unknown.
            MemoryError: the machine has no more; the state of the heap is unknown.
        """
        # Dense, and with few calls: every request passes here, and each attribute and call is a hundredth of it.
        kind, code, args, positional, depth, principal, request_id = request
        heap = self.heap
        heap.read_only = read_only = kind == "query"
        heap.snippet += 1
        self._principal = principal
        self._generator = None
        digest = b""
        if length_hint(self._fuel.left) != self._fuel_count:
            self._fuel.refill(self._fuel_count)
        try:
            if args and args_json is None and not read_only:
                # The snippet could change what it was given, so that is written down before it runs.
                for given in args.values():
                    if type(given) not in UNCHANGING:
                        args_json = self._encode_args(kind, args, positional)
                        break
            if kind == "call":
                self._cell = ""
                if args_json is None and not UNCHANGING.issuperset(map(type, positional)):
                    args_json = self._encode_args(kind, args, positional)
                function = self._namespace.get(code)
                if type(function) is FunctionType and function.__globals__ is self._namespace and not args:
                    value = function(*positional)  # it is what `resolve_path` finds: a client's own, under a name
                else:
                    value = self._call(resolve_path(heap, code), positional, args)
            else:
                self._cell = code
                function, digest = self._cells[code, tuple(args), read_only]
                # By place, which is quicker: their names are those that the cell was compiled with, in that order.
                value = function(*args.values())
            changed = False
            if self._touched or self._journal:
                changed = True
                if not read_only:
                    heap.adopt()
                    if args_json is None:
                        args_json = self._encode_arguments(args, positional if kind == "call" else None)
                        if args_json is None or len(args_json) > ARGS_SIZE_MAX:
                            args_json = self._encode_args(kind, args, positional)
            if type(value) in CLEAN and depth is None:
                encoded = value.__text__
                if type(encoded) is list:
                    encoded = encoded[0]
                if encoded is None:
                    encoded = self._texts.encode(value)
                    if encoded is None:
                        encoded = self._codec.encode(value, self._describe, None, RESULT_SIZE_MAX)
            elif value is None:
                encoded = b"null"
            else:
                encoded = self._codec.encode(value, self._describe, depth, RESULT_SIZE_MAX)
            if self._outdated:
                encoded = self._encode_upgraded(value, depth)
                changed = True
                if args_json is None and not read_only:
                    args_json = self._encode_args(kind, args, positional)
            if heap.fault is not None:
                raise heap.fault
        except BaseException as error:
            advice = hint(error, self.heap.root.names, self._library)  # what the snippet defined may have been meant
            self._fuel.refill(self._fuel_count)  # undo and the report must not end for want of what the snippet used up
            self._describe.outdated.clear()
            if self.expected is not None:
                self.unexpected = heap.changes(stay=False)
            heap.rollback()
            if heap.fault is not None:
                raise heap.fault from error
            return None, self._fault(error, kind, code, advice), self._as_of, self._take_output()
        if not changed:
            pass
        elif read_only:
            heap.rollback()  # a query saw instances upgraded, which stay as they were
        elif self._refusal is not None:
            heap.rollback()
            return None, self._refusal, self._as_of, self._take_output()
        else:
            assert args_json is not None
            crc = crc32(encoded)
            if self.expected is not None and self.expected != crc:
                self.unexpected = heap.changes(stay=True)
            heap.commit()
            number = 0
            if kind == "call":
                number = 1
                digest = self._digests.get(code) or self._digest_of(code)
            self.logged.append((number, digest, args_json, depth, principal, request_id, crc))
            self.codes[digest] = code
            self.logged_size += len(args_json) + len(code)
            self._as_of = self._seq
        return encoded, None, self._as_of, self._take_output() if self._output else ""

    def logged_request(self, item: Item, code: str) -> Request:
        """Return the request that a logged snippet was."""
        args = self._codec.loads(item.args)
        positional, keywords = args if item.kind == "call" else ([], args)
        kind: Kind = "call" if item.kind == "call" else "eval"
        return kind, code, keywords, positional, item.depth, item.principal, item.request_id

    def batch(self, time_ns: int, seq: int, *, again: bool = False) -> _Room:
        """Hold the bounds of a batch's snippets: how deep they may go from here, and their time.

        Args:
            seq: the position of the last entry; what is logged goes into the next one.
            again: they are in the log: they have met their bounds once and get more room now, since a replay may have
                to load what was in memory then, or run on a server that grants its own less, and nothing may fail
                that did not.
        """
        depth = SNIPPET_DEPTH_MAX * (4 if again else 1)
        self._fuel_count = FUEL_AGAIN if again else self._fuel_max
        self._refusal = None if again else self.refusal
        self.expected = self.unexpected = None
        self.time_ns = time_ns
        self.begin_entry(seq)
        return _Room(depth)

    def begin_entry(self, seq: int) -> None:
        """Say that `seq` is the position of the last entry: what is logged from here on goes into the next."""
        self._as_of = seq
        self._seq = seq + 1
        self.logged = []
        self.codes = {}
        self.logged_size = 0

    def _encode_upgraded(self, value: Any, depth: int | None) -> bytes:
        """Return the JSON of a value in which instances of older class versions were met: upgrade these and try again.

        Not while it is encoded, since an upgrade may change what is being walked.
        """
        outdated = self._describe.outdated
        for _ in range(UPGRADE_ROUNDS_MAX):
            for obj in outdated:
                self.heap.load(obj)
            outdated.clear()
            if not self.heap.read_only:
                self.heap.adopt()
            encoded = self._codec.encode(value, self._describe, depth, RESULT_SIZE_MAX)
            if not outdated:
                return encoded
        raise ResultTooLarge("one upgrade of an instance shows the next, too often; return less, or with a depth")

    def _encode_args(self, kind: Kind, args: Mapping[str, Any], positional: Sequence[Any]) -> bytes:
        given = [list(positional), dict(args)] if kind == "call" else dict(args)
        try:
            return self._codec.encode(given, self._describe, None, ARGS_SIZE_MAX)
        except ResultTooLarge as error:
            raise ResultTooLarge(f"the arguments can't be logged: {error}") from None

    def _digest_of(self, path: str) -> bytes:
        """Return the digest of a path that was called."""
        if len(self._digests) >= CELL_COUNT_MAX:
            self._digests.clear()
        digest = self._digests[path] = code_digest(path)
        return digest

    # --- cells ----------------------------------------------------------------------------------------------------

    def _prepare(self, cell: Cell) -> Prepared:
        # Linked once: what is bound later is an ordinary name already, only what lies in the checkpoint needs it.
        self.heap.link(cell.reads | cell.binds)
        return FunctionType(cell.code, self.heap.root.namespace), code_digest(cell.source)

    # --- what a snippet sees of the world ---------------------------------------------------------------------------

    def _now(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.time_ns // 1000)

    def _random(self) -> Generator:
        if self._generator is None:
            self._generator = make_generator(self.time_ns, self._seq, len(self.logged))
        return self._generator

    def _write_output(self, text: str) -> None:
        room = PRINT_SIZE_MAX - self._output_size
        if room > 0:
            self._output.append(text[:room])
            self._output_size += len(text)

    def _take_output(self) -> str:
        text = "".join(self._output)
        if self._output_size > PRINT_SIZE_MAX:
            text += f"\n... {self._output_size - PRINT_SIZE_MAX} more characters were not kept\n"
        self._output.clear()
        self._output_size = 0
        return text

    # --- faults ---------------------------------------------------------------------------------------------------

    def _fault(self, error: BaseException, kind: Kind, code: str, advice: str) -> Fault:
        """Return the fault that an exception is. Raises it when it is not the snippet's."""
        if isinstance(error, SnippetRefused):
            report = describe_error(error, {})
            return Fault(FaultKind.REFUSED, "SnippetRefused", report.message, report.line, report.traceback)
        # Without memory anything may be half done, and what ran is not known to the next machine either: no outcome.
        if isinstance(error, SystemError):
            # CPython's word for a bug of its own. `deque(...)` says it when it gets no memory.
            raise MemoryError(f"no memory, or a bug of Python: {error}") from error
        if isinstance(error, MachineError | MemoryError) or not isinstance(error, Exception | OutOfFuel):
            raise error
        fault = next((fault for cls, fault in _FAULTS.items() if isinstance(error, cls)), FaultKind.RAISED)
        cell = "" if kind == "call" else code
        stored = self.heap.definitions.source_of
        line = None
        if fault is FaultKind.NOT_STORABLE and cell and (found := _ROOT.match(str(error))):
            line = binding_line(cell, found[0])
        ended = None if line is None else (line, cell.split("\n")[line - 1])
        report = describe_error(
            error, lambda code: cell if code.co_filename == "<cell>" else stored(code), advice, ended
        )
        return Fault(fault, report.type, report.message, report.line, report.traceback)


class _Room:
    """What a batch runs in: room for so many calls from here on; decimals, whatever the thread computes its own with;
    Python's own bound of digits, and no warnings.

    No generator with `contextmanager`, which would cost a microsecond of each batch.
    """

    __slots__ = ("_decimals", "_depth", "_digits", "_filters", "_limit")

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._decimals = localcontext(DECIMAL_CONTEXT)

    def __enter__(self) -> None:
        self._limit = limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _recursion_depth() + self._depth))
        self._digits, self._filters = sys.get_int_max_str_digits(), warnings.filters
        sys.set_int_max_str_digits(DIGITS_MAX)
        # Not `catch_warnings`, which forgets what was warned of already in the whole process.
        warnings.filters = cast(Any, _SILENT)
        self._decimals.__enter__()

    def __exit__(self, *details: object) -> None:
        self._decimals.__exit__(*details)  # type: ignore[arg-type]
        warnings.filters = self._filters
        sys.set_int_max_str_digits(self._digits)
        sys.setrecursionlimit(self._limit)


def _recursion_depth() -> int:
    """Return how deep the interpreter says it is, C calls included. It tells when it refuses a limit below that."""
    try:
        sys.setrecursionlimit(1)
    except RecursionError as error:
        # "... at the recursion depth 12: the limit is too low"; a regular expression takes twice as long.
        return int(error.args[0].rpartition(":")[0].rpartition(" ")[2])
    raise AssertionError("there is a caller, so the depth is above 1")


# What the message of NotStorable begins with: the path from a root.
_ROOT: Final = re.compile(r"[^\W\d]\w*")

_FAULTS: Final[dict[type[BaseException], FaultKind]] = {
    OutOfFuel: FaultKind.OUT_OF_FUEL,
    ReadOnly: FaultKind.READ_ONLY,
    NotStorable: FaultKind.NOT_STORABLE,
    ResultTooLarge: FaultKind.RESULT_TOO_LARGE,
}
