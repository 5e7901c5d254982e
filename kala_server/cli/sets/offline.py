"""A set checked without a server, by its very rules, in this process. Jobs of other sets are not known here."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

from kala_client.clock import utc_now
from kala_client.fields import FIELD
from kala_server.core.decide import validation
from kala_server.core.decide.sets import BY_ID, apply_set
from kala_server.core.decide.transaction import Limits, Transaction
from kala_server.core.errors import FieldProblem, InvalidRequestError, RefusedError
from kala_server.core.frozen import replace
from kala_server.core.model.inputs import ApplySet, SetJob
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.wire import sets

if TYPE_CHECKING:
    from kala_client.set_files import ReadSet
    from kala_client.set_files.said import Said


def faults_of(found: "ReadSet") -> list[str]:
    """Return what a server would refuse, each with its place."""
    try:
        sets.check_name(found.name)
    except InvalidRequestError as error:
        return [f"{found.place}: set: {problem.message}" for problem in error.problems]
    if len(found.said) > sets.MOST_JOBS:
        return [
            f"{found.place}: set: a set has up to {sets.MOST_JOBS:,} jobs, and this one {len(found.said):,}"
        ]
    jobs, faults = list[SetJob](), list[str]()
    for said in found.said:
        try:
            jobs += _checked(said)
        except InvalidRequestError as error:
            faults += (_placed(said, problem) for problem in error.problems)
    return faults or list(_among_themselves(found, jobs))


def _checked(said: "Said") -> Iterator[SetJob]:
    """Yield the job. Raises InvalidRequestError."""
    [job] = sets.read_jobs({"jobs": [{"key": said.key, **said.fields}]}, lambda: str(uuid4()), "")
    to_the_end(validation.check_job(State(), job.id, job.spec, among_others=False))
    yield job


def _placed(said: "Said", problem: FieldProblem) -> str:
    field = problem.field
    for before in ("jobs[0]", f"jobs.{said.key}"):
        field = field.removeprefix(before).removeprefix(".")
    return said.fault(field, _in_words(field, problem))


def _in_words(field: str, problem: FieldProblem) -> str:
    """Return what is wrong, and what would be right where that is a text and not in it already."""
    right, row = problem.example, FIELD.get(field)
    if row is None or not isinstance(right, str) or right in problem.message or "such as" in problem.message:
        return problem.message
    return f"{problem.message} (such as {right})"


def _among_themselves(found: "ReadSet", jobs: list[SetJob]) -> Iterator[str]:
    """Yield what is wrong with how the jobs name each other: they are applied where nothing else is."""
    now = utc_now()
    tx = Transaction(state=State(), now=now, limits=Limits(starting=False), noticed=now)
    try:
        to_the_end(apply_set(tx, ApplySet(name=found.name, jobs=tuple(map(_alone, jobs)))))
    except InvalidRequestError as error:
        yield from (found.placed(problem.field, problem.message) for problem in error.problems)
    except RefusedError as error:
        yield f"{found.place}: {error}"


def _alone(job: SetJob) -> SetJob:
    """Return the job without what it says of jobs that are not of its set."""
    parents = tuple(parent for parent in job.spec.parent_jobs if not _is_elsewhere(parent))
    rescue = "" if _is_elsewhere(job.spec.on_failure_job) else job.spec.on_failure_job
    return replace(job, adopt="", spec=replace(job.spec, parent_jobs=parents, on_failure_job=rescue))


def _is_elsewhere(reference: str) -> bool:
    return reference.startswith(BY_ID) or "/" in reference
