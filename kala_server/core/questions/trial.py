"""What a job would be that somebody is about to create or change, and when it would be due. It changes nothing."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from kala_server.core.decide import anew, validation
from kala_server.core.frozen import replace
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.occurrences import timetable_of

ANY_ID = "00000000-0000-0000-0000-000000000000"
"""Of a job that is only asked about: a template may fill in its id."""


def as_new(state: State, spec: JobSpec, now: datetime, *, disabled: bool) -> Steps[Job]:
    """Return the job that would be created now. Raises InvalidJobError where it could not be."""
    first = yield from validation.new_job(state, ANY_ID, spec, now)
    return Job(id="", spec=spec, created_at=now, disabled=disabled, next_at=first)


def as_changed(
    state: State, job: Job, spec: JobSpec, now: datetime, *, disabled: bool, again: bool
) -> Steps[Job]:
    """Return what the job would be once it says something else. Raises InvalidJobError where it could not be.

    `again` is whether its schedule is said, the same one too.
    """
    since = anew.begins(job, spec, now, anew=again)
    yield from validation.check_job(state, job.id, spec, begins=since is not None)
    following = job.next_at if since is None else anew.first_slot(job, spec, since)
    return replace(job, spec=spec, disabled=disabled, next_at=following)


def next_slots(job: Job, now: datetime, most: int) -> Steps[list[datetime]]:
    """Return the next slots of a job, one at a step; a disabled one has none."""
    found: list[datetime] = []
    for slot in islice(slots_of(job, now), most):
        found.append(slot)
        yield
    return found


def slots_of(job: Job, now: datetime) -> Iterator[datetime]:
    """Yield the slots of a job that are to come; a disabled one has none."""
    slot = None if job.disabled else job.next_at
    timetable = timetable_of(job.spec, job.created_at)
    if slot is not None and slot < now:
        slot = timetable.next_after(now)
    while slot is not None:
        yield slot
        slot = timetable.next_after(slot)
