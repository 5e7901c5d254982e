"""What would come of applying a set: which jobs change, and which slots go, come and move. It changes nothing.

It is told of the very records that applying it would have, so it says nothing that would not be so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any

from kala_server.core.frozen import replace, value
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.questions.trial import slots_of
from kala_server.core.state.state import State
from kala_server.core.steps import Steps

MOST_SLOTS = 2_000
"""Of a job in the time that is looked at; more are not told apart."""


@value(frozen=True, slots=True, kw_only=True)
class Change:
    """What would become of one job."""

    what: str
    """`create`, `change` or `delete`."""
    id: str
    name: str
    set: str
    key: str
    fields: tuple[tuple[str, Any, Any], ...] = ()
    """What it says otherwise: the name of the field, what it says now, and what it would."""
    by_hand: bool = False
    """Whether somebody has changed it by hand since its set was applied last."""
    gone: tuple[datetime, ...] = ()
    """Slots that it has now, and would not have, …"""
    new: tuple[datetime, ...] = ()
    """… and those that it would have."""
    at_once: bool = False
    """Whether it would run right away."""
    under_way: int = 0
    """How many of its runs wait or run."""
    kept_runs: int = 0
    """How many finished runs would go with it."""


@value(frozen=True, slots=True, kw_only=True)
class Planned:
    """A record about a job that there would be, and what there is of the job now."""

    record: r.JobCreated | r.JobChanged | r.JobDeleted
    job: Job | None
    """None where it would be created."""
    at_once: bool
    under_way: int
    kept_runs: int


def planned(state: State, records: Sequence[r.Record]) -> Steps[list[Planned]]:
    """Take down what is needed to tell of these records: little, as everybody waits for a decision meanwhile."""
    at_once = {record.job_id for record in records if isinstance(record, r.RunQueued)}
    found = []
    for record in records:
        if isinstance(record, r.JobCreated | r.JobDeleted) or (
            isinstance(record, r.JobChanged) and record.set
        ):
            found.append(
                Planned(
                    record=record,
                    job=state.jobs.get(record.id),
                    at_once=record.id in at_once,
                    under_way=len(state.active.get(record.id, ())),
                    kept_runs=len(state.kept.get(record.id, ())),
                )
            )
        yield
    return found


def changes(steps: Sequence[Planned], now: datetime, until: datetime) -> Steps[list[Change]]:
    """Return what would become of each job, in the order in which it would be decided."""
    told = []
    for step in steps:
        told.append(_change(step, now, until))
        yield
    return told


def _change(step: Planned, now: datetime, until: datetime) -> Change:
    job, would_be = step.job, _would_be(step)
    shown = would_be or job
    assert shown is not None
    before = set(_ahead(job, now, until)) if job else set[datetime]()
    after = set(_ahead(would_be, now, until)) if would_be else set[datetime]()
    record = step.record
    return Change(
        what="create" if job is None else "delete" if would_be is None else "change",
        id=record.id,
        name=shown.spec.name,
        set=shown.set,
        key=shown.key,
        fields=tuple(_differences(job, record)) if job and isinstance(record, r.JobChanged) else (),
        by_hand=job is not None and job.applied is not None,
        gone=tuple(sorted(before - after)),
        new=tuple(sorted(after - before)),
        at_once=step.at_once,
        under_way=step.under_way,
        kept_runs=step.kept_runs if would_be is None else 0,
    )


def _would_be(step: Planned) -> Job | None:
    """Return the job as it would be; None where it would be gone."""
    record = step.record
    if isinstance(record, r.JobDeleted):
        return None
    job = step.job or Job(id=record.id, spec=record.spec, created_at=record.at)
    return replace(
        job,
        spec=record.spec,
        disabled=record.disabled,
        next_at=record.next_at,
        set=record.set,
        key=record.key,
    )


def _differences(job: Job, record: r.JobChanged) -> Iterator[tuple[str, Any, Any]]:
    for field in fields(JobSpec):
        before, after = getattr(job.spec, field.name), getattr(record.spec, field.name)
        if before != after:
            yield field.name, before, after
    if job.disabled != record.disabled:
        yield "disabled", job.disabled, record.disabled
    if (job.set, job.key) != (record.set, record.key):
        yield "key", f"{job.set}/{job.key}" if job.set else "", f"{record.set}/{record.key}"


def _ahead(job: Job, now: datetime, until: datetime) -> Iterator[datetime]:
    for slot in islice(slots_of(job, now), MOST_SLOTS):
        if slot > until:
            return
        yield slot
