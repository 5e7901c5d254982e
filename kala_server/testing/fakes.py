"""Commands that are only told of: how long each attempt takes, how it ends and what it prints. Nothing is started.

It knows neither schedules nor servers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from kala_client.schedules.period import Period
from kala_server.clock import Clock
from kala_server.core.time.durations import after
from kala_server.ports.runner import Attempt, Outcome
from kala_server.runners.local.shell import outcome_of

_TERM, _KILL = -15, -9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
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
        self._attempts: list[_Attempt] = []
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
        self._attempts.append(_Attempt(takes=self._takes, exit_code=exit_code, output=output))
        return self

    def then_ok(self, output: str = "") -> "Script":
        """Tell that the next attempt succeeds."""
        return self.then(output=output)

    def next(self) -> _Attempt:
        """Return how the attempt goes that starts now."""
        number, self._played = self._played, self._played + 1
        if not self._attempts:
            return _Attempt(takes=self._takes)
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
        self._running: dict[str, Callable[[Outcome], None]] = {}

    def start(
        self,
        attempt: Attempt,
        *,
        on_spawned: Callable[[int, int], None],  # noqa: ARG002 - there is no process
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Let the clock say when it ends."""
        planned = self._scripts.of(attempt.spec.name).next()
        self._running[attempt.run_id] = on_ended
        now = self._clock.now()
        takes = (after(now, planned.takes) or now) - now
        self._clock.later(takes, partial(self._over, attempt, planned, on_ended))

    def end(self, run_id: str) -> None:
        """Let it end by a signal, as a command does that minds nothing."""
        self._end(run_id, _TERM)

    def kill_all(self) -> None:
        """Let all of them end by a signal."""
        for run_id in list(self._running):
            self._end(run_id, _KILL)

    async def close(self) -> None:
        """Hold nothing."""

    def _over(self, attempt: Attempt, planned: _Attempt, on_ended: Callable[[Outcome], None]) -> None:
        if self._running.get(attempt.run_id) is on_ended:  # it may have been ended before
            del self._running[attempt.run_id]
            attempt.output.write(planned.output.encode())
            on_ended(outcome_of(planned.exit_code))

    def _end(self, run_id: str, signal: int) -> None:
        if on_ended := self._running.pop(run_id, None):
            self._clock.later(timedelta(0), partial(on_ended, outcome_of(signal)))
