"""One command, once, just as a job would run it: the same words, environment and process group. No server."""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from typing import BinaryIO
from uuid import uuid4

import click

from kala_client.clock import utc_now
from kala_server.cli.text.plain import printable
from kala_server.cli.text.show import took
from kala_server.core.commands.runnable import A_JOB_MAY
from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt, Outcome
from kala_server.runners.local.environment import hide_secrets, surroundings
from kala_server.runners.local.inherited import reset_signals
from kala_server.runners.local.shell import ShellRunner


def run_once(command: str, pass_env: Sequence[str] = ()) -> int:
    """Run the command, pass its output on, say on stderr how it went, and return the exit code: 0 or 1."""
    reset_signals(but=[signal.SIGHUP])
    hide_secrets()
    outcome, seconds = asyncio.run(_run(command, pass_env))
    click.echo(_sentence(outcome, seconds), err=True)
    return 0 if outcome.succeeded else 1


class _PassedOn:
    """Writes what the command prints to a stream, all of it and at once, and takes note of how it went."""

    def __init__(self, stream: BinaryIO, on_broken: Callable[[], None]) -> None:
        """Call `on_broken` once nobody reads the stream any more."""
        self._stream = stream
        self._on_broken = on_broken
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.broken: BrokenPipeError | None = None

    def ended(self, _handle: str, outcome: Outcome) -> None:
        """Take note of how it went."""
        self.outcome.set_result(outcome)

    def printed(self, _handle: str, chunk: bytes, _missing: int = 0) -> None:
        """Pass the chunk on."""
        if self.broken:
            return
        try:
            self._stream.write(chunk)
            self._stream.flush()
        except BrokenPipeError as error:
            self.broken = error
            asyncio.get_running_loop().call_soon(self._on_broken)


async def _run(command: str, pass_env: Sequence[str]) -> tuple[Outcome, float]:
    """Return how the command went and how many seconds it took. Raises BrokenPipeError where nobody reads it."""
    loop = asyncio.get_running_loop()
    runner, run_id = ShellRunner(found=surroundings(pass_env=pass_env)), str(uuid4())
    output = _PassedOn(sys.stdout.buffer, lambda: runner.end(run_id))
    runner.attach(output)
    attempt = Attempt(
        handle=run_id,
        run_id=run_id,
        job_id=str(uuid4()),
        number=1,
        scheduled_at=utc_now(),
        spec=JobSpec(name="kala run", command=command),
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.end, run_id)
    began = loop.time()
    runner.start(attempt)
    outcome = await output.outcome
    await runner.close()
    if output.broken:
        raise output.broken
    return outcome, loop.time() - began


def _sentence(outcome: Outcome, seconds: float) -> str:
    if outcome.succeeded:
        return f"succeeded in {took(seconds)}"
    reason = outcome.reason.replace(A_JOB_MAY, "")
    return f"failed after {took(seconds)}: {printable(reason)}"
