"""Real commands under a ShellRunner, for the tests of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from kala_server.core.job import JobSpec
from kala_server.runner.output import BoundedOutput
from kala_server.runner.processes import Process
from kala_server.runner.protocol import Attempt, Outcome
from kala_server.runner.shell import ShellRunner


class Run:
    """An attempt under way."""

    def __init__(self, runner: ShellRunner, run_id: str = "run-1", **fields: Any) -> None:
        loop = asyncio.get_running_loop()
        self.output = BoundedOutput()
        self.process: asyncio.Future[Process] = loop.create_future()
        self.ended: asyncio.Future[Outcome] = loop.create_future()
        attempt = Attempt(
            run_id=run_id,
            job_id="job-1",
            number=1,
            scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
            spec=JobSpec(name="a job", **fields),
            output=self.output,
        )
        runner.start(attempt, on_spawned=self._spawned, on_ended=self.ended.set_result)
        assert not self.ended.done()

    def _spawned(self, pid: int, started: int) -> None:
        self.process.set_result(Process(pid, started))

    async def has_printed(self, text: bytes) -> None:
        """Return once the text is in the output."""
        async for _ in self.output.follow():
            if text in self.output.text():
                return


def carry_out(scenario: Callable[[ShellRunner], Awaitable[None]], *, kill_grace: float = 30) -> None:
    """Run a scenario with a runner; whatever happens, no process outlives it."""

    async def whole() -> None:
        runner = ShellRunner(kill_grace=kill_grace)
        try:
            async with asyncio.timeout(60):
                await scenario(runner)
        finally:
            runner.kill_all()
            await runner.close()

    asyncio.run(whole())
