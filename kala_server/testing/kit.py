"""The whole real server on a clock that moves only when it is told to, for tests of jobs.

with Kit(start="2035-03-24T00:00Z") as kit:
    kit.client.create_job(name="dump", command="pg_dump app", schedule="0 3 * * *")
    kit.command("dump").takes("PT70M").then(exit_code=3, output="boom").then_ok()
    kit.advance("P31D")
    assert [run.state for run in kit.runs_of("dump")][:2] == ["failed", "succeeded"]

What happens on the server's loop is in `virtual_server.py`; this is the side of the test, which waits for it.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, TypeVar

from kala_client import KalaClient, Run
from kala_client._model.nearest import nearest
from kala_client.schedules.period import Period
from kala_server.core.state.state import State
from kala_server.core.time import durations
from kala_server.testing.apart import apart
from kala_server.testing.fakes import Script
from kala_server.testing.running import settings_of
from kala_server.testing.virtual_server import KitError, VirtualServer, virtual_server

T = TypeVar("T")

_IN_MEMORY = "/dev/shm"  # noqa: S108 - the folder made within is for its owner alone


class KitClient(KalaClient):
    """A client of a kit's server, which can also do what the kit does."""

    def __init__(self, kit: "Kit", token: str | None) -> None:
        super().__init__(kit.url, token=token)
        self._kit = kit

    @property
    def now(self) -> datetime:
        """What the server's clock says."""
        return self._kit.now

    def command(self, name: str) -> Script:
        """Return what is told of a job's command: `Kit.command`."""
        return self._kit.command(name)

    def advance(self, by: str | timedelta) -> None:
        """Let time pass: `Kit.advance`."""
        self._kit.advance(by)

    def crash(self, down: str | timedelta = timedelta(0)) -> None:
        """Lose the server, and start it again after a while: `Kit.crash`."""
        self._kit.crash(down)

    def runs_of(self, job: str) -> list[Run]:
        """Return the ledger of a job, the oldest entry first: `Kit.runs_of`."""
        return self._kit.runs_of(job)


class Kit:
    """A server while a block lasts, its time, its commands and what came of them."""

    client: KitClient
    """A client of it, of the block."""

    def __init__(
        self,
        start: str | datetime = "2035-01-01T00:00Z",
        *,
        real_commands: bool = False,
        journal: bool = True,
        seed: int = 0,
        patience: float = 60,
        **settings: Any,
    ) -> None:
        """Plan a server whose time begins at an aware instant.

        Its commands are fakes, of which `command` tells how they go, or real ones: then the clock stands still while
        one runs, and one that takes longer than `patience` seconds is an error. `journal` says whether it keeps one,
        in a folder that goes with the block unless there is a `data_dir`. The same `seed` gives the same ids.
        `settings` are fields of `kala_server.config.Settings`, such as `max_running`.
        """
        self._start = _instant(start)
        self._real_commands = real_commands
        self._seed = seed
        self._patience = patience if real_commands else None
        self._settings = settings_of(None, settings)
        self._journal = journal or self._settings.data_dir is not None
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as entered:
            if self._journal and self._settings.data_dir is None:
                folder = entered.enter_context(
                    TemporaryDirectory(prefix="kala-kit-", dir=_where_a_sync_is_cheap())
                )
                self._settings = replace(self._settings, data_dir=Path(folder, "data"))
            self._server = entered.enter_context(apart(virtual_server(self._make_server)))
            self.client = entered.enter_context(KitClient(self, token=self._settings.token or None))
            self._exit = entered.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def url(self) -> str:
        """Where the server answers; the same after a `crash`."""
        return self._server.url

    @property
    def now(self) -> datetime:
        """What the server's clock says."""
        return self._server.clock.now()

    def command(self, name: str) -> Script:
        """Return what is told of a job's command, by the job's name; there need not be such a job yet.

        Raises KitError where commands are real.
        """
        if self._real_commands:
            raise KitError("with real_commands=True nothing can be told of a command: it does what it does")
        return self._server.scripts.of(name)

    def advance(self, by: str | timedelta) -> None:
        """Let time pass: `"P31D"`, or a timedelta. Every slot, retry and timeout on the way has its time, one by one.

        Raises KitError where `command` has told of a job that there is not.
        """
        until = self._after(by)
        if unknown := self._server.scripts.of_nobody(self._names()):
            raise KitError(f"command({unknown[0]!r}) tells of no job: {_no_job(unknown[0], self._names())}")
        self._do(self._server.advance(until))

    def crash(self, down: str | timedelta = timedelta(0)) -> None:
        """Lose the server without a stop, and start it again on the same journal after a while, here at once.

        Commands that ran are gone, and their runs interrupted. Raises KitError without a journal.
        """
        if not self._journal:
            raise KitError(
                "crash() needs a journal, or all would be lost: Kit(journal=True), as it is by default"
            )
        self._do(self._server.crash(self._after(down) - self.now))

    def runs_of(self, job: str) -> list[Run]:
        """Return the ledger of a job, by its name or id, the oldest entry first.

        Raises KitError where there is no such job, or several have the name.
        """
        return [*self.client.runs(self._job_id(job))][::-1]

    # -- within

    def _make_server(self) -> VirtualServer:
        return VirtualServer(self._settings, start=self._start, seed=self._seed, patience=self._patience)

    def _job_id(self, job: str) -> str:
        names = self._read(lambda state: {each.id: each.spec.name for each in state.jobs.values()})
        named = [job] if job in names else [job_id for job_id, name in names.items() if name == job]
        if not named:
            raise KitError(_no_job(job, names.values()))
        if len(named) > 1:
            raise KitError(f"{len(named)} jobs are named {job!r}: say which by its id, of {', '.join(named)}")
        return named[0]

    def _names(self) -> set[str]:
        return self._read(lambda state: {job.spec.name for job in state.jobs.values()})

    def _read(self, question: Callable[[State], T]) -> T:
        async def answer() -> T:
            return question(self._server.state)

        return self._do(answer())

    def _after(self, by: str | timedelta) -> datetime:
        period = Period.from_timedelta(by) if isinstance(by, timedelta) else Period.parse(by)
        return durations.after(self.now, str(period)) or self.now

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done where the server is."""
        return asyncio.run_coroutine_threadsafe(work, self._server.loop).result()


def _where_a_sync_is_cheap() -> str | None:
    """Return a folder in memory, as the system outlives each crash here; None for that of other temporary files."""
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None


def _instant(start: str | datetime) -> datetime:
    instant = datetime.fromisoformat(start) if isinstance(start, str) else start
    if instant.tzinfo is None:
        raise ValueError(f"the start {start} says no offset from UTC; with one it is {instant.isoformat()}Z")
    return instant.astimezone(UTC)


def _no_job(name: str, known: Iterable[str]) -> str:
    """Say that there is no such job, and which is meant or could be."""
    names = sorted(set(known))
    if meant := nearest(name, names):
        return f"there is no job {name!r}; did you mean {meant!r}?"
    return f"there is no job {name!r}; there are {', '.join(map(repr, names)) or 'none'}"
