"""One command, once, just as a job would run it: the same words, environment and process group. No server."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import BinaryIO
from uuid import uuid4

import click

from kala_client.clock import utc_now
from kala_server.cli.text.plain import printable
from kala_server.cli.text.show import took
from kala_server.core.commands.runnable import A_JOB_MAY
from kala_server.core.model.job import JobSpec
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.runner import Attempt, Outcome
from kala_server.runners.local.environment import hide_secrets, surroundings
from kala_server.runners.local.inherited import reset_signals
from kala_server.runners.local.shell import ShellRunner


def run_once(command: str, pass_env: Sequence[str] = ()) -> int:
    """Run the command, pass its output on, say on stderr how it went, and return the exit code: 0 or 1."""
    reset_signals(but=[signal.SIGHUP])
    hide_secrets()
    output = _PassedOn(sys.stdout.buffer)
    outcome, seconds = asyncio.run(_run(command, pass_env, output))
    if output.broken:
        raise output.broken
    click.echo(_sentence(outcome, seconds), err=True)
    return 0 if outcome.succeeded else 1


class _PassedOn(BoundedOutput):
    """Writes what the command prints to a stream, all of it and at once; keeps nothing."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(head=0, tail=0)
        self._stream = stream
        self.broken: BrokenPipeError | None = None
        self.gone = asyncio.Event()
        """Set when nobody reads the stream any more."""

    def write(self, chunk: bytes) -> None:
        """Pass the chunk on."""
        if self.broken:
            return
        try:
            self._stream.write(chunk)
            self._stream.flush()
        except BrokenPipeError as error:
            self.broken = error
            self.gone.set()


async def _run(command: str, pass_env: Sequence[str], output: _PassedOn) -> tuple[Outcome, float]:
    """Return how the command went and how many seconds it took."""
    loop = asyncio.get_running_loop()
    runner, ended = ShellRunner(found=surroundings(pass_env=pass_env)), loop.create_future()
    attempt = Attempt(
        run_id=str(uuid4()),
        job_id=str(uuid4()),
        number=1,
        scheduled_at=utc_now(),
        spec=JobSpec(name="kala run", command=command),
        output=output,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.end, attempt.run_id)
    began = loop.time()
    runner.start(attempt, on_spawned=lambda _pid, _started: None, on_ended=ended.set_result)
    unread = asyncio.create_task(output.gone.wait())
    await asyncio.wait({ended, unread}, return_when=asyncio.FIRST_COMPLETED)
    unread.cancel()
    runner.end(attempt.run_id)
    outcome: Outcome = await ended
    await runner.close()
    return outcome, loop.time() - began


def _sentence(outcome: Outcome, seconds: float) -> str:
    if outcome.succeeded:
        return f"succeeded in {took(seconds)}"
    reason = outcome.reason.replace(A_JOB_MAY, "")
    return f"failed after {took(seconds)}: {printable(reason)}"
