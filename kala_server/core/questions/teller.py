"""Tells what became of a job's slots and why, in sentences that a colleague understands. It changes nothing.

Times are told on the clock of whoever asks, or on the job's own (`wall_zone`): of its `timezone`, else of the offset in
START, else UTC.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby, islice

from kala_client.schedules.due import is_never
from kala_server.core import reasons
from kala_server.core.model.job import Job, Run, RunState, Trigger, WaitFor
from kala_server.core.state.state import State
from kala_server.core.time.durations import in_words
from kala_server.core.time.occurrences import between, timetable_of, wall_zone

MOST = 100
"""How many explanations one answer has at the most."""
_LATE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What became, or will become, of one slot, or of several of which the same is to be said: `at` is the first then.

    `state` is that of its run. Without a run it is `upcoming`, `disabled` (it passes without a run), `stuck` (nothing
    can be decided about the job), `unknown` (no longer in the ledger), or `none` (there is no slot).
    """

    at: datetime
    state: str
    sentence: str
    run: Run | None = None


class Teller:
    """Tells about one job at one instant."""

    def __init__(self, state: State, job: Job, now: datetime, zone: tzinfo | None = None) -> None:
        self._state = state
        self._job = job
        self._now = now
        self._zone = zone or _own_clock(job)

    @property
    def _stuck(self) -> str:
        return self._state.stuck.get(self._job.id, "")

    # -- which slots

    def last_and_next(self) -> list[Explanation]:
        """Explain the last slot that is over, what is there now, and the next slot: in the order of the slots."""
        ledger = list(islice(self._state.job_runs(self._job.id), MOST))
        over = [run for run in ledger if run.state.final]
        told = [run for run in ledger if not run.state.final]
        if over:
            told.append(max(over, key=slot_of))
        told.sort(key=slot_of)
        return [*(self.of(run, slot_of(run)) for run in told), self._next()]

    def at(
        self, first: datetime, last: datetime, runs: Sequence[Run], slots: Sequence[datetime] | None = None
    ) -> Iterator[Explanation]:
        """Explain what is in the ledger from `first` to `last`, an entry at a time, and the slots that are not.

        `slots` are those of the timetable there, unless they are to be looked up.
        """
        if self._stuck:
            yield from (self.of(run, slot_of(run)) for run in runs)
            return
        born = self._job.created_at
        if slots is None:
            slots = list(islice(between(timetable_of(self._job.spec, born), max(first, born), last), MOST))
        told: set[datetime] = set()
        for run in runs:
            ends = slot_of(run)
            # Without a slot there: one of an earlier schedule, or no slot at all, such as a start by hand.
            mine = [slot for slot in slots if run.scheduled_at <= slot <= ends] or [
                edge for edge in {run.scheduled_at, ends} if first <= edge <= last
            ]
            if run.trigger in {Trigger.SCHEDULE, Trigger.CATCH_UP}:
                told.update(mine)
            if mine:
                yield self.of(run, min(mine))
        for _, alike in groupby(
            (self._without_run(slot) for slot in slots if slot not in told),
            key=lambda one: (one.state, one.sentence),
        ):
            yield self._together(list(alike))

    def _together(self, alike: list[Explanation]) -> Explanation:
        """Tell slots in a row, of which the same is to be said, as one."""
        first, last = alike[0], alike[-1]
        if first is last:
            return first
        return replace(
            first, sentence=f"{first.sentence}; so it is with {self._all(len(alike), first.at, last.at)}"
        )

    def no_slot(self, at: datetime) -> Explanation:
        """Say why there is none."""
        if self._stuck:
            return Explanation(
                at=at, state="stuck", sentence=f"whether it is due then is not known: {self._stuck}"
            )
        return Explanation(at=at, state="none", sentence=f"not due then: {self._why_no_slot(at)}")

    def _why_no_slot(self, at: datetime) -> str:
        born = self._job.created_at
        if at < born:
            return f"the job was created only at {self._clock(born)}"
        timetable = timetable_of(self._job.spec, born)
        around = [timetable.last_until(at), timetable.next_after(at)]
        named = [self._clock(slot) for slot in around if slot is not None and slot >= born]
        if not named:
            return self._what_it_waits_for() if self._job.spec.parent_jobs else "it runs when it is started"
        return f"the nearest {'times are' if len(named) > 1 else 'time is'} {' and '.join(named)}"

    def of(self, run: Run, at: datetime) -> Explanation:
        """Explain a slot of an entry."""
        return Explanation(at=at, state=run.state, sentence=self.about(run, at), run=run)

    def _next(self) -> Explanation:
        job = self._job
        if self._stuck:
            return Explanation(at=job.next_at or self._now, state="stuck", sentence=f"stuck: {self._stuck}")
        if job.disabled and job.next_at is not None and job.next_at <= self._now:
            return self._without_run_of_the_disabled()
        if job.next_at is not None:
            return self._without_run(job.next_at)
        if job.spec.parent_jobs and not job.spec.schedule:
            state = "disabled" if job.disabled else "upcoming"
            return Explanation(at=self._now, state=state, sentence=self._what_it_waits_for())
        why = "it runs when it is started" if is_never(job.spec.schedule) else "its last time has passed"
        return Explanation(at=self._now, state="none", sentence=f"nothing more is due: {why}")

    def _without_run_of_the_disabled(self) -> Explanation:
        """Tell of a disabled job's next slot: those before it have passed, and are missed ones once it is enabled."""
        following = timetable_of(self._job.spec, self._job.created_at).next_after(self._now)
        if following is not None:
            return self._without_run(following)
        sentence = "nothing more is due: its last time has passed while it was disabled"
        return Explanation(at=self._now, state="none", sentence=sentence)

    def _without_run(self, slot: datetime) -> Explanation:
        job = self._job
        accounted = job.next_at is None or slot < job.next_at
        if slot <= self._now and accounted:
            known = f"the ledger does not go back that far (it keeps {job.spec.keep_runs} runs of this job)"
            return Explanation(at=slot, state="unknown", sentence=f"no longer known: {known}")
        if job.disabled:
            verb = "passed" if slot <= self._now else "will pass"
            return Explanation(
                at=slot, state="disabled", sentence=f"{verb} without a run: the job is disabled"
            )
        when = f"due in {in_words(slot - self._now)}" if slot > self._now else "due now"
        if self._state.pause is not None:
            when += f", and skipped unless the server is resumed by then: {self._paused()}"
        return Explanation(at=slot, state="upcoming", sentence=when)

    def _paused(self) -> str:
        pause = self._state.pause
        assert pause is not None
        why = f" ({pause.reason})" if pause.reason else ""
        return f"it is paused since {self._clock(pause.at)}{why}"

    def _what_it_waits_for(self) -> str:
        job = self._job
        if job.disabled:
            return "does not run: the job is disabled"
        parents = job.spec.parent_jobs
        if job.spec.wait_for is WaitFor.ANY or len(parents) == 1:
            return f"runs when {' or '.join(map(self._name, parents))} has succeeded"
        arrived: dict[str, str] = {}
        for arrival in job.arrivals:
            arrived.setdefault(arrival.parent_id, arrival.run_id)
        missing = [self._name(parent) for parent in parents if parent not in arrived]
        there = [f"{self._name(parent)} is there{self._ended_at(run)}" for parent, run in arrived.items()]
        return "; ".join([f"waits for a run of {' and of '.join(missing)}", *there])

    # -- what to say of a run

    def about(self, run: Run, slot: datetime) -> str:
        """Say what became of a slot that the run stands for."""
        if run.state is RunState.SKIPPED:
            until = run.last_scheduled_at
            others = f"; so were {self._all(run.count, run.scheduled_at, until)}" if until else ""
            return f"skipped: {self._why_skipped(run, slot)}{others}"
        return self._led_to_by(run) + {
            RunState.WAITING: self.waiting,
            RunState.RUNNING: self._running,
        }.get(run.state, self._over)(run)

    def waiting(self, run: Run) -> str:
        """Say what a run waits for."""
        if self._state.holds(run):
            return f"waits until the server is resumed: {self._paused()}"
        if run.put_off and run.retry_at is not None and run.retry_at > self._now:
            until = self._clock(run.retry_at)
            return f"waits until the machine has room, and is tried again at {until}: {run.put_off_for}"
        if run.retry_at is not None and run.retry_at > self._now:
            return f"waits for its next attempt at {self._clock(run.retry_at)}: {run.reason or 'it failed'}"
        if not self._state.has_turn(run):
            first = self._state.runs[self._state.active[run.job_id][0]]
            return f"waits: {self._still(first, self._now, 'is')}"
        running = self._state.counts["running"]
        return f"waits for a free place: {running} {'command is' if running == 1 else 'commands are'} running"

    def _led_to_by(self, run: Run) -> str:
        if run.trigger is Trigger.MANUAL:
            return "started by hand, "
        if run.trigger is Trigger.CATCH_UP:
            return "caught up, "
        if run.trigger is Trigger.PARENT:
            return f"after {self._of_jobs(run.parents) or 'its parents'}, "
        if run.trigger is Trigger.ON_FAILURE:
            return f"because {self._of_jobs((run.cause,)) or 'another job'} failed, "
        return ""

    def _of_jobs(self, run_ids: Iterable[str]) -> str:
        """Name the jobs of runs, as far as these are still kept."""
        runs = (self._state.runs.get(run_id) for run_id in run_ids)
        return " and ".join(self._name(run.job_id) for run in runs if run is not None)

    def _running(self, run: Run) -> str:
        assert run.started_at is not None
        ending = f", and is being ended: {run.reason}" if run.ending else ""
        long = in_words(self._now - run.started_at)
        return f"running since {self._clock(run.started_at)} ({long}{_attempt(run)}){ending}"

    def _over(self, run: Run) -> str:
        ended = _ended(run)
        if run.started_at is None or run.finished_at is None:
            return f"{ended} (it had not started)"
        late = run.started_at - run.scheduled_at
        said = [
            f"started {self._clock(run.started_at)}",
            f"took {in_words(run.finished_at - run.started_at)}",
        ]
        if late >= _LATE:
            said.insert(1, f"{in_words(late)} late")
        return f"{ended} ({', '.join(said)}{_attempt(run)})"

    def _why_skipped(self, run: Run, slot: datetime) -> str:
        # Of an entry that stands for several slots, each was skipped in its own time, and none before it was noticed.
        then = max(slot, run.queued_at)
        cause = self._state.runs.get(run.cause)
        if cause is None:
            return run.reason
        if run.reason == reasons.OVERLAP:
            return self._still(cause, then, "was")
        if run.reason == reasons.ONE_WAITS:
            return f"{self._still(cause, then, 'was')}, and another one was waiting already"
        if run.reason == reasons.TOO_MANY_WAIT:
            return f"{self._still(cause, then, 'was')}, and as many as may were waiting already"
        if run.reason == reasons.PARENT_FAILED:
            return f"its parent {self._name(cause.job_id)} did not succeed ({_ended(cause)})"
        if run.reason == reasons.TOO_MANY_GENERATIONS:
            return f"too many runs of {self._name(cause.job_id)} were waiting for the other parents"
        return run.reason

    def _still(self, run: Run, then: datetime, verb: str) -> str:
        """Say that the run was still there, and since when."""
        which = f"the {self._clock(run.scheduled_at)} run"
        if run.started_at is None or run.started_at > then:
            return f"{which} {verb} still waiting"
        started = run.started_at.astimezone(self._zone)
        return f"{which} {verb} still running (started {started:%H:%M:%S}, {in_words(then - run.started_at)})"

    def _all(self, count: int, first: datetime, last: datetime) -> str:
        return f"all {count} times from {self._clock(first)} to {self._clock(last)}"

    def _ended_at(self, run_id: str) -> str:
        run = self._state.runs.get(run_id)
        return f" since {self._clock(run.finished_at)}" if run is not None and run.finished_at else ""

    def _name(self, job_id: str) -> str:
        job = self._state.jobs.get(job_id)
        return repr(job.spec.name if job is not None else job_id)

    def _clock(self, instant: datetime) -> str:
        """Say when on the job's own clock, with the date where it is not today's."""
        local = instant.astimezone(self._zone)
        time = f"{local:%H:%M:%S}" if local.second or local.microsecond else f"{local:%H:%M}"
        return time if local.date() == self._now.astimezone(self._zone).date() else f"{local:%Y-%m-%d} {time}"


def slot_of(run: Run) -> datetime:
    """Return the latest slot that an entry stands for."""
    return run.last_scheduled_at or run.scheduled_at


def _own_clock(job: Job) -> tzinfo:
    """Return the zone in which the job's owner thinks; UTC where it is not there any more."""
    try:
        return wall_zone(job.spec.schedule, job.spec.timezone)
    except ValueError:
        return UTC


def _ended(run: Run) -> str:
    """Say how the run ended, and why where that is known."""
    state = str(run.state).replace("_", " ")
    if not run.reason or run.reason.startswith(state):
        return run.reason or state
    return f"{state}: {run.reason}"


def _attempt(run: Run) -> str:
    return f", attempt {run.attempts}" if run.attempts > 1 else ""
