"""The supervisor: owns the sockets, starts the server, watches its pulse, and has it back when it ends.

    objserver serve = [supervisor] -- plan, sockets --> server (child.py)
                         ^  ^------- pulse ------------- |       memory that both see (pulse.py)
                         `---------- "ready ..." --------'

While there is no server its clients stand in the backlog of the sockets. How it ended decides what follows:

    status 0                         it was stopped: the supervisor ends, too
    STATUS_MACHINE                   a fault of the machine, said already: the supervisor ends with the same status
    STATUS_AGAIN                     started again: it only recovered, or is to begin anew in another role
    a crash, memory, a bug           started again; the request that was running is remembered and refused (culprits.py)
    ended by the watchdog            the same: one snippet ran longer than `snippet_seconds`
    any other signal                 started again; somebody killed it, which is nobody's snippet's fault

A server that ends before it is ready is tried again START_COUNT_MAX times, then the supervisor gives up.

It does little, so that there is little to go wrong: no thread, no client's bytes but to remember them, and neither
the engine nor trio in memory. The clock is read here, not by the server: a word in shared memory that stays the same
for too long asks nothing of a process that may be in a loop in C, where no handler and no other thread of it runs.

Promise: a clean stop is a clean stop of the server; when the supervisor ends, however that is, the server does
(tests/server/test_supervisor.py, tests/crash).
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

from objserver.limits import MIB, STACK_SIZE

from .culprits import Culprits
from .listeners import Listener
from .plan import Plan
from .pulse import Pulse

__all__ = ["STATUS_AGAIN", "STATUS_FAULT", "STATUS_MACHINE", "Supervisor", "default_memory_size"]

STATUS_MACHINE: Final = 1
STATUS_FAULT: Final = 70  # EX_SOFTWARE of sysexits.h
STATUS_AGAIN: Final = 75  # EX_TEMPFAIL

THREAD_STACK_SIZE: Final = 16 * MIB

# Before the first and between tries to start a server that ends before it is ready, or soon after.
START_COUNT_MAX: Final = 6
PAUSE_SECONDS: Final = 0.05
PAUSE_SECONDS_MAX: Final = 2.0
# A server that was ready for so long ended for a new reason.
STEADY_SECONDS: Final = 1.0

# One that is to begin anew does so at once, so many times in a row.
AGAIN_COUNT: Final = 3

# The pulse is looked at so often within the time that a snippet has.
LOOKS: Final = 8

# Signals that say that the process did something wrong; any other came from outside.
CRASHES: Final = frozenset({
    signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP,
})
STOPS: Final = (signal.SIGTERM, signal.SIGINT)

# What a Python needs to find itself. The rest of the environment is nothing to a server, or to what breaks into it.
ENVIRONMENT_KEPT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME")

CHILD: Final = ("-m", "objserver.server.child")


class Supervisor:
    """Serves `plan` on `listeners`, which it closes. Needs the main thread of a process of its own."""

    def __init__(
        self,
        plan: Plan,
        listeners: Sequence[Listener],
        *,
        snippet_seconds: float,
        command: Sequence[str] = CHILD,
        tell: Callable[[str], object] = lambda text: print(text, file=sys.stderr, flush=True),
    ) -> None:
        """
        Args:
            plan: without sockets and pulse.
            snippet_seconds: how long one snippet may run; also one that is looping in C.
            command: what the interpreter runs as the server.
            tell: takes one readable line for the operator.
        """
        pulse = Pulse.create()
        self._listeners = list(listeners)
        self._plan = replace(plan, sockets=[it.sock.fileno() for it in listeners], pulse=pulse)
        self._pulse = Pulse(pulse)
        self._snippet_seconds = snippet_seconds
        self._command = [sys.executable, "-P", *(f"-W{option}" for option in sys.warnoptions), *command]
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: int | None = None  # the signal
        self._restart_count = 0
        self._ended = ""  # how the last server ended
        self._ended_by_itself = False  # it failed, and not for a snippet: so it would again
        self._announced = False  # the first "ready" line was passed on

    def run(self) -> int:
        """Serve until a signal, or until it can't go on; return the status to exit with.

        A signal that ends the server before its time, or a second one, ends this process too.
        """
        awake, wake = socket.socketpair()
        with awake, wake:
            wake.setblocking(False)
            awake.setblocking(False)
            signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
            for number in STOPS:
                signal.signal(number, self._on_stop)
            signal.signal(signal.SIGCHLD, lambda signum, frame: None)  # so that it writes to `wake`
            try:
                return self._serve(awake)
            finally:
                signal.set_wakeup_fd(-1)
                if self._process is not None:
                    self._process.kill()
                    self._process.wait()
                self._close_listeners()

    def _serve(self, awake: socket.socket) -> int:
        failed = again = 0
        while True:
            process = self._start()
            ready_at, ended_by_us = self._watch(process, awake)
            code = process.returncode
            if code == STATUS_AGAIN and self._stop is not None:
                return self._end(0)
            if self._stop is not None or code in (0, STATUS_MACHINE):
                return self._end(code)
            steady = ready_at is not None and time.monotonic() - ready_at > STEADY_SECONDS
            if code == STATUS_AGAIN:
                self._ended_by_itself = False
                again = 0 if steady else again + 1
                if again > AGAIN_COUNT:
                    self._wait(awake, PAUSE_SECONDS_MAX)
                    if self._stop is not None:
                        return self._end(0)
                continue
            failed = 0 if steady else failed + 1
            self._note_end(code, ended_by_us, ready_at is not None)
            if ready_at is None and failed >= START_COUNT_MAX:
                self._tell(f"Error: the server ended {failed} times before it was ready; see above")
                return STATUS_MACHINE
            if failed > 1:
                pause = min(PAUSE_SECONDS * 2 ** (failed - 2), PAUSE_SECONDS_MAX if ready_at is None else 0.5)
                self._wait(awake, pause)
                if self._stop is not None:
                    return self._end(code)
            self._restart_count += 1

    # --- one server -------------------------------------------------------------------------------------------------

    def _start(self) -> subprocess.Popen[bytes]:
        facts: Mapping[str, object] = {"restarts": self._restart_count, "restart_reason": self._ended}
        plan = replace(
            self._plan, facts={**self._plan.facts, **facts}, checkpoint_first=self._ended_by_itself
        )
        self._pulse.end()
        environment = {name: os.environ[name] for name in ENVIRONMENT_KEPT if name in os.environ}
        environment |= {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[*plan.sockets, plan.pulse],
            env=environment,
            # A session of its own: Ctrl-C in the terminal is for the supervisor, and the terminal out of its reach.
            start_new_session=True,
            preexec_fn=_widen_stack,
        )
        assert process.stdin is not None
        try:
            with process.stdin as stdin:
                stdin.write(plan.dump())
        except BrokenPipeError:
            pass  # it ended already; the status says why
        return process

    def _watch(self, process: subprocess.Popen[bytes], awake: socket.socket) -> tuple[float | None, bool]:
        """Watch a server until it has ended. Returns when it was ready, None when it never was, and who ended it."""
        assert process.stdout is not None
        ready_at: float | None = None
        ended_by_us = False
        told: int | None = None  # the stop signal that was passed on
        beat, ran, looked = None, 0.0, time.monotonic()
        interval = self._snippet_seconds / LOOKS
        line = b""
        with process.stdout as output:
            poll = select.poll()
            poll.register(awake, select.POLLIN)
            poll.register(output, select.POLLIN)
            while process.poll() is None:
                if self._stop is not None and told is None:
                    told = self._stop
                    process.terminate()
                    self._close_listeners()
                for fd, _ in poll.poll(interval * 1000):
                    if fd == awake.fileno():
                        _drain(awake)
                        continue
                    data = os.read(fd, 4096)
                    if not data:
                        poll.unregister(fd)
                    line += data
                    if ready_at is None and b"\n" in line:
                        ready_at = time.monotonic()
                        self._announce(line)
                now = time.monotonic()
                # Time in which this process did not run either, as when a container is frozen, is nobody's.
                step, looked = min(now - looked, 2 * interval), now
                if (found := self._pulse.beat()) != beat:
                    beat, ran = found, 0.0
                elif beat is not None and not ended_by_us and not _is_stopped(process.pid):
                    ran += step
                    if ran > self._snippet_seconds:
                        ended_by_us = True
                        process.kill()
            if ready_at is None and output.read():
                ready_at = time.monotonic()
        return ready_at, ended_by_us

    def _announce(self, line: bytes) -> None:
        if self._announced:
            self._tell(f"the server is back: {line.decode(errors='replace').rstrip()}")
            return
        self._announced = True
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except OSError:
            pass  # nobody listens any more

    # --- ends -------------------------------------------------------------------------------------------------------

    def _note_end(self, code: int, ended_by_us: bool, was_ready: bool) -> None:
        """Say how the server ended, and remember the request that did it."""
        self._ended_by_itself = False
        if ended_by_us:
            why = f"it ran longer than {self._snippet_seconds:g} s"
        elif code == STATUS_FAULT:
            why = "it needed more memory than there is, or met a bug"
        elif -code in CRASHES:
            why = f"it crashed the interpreter ({signal.Signals(-code).name})"
        else:
            name = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
            self._ended = f"{name}, from outside"
            self._tell(f"the server was ended ({self._ended}); starting it again")
            return
        now = time.time()
        body = self._pulse.culprit()
        self._ended = f"a snippet: {why}" if body is not None else why.replace("it", "the server", 1)
        self._tell(f"the server ended: {self._ended}; starting it again")
        if body is None:
            # A checkpoint may have needed the memory. It is made again, before the next server has a bound on that.
            self._ended_by_itself = True
            return
        self._tell(f"it was running {_shown(body)}")
        culprits = Culprits.load(Path(self._plan.folder))
        try:
            if culprits.add(body, now, why) is None:
                self._tell("which can't be remembered: it may run again")
        except OSError as error:
            self._tell(f"which can't be remembered: {error}")

    def _end(self, code: int) -> int:
        """Return the status for the end of the last server; when a signal ended it, end by that signal."""
        self._process = None
        if code >= 0:
            return code
        if -code in STOPS:
            self._close_listeners()
            _end_by(-code)
        self._tell(f"the server was ended by {signal.Signals(-code).name} while it stopped; what it had said is kept")
        return STATUS_MACHINE

    def _on_stop(self, signum: int, frame: FrameType | None) -> None:
        if self._stop is None:
            self._stop = signum
            return
        if self._process is not None:
            self._process.kill()
        self._close_listeners()
        _end_by(signum)

    def _close_listeners(self) -> None:
        while self._listeners:
            self._listeners.pop().close()

    def _wait(self, awake: socket.socket, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._stop is None and (left := until - time.monotonic()) > 0:
            if select.select([awake], [], [], left)[0]:
                _drain(awake)


def default_memory_size() -> int:
    """Return three quarters of what the machine, or this process's group, has: bytes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):
            pass
    return total // 4 * 3


def _widen_stack() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_STACK)
    size = STACK_SIZE if most == resource.RLIM_INFINITY else min(STACK_SIZE, most)
    resource.setrlimit(resource.RLIMIT_STACK, (size, most))


def _end_by(signum: int) -> None:
    """End this process as the signal does that was sent to it."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def _is_stopped(pid: int) -> bool:
    """Whether somebody stopped the process, with SIGSTOP or a debugger: then it is not the snippet that takes long."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"T", b"t")
    except (OSError, IndexError):
        return False


def _drain(awake: socket.socket) -> None:
    try:
        while awake.recv(4096):
            pass
    except BlockingIOError:
        pass


def _shown(body: bytes) -> str:
    text = body[:300].decode(errors="replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text) + ("..." if len(body) > 300 else "")
