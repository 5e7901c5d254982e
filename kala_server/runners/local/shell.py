"""Runs commands: each in a session and process group of its own, its output bounded, the loop never held for long.

To load a program takes a third of a millisecond, in which the loop can do nothing else: so commands are started a few
in each turn of the loop, in their order, and what else waits gets its turn between them. How their ends are noticed is
in `process_exits.py`. A command's own background processes do not hold its run: when the command has ended by itself,
they live on, and what they print from then on is read elsewhere (`drains.py`). When it was ended on purpose, they are
ended with it. It decides neither when nor whether to end one.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from kala_server.boot_time import boot_time
from kala_server.core import reasons
from kala_server.ports.runner import TOO_LATE, Attempt, Listener, Outcome
from kala_server.runners.local.drains import Drains
from kala_server.runners.local.environment import ADVICE, Surroundings, surroundings
from kala_server.runners.local.process_exits import Exits
from kala_server.runners.local.processes import signal_group, start_time
from kala_server.runners.local.rights import CannotStartError
from kala_server.runners.local.spawn import Command, Spawner
from kala_server.runners.room import want_in

T = TypeVar("T")
V = TypeVar("V")

_log = logging.getLogger("kala.runner")

KILL_GRACE = 5.0

_CHUNK = 64 * 1024
_MOST_AT_THE_END = 64
"""How many chunks are still read from a pipe after its command has ended: a pipe holds one by default, and a
background process that goes on writing must not hold the run."""
_A_MOMENT = 0.05
"""Seconds after which a process is told of, and its pipe read as it fills. What is over sooner needs no record of its
pid, and /proc is slow to read while a program is being loaded: telling of every `true` cost a quarter of the
throughput. What it printed is read at its end."""
AT_A_TURN = 8
"""Commands that are started in a turn of the loop: some 2 ms, so that ends are noticed meanwhile. They are all made
ready before, and looked after then: what Python does between two programs that are loaded takes three times as long, as
these leave nothing of it in the processor's caches."""
_AGAIN = 0.1
"""Seconds until something is tried again that the machine had no room for."""
_NOT_FOUND = 127
"""What a shell exits with (POSIX, 2.8.2)."""
_NOT_STARTED = Outcome(succeeded=False, reason="it was ended before it was started")


@dataclass(slots=True, eq=False)
class _Child:
    """A command that runs, or whose group is being ended."""

    attempt: Attempt
    pid: int
    pipe: int
    killing: asyncio.TimerHandle | None = None
    """TERM was sent; this sends KILL."""
    watching: asyncio.TimerHandle | None = None
    """There was no room to watch for its end; this tries it again."""
    listening: bool = False
    """What it prints is taken as it comes; before that, its pipe keeps it."""
    ending: bool = False
    exited: bool = False
    silent: bool = False
    """Nobody holds the other end of the pipe any more."""
    unwatched: str = ""
    """Why its output could not be read, so that it had to be ended."""


class ShellRunner:
    """Runs the commands of jobs of type 0."""

    def __init__(
        self,
        *,
        kill_grace: float = KILL_GRACE,
        found: Surroundings | None = None,
        on_spawned: Callable[[str, int, int], None] | None = None,
    ) -> None:
        """Have commands find what is named; None = what those of this very process are to find.

        `on_spawned(handle, pid, start time in clock ticks since boot)` is called for each that lives for longer than a
        moment.
        """
        self._listener: Listener
        self._on_spawned = on_spawned
        self._kill_grace = kill_grace
        self._spawner = Spawner(found or surroundings())
        self._exits = Exits()
        self._drains = Drains()
        self._waiting: OrderedDict[str, Attempt] = OrderedDict()
        """Attempts that wait for their turn of the loop."""
        self._starting = False
        self._children: dict[str, _Child] = {}
        self._young: deque[tuple[float, _Child]] = deque()
        """Those that were just started, and until when they are left alone: one timer for all of them. Most are over
        before that."""
        self._growing_up: asyncio.TimerHandle | None = None
        self._something_ended = asyncio.Event()

    @property
    def has_more_to_start(self) -> bool:
        """Whether commands wait for their turn."""
        return bool(self._waiting)

    def attach(self, listener: Listener, mark: str = "") -> None:  # noqa: ARG002 - the mark is in the surroundings
        """Say whom to tell."""
        self._listener = listener

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:  # noqa: ARG002 - the port's signature
        """Take over nothing: what this process did not start is for the server to find."""
        return frozenset()

    def start(self, attempt: Attempt) -> str:
        """Let the command be spawned in its turn. What goes wrong is an outcome, in words for people."""
        if attempt.handle not in self._children:
            self._waiting[attempt.handle] = attempt
            self._start_soon()
        return attempt.handle

    def end(self, handle: str) -> None:
        """Send TERM to the command's group, and KILL after the grace; one that waits for its turn is not started."""
        if self._waiting.pop(handle, None) is not None:
            asyncio.get_running_loop().call_soon(self._listener.ended, handle, _NOT_STARTED)
        child = self._children.get(handle)
        if child is None or child.ending:
            return
        child.ending = True
        child.killing = asyncio.get_running_loop().call_later(self._kill_grace, self._kill, child)
        self._listen(child)
        signal_group(child.pid, signal.SIGTERM)

    def kill_all(self) -> None:
        """Send KILL to every command's group; those that wait for their turn are not started."""
        for handle in list(self._waiting):
            self.end(handle)
        for child in list(self._children.values()):
            self._kill(child)

    def kill_groups(self) -> None:
        """Send KILL to every command's group, and wait for nothing: this process is about to end."""
        for child in self._children.values():
            signal_group(child.pid, signal.SIGKILL)

    def leave_all(self) -> None:
        """Let the commands that run go on, and print, with nobody to watch them: this process is about to end."""
        for child in self._children.values():
            self._drains.take(child.pipe)

    def independent(self) -> frozenset[str]:
        """Return nothing: commands are ended where this process ends in order."""
        return frozenset()

    def leave(self) -> None:
        """Let go of nothing."""

    async def close(self) -> None:
        """Wait until the commands that were killed are gone; one that the kernel cannot end is left to it."""
        await asyncio.sleep(0)  # those that were not even started are told of in the next turn
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._kill_grace):
                while self._children:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        if self._growing_up is not None:
            self._growing_up.cancel()
        for child in self._children.values():
            if child.watching is not None:
                child.watching.cancel()
        self._exits.close()
        self._drains.close()
        self._spawner.close()

    def _start_soon(self) -> None:
        if self._waiting and not self._starting:
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start_some)

    def _start_some(self) -> None:
        """Start the commands whose turn it is; the others get the next one."""
        self._starting = False
        turn = list(islice(self._waiting.values(), AT_A_TURN))
        ready = [(attempt, self._tried(attempt, self._spawner.prepare, attempt)) for attempt in turn]
        children = [self._spawn(attempt, command) for attempt, command in ready if command]
        for child in filter(None, children):
            self._watch(child)
            self._young.append((asyncio.get_running_loop().time() + _A_MOMENT, child))
        self._await_the_oldest()
        self._start_soon()

    def _spawn(self, attempt: Attempt, command: Command) -> _Child | None:
        if attempt.handle not in self._waiting:
            return None  # whoever heard of the one before has ended it
        if attempt.comes_too_late(boot_time()):
            self._not_started(attempt, TOO_LATE)
            return None
        if (spawned := self._tried(attempt, self._spawner.spawn, command)) is None:
            return None
        del self._waiting[attempt.handle]
        child = self._children[attempt.handle] = _Child(attempt, *spawned)
        return child

    def _tried(self, attempt: Attempt, step: Callable[[V], T], what: V) -> T | None:
        """Take a step towards the start of an attempt; where that goes wrong, it was the last one."""
        try:
            return step(what)
        except CannotStartError as error:
            outcome = Outcome(succeeded=False, reason=str(error), put_off=error.may_be_tried_again)
        except Exception as error:  # noqa: BLE001 - whatever it is, others wait for their turn
            _log.error("could not start the command of the run %s", attempt.run_id, exc_info=error)
            outcome = Outcome(succeeded=False, reason=reasons.not_started(error))
        self._not_started(attempt, outcome)
        return None

    def _not_started(self, attempt: Attempt, outcome: Outcome) -> None:
        del self._waiting[attempt.handle]
        self._listener.ended(attempt.handle, outcome)

    def _watch(self, child: _Child) -> None:
        """Watch for the process's end. Where there is no room for that, it runs on, and is watched when there is."""
        child.watching = None
        try:
            self._exits.watch(child.pid, partial(self._exited, child))
        except OSError as error:
            if want_in(error):
                child.watching = asyncio.get_running_loop().call_later(_AGAIN, self._watch, child)
                return
            signal_group(child.pid, signal.SIGKILL)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # which after KILL takes no time
            child.unwatched = _not_watched(error)
            self._over(child)

    def _await_the_oldest(self) -> None:
        if self._young and self._growing_up is None:
            when, _ = self._young[0]
            self._growing_up = asyncio.get_running_loop().call_at(when, self._grow_up)

    def _grow_up(self) -> None:
        self._growing_up = None
        now = asyncio.get_running_loop().time()
        try:
            while self._young and (self._young[0][0] <= now or self._is_over(self._young[0][1])):
                _, child = self._young.popleft()
                if not self._is_over(child):
                    self._lasts(child)
        finally:
            self._await_the_oldest()  # a fault about one must not cost the others their turn

    def _is_over(self, child: _Child) -> bool:
        return self._children.get(child.attempt.handle) is not child

    def _lasts(self, child: _Child) -> None:
        """The command was not over at once: so its output is read as it comes, and its pid is told."""
        self._listen(child)
        try:
            started = start_time(child.pid)
        except OSError:
            return  # for want of a descriptor: then its pid is not on record
        if started is not None and self._on_spawned is not None:
            self._on_spawned(child.attempt.handle, child.pid, started)

    def _listen(self, child: _Child) -> None:
        if child.listening or self._is_over(child):
            return
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(child.pipe, self._readable, child)
            child.listening = True
        except OSError as error:
            if want_in(error):
                loop.call_later(_AGAIN, self._listen, child)
                return
            child.unwatched = _not_watched(error)
            self._kill(child)

    def _readable(self, child: _Child) -> None:
        child.silent = self._read_chunk(child) == b""
        if child.silent:
            asyncio.get_running_loop().remove_reader(child.pipe)
            if child.exited:
                self._over(child)

    def _exited(self, child: _Child) -> None:
        """The command's first process is gone; after TERM, others of its group may still be at their last words.

        Until it is reaped its pid, and so the group's, belongs to nobody else.
        """
        child.exited = True
        if child.killing is None or child.silent:
            self._over(child)

    def _kill(self, child: _Child) -> None:
        child.ending = True
        if child.killing is not None:
            child.killing.cancel()
            child.killing = None
        signal_group(child.pid, signal.SIGKILL)
        if child.exited:
            self._over(child)

    def _over(self, child: _Child) -> None:
        """Take what is left in the pipe, let go of everything, and tell how it went."""
        if child.listening:
            asyncio.get_running_loop().remove_reader(child.pipe)
        if child.ending:
            signal_group(child.pid, signal.SIGKILL)
        if child.killing is not None:
            child.killing.cancel()
        if self._is_read_to_its_end(child):
            os.close(child.pipe)
        else:
            self._drains.take(child.pipe)
        del self._children[child.attempt.handle]
        self._something_ended.set()
        outcome = _reap(child.pid)
        unwatched = Outcome(succeeded=False, reason=child.unwatched) if child.unwatched else None
        self._listener.ended(child.attempt.handle, unwatched or outcome)

    def _is_read_to_its_end(self, child: _Child) -> bool:
        """Take what is left in the pipe, and return whether nobody can print into it any more."""
        for _ in range(_MOST_AT_THE_END):
            chunk = self._read_chunk(child)
            if not chunk:
                return chunk is not None
        return False

    def _read_chunk(self, child: _Child) -> bytes | None:
        """Move what is in the pipe to the output, and return it; None where it is empty for now, b"" at its end."""
        try:
            chunk = os.read(child.pipe, _CHUNK)
        except BlockingIOError:
            return None
        if chunk:
            self._listener.printed(child.attempt.handle, chunk)
        return chunk


def _not_watched(error: OSError) -> str:
    return f"the command could not be watched: {error.strerror}"


def _reap(pid: int) -> Outcome:
    """Collect the exit code of a process that has ended."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return Outcome(
            succeeded=False, reason="how it went is not known: its exit code went to somebody else"
        )
    return outcome_of(os.waitstatus_to_exitcode(status))


def outcome_of(code: int) -> Outcome:
    """Return what an exit code means, or a signal, which is a negative one."""
    if code >= 0:
        return Outcome(succeeded=code == 0, exit_code=code, reason=_meaning(code))
    name = str(-code)
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
    return Outcome(succeeded=False, signal=-code, reason=f"ended by {name}")


def _meaning(code: int) -> str:
    if code == _NOT_FOUND:
        return f"exit code {code}: a command was not found; {ADVICE}"
    return f"exit code {code}" if code else ""
