"""Real commands under a runner, in this process or in a worker, for the tests of both."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from kala_server.core.model.job import JobSpec
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.runner import Attempt, Outcome
from kala_server.runners.local.notes import Note, Notes
from kala_server.runners.local.processes import Process
from kala_server.runners.local.shell import ShellRunner
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.eventually import PATIENCE

Kind = type[ShellRunner] | type[WorkerRunner]
kind: Kind = ShellRunner
"""What `carry_out` uses; the fixture `both_kinds` sets it."""


class Listening:
    """Who hears what becomes of the runs of a scenario."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}

    def spawned(self, handle: str, pid: int, started: int) -> None:
        self.runs[handle].process.set_result(Process(pid, started))

    def printed(self, handle: str, chunk: bytes, _missing: int = 0) -> None:
        self.runs[handle].output.write(chunk)

    def ended(self, handle: str, outcome: Outcome) -> None:
        self.runs[handle].ended.set_result(outcome)


class Told(Notes):
    """Notes that are told of, and not written."""

    def __init__(self, listening: Listening) -> None:
        super().__init__(None)
        self._listening = listening

    def put(self, handle: str, note: Note) -> None:
        self._listening.spawned(handle, note.pid, note.started)


listening = Listening()
"""Of the scenario under way; `carry_out` sets it."""


def attempt_of(run_id: str = "run-1", **fields: Any) -> Attempt:
    return Attempt(
        handle=f"{run_id}.1",
        run_id=run_id,
        job_id="job-1",
        number=1,
        scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
        spec=JobSpec(name="a job", **fields),
    )


class Run:
    """An attempt under way."""

    def __init__(self, runner: ShellRunner | WorkerRunner, run_id: str = "run-1", **fields: Any) -> None:
        loop = asyncio.get_running_loop()
        self.output = BoundedOutput()
        self.process: asyncio.Future[Process] = loop.create_future()
        self.ended: asyncio.Future[Outcome] = loop.create_future()
        attempt = attempt_of(run_id, **fields)
        listening.runs[attempt.handle] = self
        assert runner.start(attempt) == attempt.handle
        assert not self.ended.done()

    async def has_printed(self, text: bytes) -> None:
        """Return once the text is in the output."""
        async for _ in self.output.follow():
            if text in self.output.text():
                return


def runner_of(kind: Kind, **options: Any) -> ShellRunner | WorkerRunner:
    """Return a runner whose processes are told of."""
    global listening  # noqa: PLW0603 - as `kind`
    listening = Listening()
    if kind is ShellRunner:
        runner: ShellRunner | WorkerRunner = ShellRunner(on_spawned=listening.spawned, **options)
    else:
        runner = WorkerRunner(notes=Told(listening), **options)
    # What other tests run at the same time, under the same ids, is none of this one's.
    runner.attach(listening, f"a mark of process {os.getpid()}")
    return runner


def carry_out(
    scenario: Callable[[Any], Awaitable[None]],
    *,
    kill_grace: float = 30,
    **options: Any,
) -> None:
    """Run a scenario with a runner; whatever happens, no process outlives it."""

    async def whole() -> None:
        runner = runner_of(kind, kill_grace=kill_grace, **options)
        try:
            async with asyncio.timeout(PATIENCE):
                await scenario(runner)
        finally:
            runner.kill_all()
            await runner.close()

    asyncio.run(whole())
