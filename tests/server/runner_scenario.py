"""Real commands under a runner, in this process or in a worker, for the tests of both."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from kala_server.core.model.job import JobSpec
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.runner import Attempt, Outcome, Output
from kala_server.runners.local.processes import Process
from kala_server.runners.local.shell import ShellRunner
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.eventually import PATIENCE

Kind = type[ShellRunner] | type[WorkerRunner]
kind: Kind = ShellRunner
"""What `carry_out` uses; the fixture `both_kinds` sets it."""


def attempt_of(output: Output, run_id: str = "run-1", **fields: Any) -> Attempt:
    return Attempt(
        run_id=run_id,
        job_id="job-1",
        number=1,
        scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
        spec=JobSpec(name="a job", **fields),
        output=output,
        mark="a mark",
    )


class Run:
    """An attempt under way."""

    def __init__(self, runner: ShellRunner | WorkerRunner, run_id: str = "run-1", **fields: Any) -> None:
        loop = asyncio.get_running_loop()
        self.output = BoundedOutput()
        self.process: asyncio.Future[Process] = loop.create_future()
        self.ended: asyncio.Future[Outcome] = loop.create_future()
        attempt = attempt_of(self.output, run_id, **fields)
        runner.start(attempt, on_spawned=self._spawned, on_ended=self.ended.set_result)
        assert not self.ended.done()

    def _spawned(self, pid: int, started: int) -> None:
        self.process.set_result(Process(pid, started))

    async def has_printed(self, text: bytes) -> None:
        """Return once the text is in the output."""
        async for _ in self.output.follow():
            if text in self.output.text():
                return


def carry_out(
    scenario: Callable[[Any], Awaitable[None]],
    *,
    kill_grace: float = 30,
    **options: Any,
) -> None:
    """Run a scenario with a runner; whatever happens, no process outlives it."""

    async def whole() -> None:
        runner = kind(kill_grace=kill_grace, **options)
        try:
            async with asyncio.timeout(PATIENCE):
                await scenario(runner)
        finally:
            runner.kill_all()
            await runner.close()

    asyncio.run(whole())
