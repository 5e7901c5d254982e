"""Commands that are only told of: how long each attempt takes, how it ends and what it prints. Nothing is started.

It knows neither schedules nor servers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from kala_client.schedules.period import Period
from kala_server.clock import Clock
from kala_server.core.time.durations import after
from kala_server.ports.runner import TOO_LATE, Attempt, Listener
from kala_server.runners.local.shell import outcome_of

_TERM, _KILL = -15, -9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """How an attempt goes."""

    takes: str = ""
    exit_code: int = 0
    output: str = ""


class Script:
    """What the attempts of a job do, one after the other; the last one that is told goes on for ever.

    A command of which nothing is told succeeds at once and prints nothing.
    """

    def __init__(self) -> None:
        self._takes = ""
        self._attempts: list[_Planned] = []
        self._played = 0

    @property
    def played(self) -> bool:
        """Whether the job had an attempt."""
        return self._played > 0

    def takes(self, duration: str | timedelta) -> "Script":
        """Let attempts take so long that are told of from here on: `"PT70M"`, or a timedelta."""
        period = (
            Period.from_timedelta(duration) if isinstance(duration, timedelta) else Period.parse(duration)
        )
        self._takes = str(period)
        return self

    def then(self, *, exit_code: int = 0, output: str = "") -> "Script":
        """Tell how the next attempt ends, and what it prints; a negative exit code is a signal that ends it."""
        self._attempts.append(_Planned(takes=self._takes, exit_code=exit_code, output=output))
        return self

    def then_ok(self, output: str = "") -> "Script":
        """Tell that the next attempt succeeds."""
        return self.then(output=output)

    def next(self) -> _Planned:
        """Return how the attempt goes that starts now."""
        number, self._played = self._played, self._played + 1
        if not self._attempts:
            return _Planned(takes=self._takes)
        return self._attempts[min(number, len(self._attempts) - 1)]


class Scripts:
    """The scripts of jobs, by their names."""

    def __init__(self) -> None:
        self._scripts: defaultdict[str, Script] = defaultdict(Script)

    def of(self, name: str) -> Script:
        """Return the script of a job, to be read or written on."""
        return self._scripts[name]

    def of_nobody(self, known: Iterable[str]) -> list[str]:
        """Return the names that are none of the known ones, and under which nothing was ever started."""
        waiting = {name for name, script in self._scripts.items() if not script.played}
        return sorted(waiting.difference(known)) if waiting else []


class FakeRunner:
    """See `kala_server.ports.runner.Runner` for what its methods promise."""

    def __init__(self, clock: Clock, scripts: Scripts) -> None:
        self._clock = clock
        self._scripts = scripts
        self._running: dict[str, object] = {}
        """By handle; a token of its own for each, as the same handle is started again where it was put off."""
        self._listener: Listener

    def attach(self, listener: Listener, mark: str = "") -> None:  # noqa: ARG002 - there is nothing to be known again
        """Say whom to tell."""
        self._listener = listener

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:  # noqa: ARG002 - the port's signature
        """Take over nothing: a fake ends with its server."""
        return frozenset()

    def start(self, attempt: Attempt) -> str:
        """Let the clock say when it ends."""
        if attempt.handle not in self._running:
            if attempt.comes_too_late(self._clock.since_boot()):
                self._clock.later(timedelta(0), partial(self._listener.ended, attempt.handle, TOO_LATE))
                return attempt.handle
            planned = self._scripts.of(attempt.spec.name).next()
            token = self._running[attempt.handle] = object()
            now = self._clock.now()
            takes = (after(now, planned.takes) or now) - now
            self._clock.later(takes, partial(self._over, attempt.handle, planned, token))
        return attempt.handle

    def end(self, handle: str) -> None:
        """Let it end by a signal, as a command does that minds nothing."""
        self._end(handle, _TERM)

    def kill_all(self) -> None:
        """Let all of them end by a signal."""
        for handle in list(self._running):
            self._end(handle, _KILL)

    def independent(self) -> frozenset[str]:
        """Return nothing: a fake ends with its server."""
        return frozenset()

    def leave(self) -> None:
        """Let go of nothing."""

    async def close(self) -> None:
        """Hold nothing."""

    def _over(self, handle: str, planned: _Planned, token: object) -> None:
        if self._running.get(handle) is token:  # it may have been ended before
            del self._running[handle]
            if planned.output:
                self._listener.printed(handle, planned.output.encode())
            self._listener.ended(handle, outcome_of(planned.exit_code))

    def _end(self, handle: str, signal: int) -> None:
        if self._running.pop(handle, None):
            self._clock.later(timedelta(0), partial(self._listener.ended, handle, outcome_of(signal)))
