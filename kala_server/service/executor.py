"""Carries out the engine's effects: starts and ends attempts, keeps their output, and tells how they went.

It decides nothing. What it learns goes back to the service as events.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from math import inf

from kala_server.core import reasons
from kala_server.core.commands import templates
from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState
from kala_server.core.state.state import State
from kala_server.outputs.bounded import BoundedOutput, Piece
from kala_server.outputs.kept import Outputs
from kala_server.outputs.live import LiveOutputs
from kala_server.ports.runner import Attempt, Outcome, Runner

_log = logging.getLogger("kala.executor")

_ONE_TROUBLE = 60.0
"""Seconds without a start that was put off after which the next one is of another trouble."""


class Executor:
    """The runner, the outputs, and what is in flight between them."""

    def __init__(self, *, runner: Runner, outputs: Outputs, output_limits: tuple[int, int]) -> None:
        self._runner = runner
        self._outputs = outputs
        self._live = LiveOutputs(outputs, output_limits)
        self._in_flight: dict[str, str] = {}
        """The runs of attempts that were started or adopted, by handle."""
        self._unwanted: dict[str, asyncio.Future[None]] = {}
        """Attempts that outlived their server, are being ended, and are not to be told of."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._something_ended = asyncio.Event()
        self._wanted = ""
        """What there was no room for, the last time that a start was put off."""
        self._wanted_at = 0.0
        self._tell: Callable[[inputs.Input], None] = _to_nobody
        self._not_after: Callable[[], float] = lambda: inf

    def attach(
        self, tell: Callable[[inputs.Input], None], mark: str, not_after: Callable[[], float] = lambda: inf
    ) -> None:
        """Say whom to tell how attempts go, what mark they are to carry, and until when they may be started."""
        self._tell = tell
        self._not_after = not_after
        self._runner.attach(self, mark)

    def redirect(self, tell: Callable[[inputs.Input], None]) -> dict[str, str]:
        """Tell somebody else from now on how attempts go, and return those that go on here, by their runs."""
        self._leave()
        self._tell = tell
        return {run_id: handle for handle, run_id in self._in_flight.items()}

    def _leave(self) -> None:
        """Let go of the attempts that do not need this server."""
        for handle in self._runner.independent():
            self._in_flight.pop(handle, None)
        self._runner.leave()

    async def until_all_have_ended(self) -> None:
        """Return when no attempt goes on, and all is told."""
        while self._in_flight:
            self._something_ended.clear()
            await self._something_ended.wait()
        await self.until_all_is_told()

    def end_all(self) -> None:
        """End every attempt."""
        for handle in list(self._in_flight):
            self._runner.end(handle)

    def perform(self, asked: Iterable[effects.Effect]) -> None:
        """Do what the engine asks for. A fault of ours about one thing keeps nothing else from being done."""
        for effect in asked:
            try:
                self._perform(effect)
            except Exception as error:  # noqa: BLE001 - whatever it is
                _log.error("could not carry out %s", type(effect).__name__, exc_info=error)

    def _perform(self, effect: effects.Effect) -> None:
        match effect:
            case effects.StartAttempt():
                self._start(effect)
            case effects.EndAttempt():
                self._runner.end(effect.handle)
            case effects.ReportStuck():
                unforeseen = None if isinstance(effect.error, ValueError) else effect.error
                _log.error("the job %s is stuck: %s", effect.job_id, effect.reason, exc_info=unforeseen)
            case effects.DropOutputs():
                self._in_background(self._live.drop(effect.run_ids))

    def settle(self, records: Sequence[r.Record]) -> None:
        """Let go of what was in flight for runs that are over."""
        for record in records:
            if isinstance(record, r.RunFinished):
                self._live.let_go(record.run_id)

    # -- output

    async def take_up_outputs(
        self, state: State, elsewhere: Collection[str] = ()
    ) -> Mapping[str, inputs.Printed]:
        """Go on, after a start, with what runs that are not over have printed, and return how much that was.

        What is printed by those that run elsewhere is written there.
        """
        open_ones = [state.runs[run_id] for run_id in state.runs.open]
        begun = [run.id for run in open_ones if run.attempts and run.handle not in elsewhere]
        await self._live.take_up(set(state.runs), begun)
        return {run_id: self._live.printed(run_id) for run_id in begun}

    def live_output(self, run_id: str) -> BoundedOutput | None:
        """Return the output of a run that is not over yet."""
        return self._live.get(run_id)

    async def kept_output(self, run_id: str) -> bytes:
        """Return what was kept of a run's output."""
        return await asyncio.to_thread(self._outputs.read, run_id)

    # -- commands that outlived their server

    async def meet_survivors(self, state: State, *, wait: bool, patience: timedelta) -> frozenset[str]:
        """Adopt what a server that was killed has left; end it, or return the runs that are to be waited for.

        Those of other machines, which did not need it, go on in any case; what they print too, where it was taken up.

        What cannot be ended within the patience is left: its run is over all the same.
        """
        there = [state.runs[run_id] for run_id in state.runs.open]
        running = {run.handle: run.id for run in there if run.state is RunState.RUNNING}
        adopted = {handle: running[handle] for handle in await self._runner.adopt(running)}
        going_on = adopted if wait else {handle: adopted.pop(handle) for handle in self._independent(adopted)}
        self._in_flight |= going_on
        for run_id in going_on.values():  # before anything more is heard of them
            self._live.open(run_id)
        if wait:
            return frozenset(going_on.values())
        loop = asyncio.get_running_loop()
        self._unwanted = {handle: loop.create_future() for handle in adopted}
        for handle, run_id in adopted.items():
            _log.warning("ending the command of run %s, which outlived its server", run_id)
            self._runner.end(handle)
        if self._unwanted:
            await asyncio.wait(self._unwanted.values(), timeout=patience.total_seconds())
        return frozenset(going_on.values())

    def _independent(self, adopted: Collection[str]) -> list[str]:
        return [handle for handle in self._runner.independent() if handle in adopted]

    async def close(self) -> None:
        """End what still runs and needs this server, and wait for what is being written."""
        self._leave()
        self._runner.kill_all()
        await self._runner.close()
        await self.until_all_is_told()
        await self._live.close()

    @property
    def at_work(self) -> bool:
        """Whether something is being written, dropped or waited for that is to be told of."""
        return any(not task.done() for task in self._tasks)

    async def until_all_is_told(self) -> None:
        """Return when nothing is."""
        # Those that are done leave the set a turn of the loop later, and to wait for them alone takes no turn.
        while unfinished := [task for task in self._tasks if not task.done()]:
            await asyncio.wait(unfinished)

    # -- attempts

    def _start(self, effect: effects.StartAttempt) -> None:
        """Start it. What goes wrong with it is its own: others wait to be started too."""
        run_id = effect.run.id
        try:
            self._start_filled(effect)
        except templates.TemplateError as error:  # it was accepted when nothing was filled in
            self._tell(
                inputs.Ended(run_id=run_id, succeeded=False, reason=_storable(f"{error.field}: {error}"))
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must come to its end
            _log.error("could not start the run %s", run_id, exc_info=error)
            self._in_flight.pop(effect.run.handle, None)
            self._tell(inputs.Ended(run_id=run_id, succeeded=False, reason=reasons.not_started(error)))

    def _start_filled(self, effect: effects.StartAttempt) -> None:
        run, job = effect.run, effect.job
        spec = templates.filled(job.spec, job.id, disabled=job.disabled, tally=job.tally)
        self._live.open(run.id)
        self._in_flight[run.handle] = run.id
        self._runner.start(
            Attempt(
                handle=run.handle,
                run_id=run.id,
                job_id=job.id,
                number=run.attempts,
                scheduled_at=run.scheduled_at,
                spec=spec,
                not_after=self._not_after(),
            )
        )

    def printed(self, handle: str, chunk: bytes, missing: int = 0) -> None:
        """Take what an attempt prints."""
        output = self._live.get(self._in_flight[handle])
        if output is not None:  # it is dropped with a job that was deleted meanwhile
            output.put(Piece(output.size + missing, chunk))

    def ended(self, handle: str, outcome: Outcome) -> None:
        """Tell how an attempt went; who hears that a run is over can read what it printed."""
        if unwanted := self._unwanted.pop(handle, None):
            unwanted.set_result(None)
            return
        run_id = self._in_flight.pop(handle, None)
        if run_id is None:
            self._ended_after_all(handle, outcome)
            return
        self._something_ended.set()
        if outcome.put_off:
            self._put_off(run_id, outcome.reason)
            return
        printed = self._live.printed(run_id)
        ended = inputs.Ended(
            run_id=run_id,
            succeeded=outcome.succeeded,
            state=RunState.INTERRUPTED if outcome.interrupted else None,
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            reason=_storable(outcome.reason),
            output_size=printed.size,
            output_cut=printed.cut,
            may_go_on=outcome.may_go_on,
        )
        if printed.size:
            self._in_background(self._save(ended))
        else:
            self._tell(ended)

    def _ended_after_all(self, handle: str, outcome: Outcome) -> None:
        """Tell how an attempt went that was taken for cut off, where that is known now."""
        if not outcome.interrupted:
            self._tell(
                inputs.EndedAfterAll(
                    handle=handle,
                    succeeded=outcome.succeeded,
                    exit_code=outcome.exit_code,
                    signal=outcome.signal,
                    reason=_storable(outcome.reason),
                )
            )

    def _put_off(self, run_id: str, reason: str) -> None:
        """Tell that the machine had no room for an attempt; of one trouble there is one line in the log."""
        now = asyncio.get_running_loop().time()
        if reason != self._wanted or now > self._wanted_at + _ONE_TROUBLE:
            _log.warning("runs wait, as they cannot be started: %s; they are tried again", reason)
        self._wanted, self._wanted_at = reason, now
        self._tell(inputs.PutOff(run_id=run_id, reason=reason))

    async def _save(self, ended: inputs.Ended) -> None:
        await self._live.save(ended.run_id)
        self._tell(ended)

    def _in_background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _storable(text: str) -> str:
    """Write what is no character as an escape: a command may come from a variable that holds any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _to_nobody(event: inputs.Input) -> None:
    raise RuntimeError(f"nobody listens to {event}")
