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


def changes(state: State, planned: Sequence[r.Record], now: datetime, until: datetime) -> Steps[list[Change]]:
    """Return what would become of each job, in the order in which it would be decided."""
    at_once = {record.job_id for record in planned if isinstance(record, r.RunQueued)}
    told = []
    for record in planned:
        match record:
            case r.JobCreated():
                told.append(_created(record, now, until, at_once=record.id in at_once))
            case r.JobChanged() if record.set:
                told.append(_changed(state, record, now, until, at_once=record.id in at_once))
            case r.JobDeleted():
                told.append(_deleted(state, state.jobs[record.id], now, until))
        yield
    return told


def _created(record: r.JobCreated, now: datetime, until: datetime, *, at_once: bool) -> Change:
    job = Job(
        id=record.id, spec=record.spec, created_at=record.at, disabled=record.disabled, next_at=record.next_at
    )
    return Change(
        what="create",
        id=record.id,
        name=record.spec.name,
        set=record.set,
        key=record.key,
        new=tuple(_ahead(job, now, until)),
        at_once=at_once,
    )


def _changed(state: State, record: r.JobChanged, now: datetime, until: datetime, *, at_once: bool) -> Change:
    job = state.jobs[record.id]
    would_be = replace(job, spec=record.spec, disabled=record.disabled, next_at=record.next_at)
    before, after = set(_ahead(job, now, until)), set(_ahead(would_be, now, until))
    return Change(
        what="change",
        id=job.id,
        name=record.spec.name,
        set=record.set,
        key=record.key,
        fields=tuple(_differences(job, record)),
        by_hand=job.applied is not None,
        gone=tuple(sorted(before - after)),
        new=tuple(sorted(after - before)),
        at_once=at_once,
        under_way=len(state.active.get(job.id, ())),
    )


def _deleted(state: State, job: Job, now: datetime, until: datetime) -> Change:
    return Change(
        what="delete",
        id=job.id,
        name=job.spec.name,
        set=job.set,
        key=job.key,
        by_hand=job.applied is not None,
        gone=tuple(_ahead(job, now, until)),
        under_way=len(state.active.get(job.id, ())),
        kept_runs=len(state.kept.get(job.id, ())),
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
