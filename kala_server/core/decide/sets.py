"""Sets: jobs that are said together, such as those of a file, and by names of their own (keys) that stay.

What a set says comes true as a whole or not at all. Its jobs are created and changed first, then those go that it does
not name any more, and only then it is asked whether what is there names what is there: so an edge can be turned round.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b

from pydantic_core import to_json

from kala_server.core import reasons
from kala_server.core.decide import anew, followers, slots, validation
from kala_server.core.decide.transaction import Transaction
from kala_server.core.errors import (
    ChangedMeanwhileError,
    ConflictError,
    FieldProblem,
    InvalidJobError,
    NotFoundError,
)
from kala_server.core.frozen import replace
from kala_server.core.model import records as r
from kala_server.core.model.inputs import ApplySet, PlanSet, ReleaseSet, SetJob
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.occurrences import first_of

BY_ID = "id:"
"""Before an id where a key could stand."""


def apply_set(tx: Transaction, event: ApplySet) -> Steps[None]:
    """Let a set be just these jobs."""
    as_seen = not event.expect or event.expect == (yield from tag_of_set(tx.state, event.name))
    before = len(tx.records)
    ids = _identities(tx, event)
    touched = list[str]()
    for job in event.jobs:
        touched += yield from _said(tx, event, job, ids)
    yield from _prune(tx, event, set(ids.values()))
    for job_id in touched:
        with _in_words_of(tx.state.jobs[job_id].key):
            yield from validation.check_among_others(tx.state, job_id)
    for job_id in touched:
        yield from _settle(tx, job_id)
    if len(tx.records) > before:  # what was applied already is as it was, however often it is sent
        if not as_seen:
            raise ChangedMeanwhileError(
                f"the set {event.name!r} was changed since the plan was made: make a new one"
            )
        tx.emit(r.SetApplied(name=event.name, at=tx.now, source=event.source))


def release_set(tx: Transaction, event: ReleaseSet) -> Steps[None]:
    """Let there be no such set any more."""
    if event.name not in tx.state.sets:
        raise NotFoundError(f"there is no set {event.name!r}")
    ids = _there(tx.state, event.name)
    if event.keep_jobs:
        for job_id in ids:
            tx.emit(r.JobReleased(id=job_id))
            yield
    else:
        yield from _delete(tx, ids, event.name, with_others=False)
    tx.emit(r.SetForgotten(name=event.name))


def plan_set(tx: Transaction, event: PlanSet) -> Steps[None]:
    """Find out what would come of it: it is decided, and taken back."""
    mark, dropped = tx.state.undo.mark(), len(tx.state.dropped)
    yield from apply_set(tx, event.of)
    yield from tx.state.undo.rolling_back(mark)
    planned, tx.records, tx.effects = tx.records, [], []
    del tx.state.dropped[dropped:]
    tx.planned = yield from event.told(tx.state, planned)


def tag_of_set(state: State, name: str) -> Steps[str]:
    """Return a tag for what the jobs of a set say, step by step; runs and next slots are not in it."""
    digest = blake2b(digest_size=12)
    for key, job_id in sorted(state.jobs.by_set.get(name, {}).items()):
        job = state.jobs[job_id]
        digest.update(to_json((key, job_id, job.spec, job.disabled)))
        yield
    return f'"{digest.hexdigest()}"'


# -- which job is meant by a key


def _identities(tx: Transaction, event: ApplySet) -> dict[str, str]:
    """Return the id of each key. Raises ConflictError for a job that is not to be had."""
    state, ids = tx.state, dict[str, str]()
    known = state.jobs.by_set.get(event.name, {})
    wanted = {job.key for job in event.jobs}
    for job in event.jobs:
        if job.key in known:
            ids[job.key] = known[job.key]
        elif job.was in known and job.was not in wanted:
            ids[job.key] = known[job.was]
        elif job.adopt:
            ids[job.key] = _adopted(state, event, job)
        else:
            ids[job.key] = job.id
    if len(set(ids.values())) < len(ids):
        raise ConflictError(
            "two jobs of the set would be one: a key or an id is named in two of `was` and `adopt`"
        )
    return ids


def _adopted(state: State, event: ApplySet, job: SetJob) -> str:
    there = state.jobs.get(job.adopt)
    if there is None:
        raise _wrong(job.key, "adopt", f"there is no job with the id {job.adopt!r}")
    if there.set not in {"", event.name} and not event.take:
        raise ConflictError(
            f"the job {there.spec.name!r} is {there.key!r} of the set {there.set!r}: it stays there unless it is taken"
        )
    return there.id


def _resolved(state: State, name: str, job: SetJob, ids: Mapping[str, str]) -> JobSpec:
    """Return what the job says with the ids of the jobs that it names."""

    def meant(reference: str, field: str) -> str:
        if reference.startswith(BY_ID):
            return reference.removeprefix(BY_ID)
        of_set, slash, key = reference.rpartition("/")
        there = state.jobs.by_set.get(of_set, {}) if slash and of_set != name else ids
        if key not in there:
            raise _wrong(job.key, field, f"there is no job {reference!r}: name a key, SET/KEY, or {BY_ID}ID")
        return there[key]

    parents = tuple(meant(parent, "parent_jobs") for parent in job.spec.parent_jobs)
    rescue = job.spec.on_failure_job and meant(job.spec.on_failure_job, "on_failure_job")
    return replace(job.spec, parent_jobs=parents, on_failure_job=rescue)


def _wrong(key: str, field: str, message: str) -> InvalidJobError:
    return InvalidJobError([FieldProblem(f"jobs.{key}.{field}", message)])


@contextmanager
def _in_words_of(key: str) -> Iterator[None]:
    """Say of a fault which job of the set has it."""
    try:
        yield
    except InvalidJobError as error:
        raise error.within(f"jobs.{key}") from None


# -- what is said of one


def _said(tx: Transaction, event: ApplySet, job: SetJob, ids: Mapping[str, str]) -> Steps[list[str]]:
    """Let the job say what its set does; return its id unless it does already."""
    job_id = ids[job.key]
    spec, there = _resolved(tx.state, event.name, job, ids), tx.state.jobs.get(job_id)
    with _in_words_of(job.key):
        if there is None:
            yield from _create(tx, event.name, job, spec)
            return [job_id]
        disabled = there.disabled if job.disabled is None else job.disabled
        if (there.spec, there.disabled, there.set, there.key) == (spec, disabled, event.name, job.key):
            return []
        yield from _change(tx, event.name, job.key, there, spec, disabled=disabled)
        return [job_id]


def _create(tx: Transaction, name: str, job: SetJob, spec: JobSpec) -> Steps[None]:
    yield from validation.check_job(tx.state, job.id, spec, among_others=False)
    # START is where the slots are counted from, and may have passed: a file stays good.
    first = first_of(spec, tx.now) if spec.schedule else None if spec.parent_jobs else tx.now
    tx.emit(
        r.JobCreated(
            id=job.id, at=tx.now, spec=spec, disabled=bool(job.disabled), next_at=first, set=name, key=job.key
        )
    )


def _change(tx: Transaction, name: str, key: str, job: Job, spec: JobSpec, *, disabled: bool) -> Steps[None]:
    begins = anew.begins(job, spec, tx.now, anew=False)
    yield from validation.check_job(tx.state, job.id, spec, begins=begins is not None, among_others=False)
    if begins is not None:
        if not (yield from tx.contain(job.id, slots.close(tx, job.id))):
            slots.give_up(tx, job)
        begins = slots.just_passed(tx, job.id, spec) or begins
    following = tx.job(job.id).next_at
    if begins is not None:
        following = first_of(spec, begins) if spec.schedule else None if spec.parent_jobs else tx.now
    yield from tx.emitting(
        r.JobChanged(
            id=job.id,
            at=tx.now,
            spec=spec,
            disabled=disabled,
            next_at=following,
            begun_at=begins,
            set=name,
            key=key,
        )
    )
    if begins is not None:
        tx.unstick(job.id)
    followers.join_generations(tx, job.id)


def _settle(tx: Transaction, job_id: str) -> Steps[None]:
    """Bring the ledger of a job that was created or changed up to now."""
    look = slots.look_anew if job_id in tx.state.stuck else slots.bring_up_to_now
    yield from tx.contain(job_id, look(tx, job_id, reasons.DISABLED if tx.job(job_id).disabled else ""))


# -- what it does not name any more


def _prune(tx: Transaction, event: ApplySet, wanted: set[str]) -> Steps[None]:
    if event.prune:
        going = [job_id for job_id in _there(tx.state, event.name) if job_id not in wanted]
        yield from _delete(tx, going, event.name, with_others=event.prune_children)


def _there(state: State, name: str) -> list[str]:
    """Return the jobs of a set by their keys, as the order of an index is that in which it came to be."""
    return [job_id for _, job_id in sorted(state.jobs.by_set.get(name, {}).items())]


def _delete(tx: Transaction, ids: Iterable[str], name: str, *, with_others: bool) -> Steps[None]:
    """Delete jobs of a set, and what cannot be without them."""
    gone = yield from followers.deleted_with(tx.state, ids)
    if not with_others:
        for other in _of_others(tx.state, gone, name):
            whose = f"of the set {other.set!r}" if other.set else "made by hand"
            raise ConflictError(
                f"the job {other.spec.name!r} ({whose}) would go as well: it follows nothing else that is left"
            )
    for job_id in gone:
        yield from tx.emitting(r.JobDeleted(id=job_id, at=tx.now))
        yield


def _of_others(state: State, ids: Iterable[str], name: str) -> Iterator[Job]:
    return (state.jobs[job_id] for job_id in ids if state.jobs[job_id].set != name)
