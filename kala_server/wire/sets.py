"""Sets of jobs, from and to JSON: what is to be applied, what would come of it, what there is (docs/sets.md)."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from kala_client.fields import FIELDS
from kala_server.core.decide.sets import BY_ID
from kala_server.core.errors import FieldProblem, InvalidJobError, InvalidRequestError
from kala_server.core.frozen import replace
from kala_server.core.model.inputs import ApplySet, SetJob
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.questions.plan import Change
from kala_server.core.state.state import State
from kala_server.wire import requests
from kala_server.wire.expected import kind_of, no_object

MOST_JOBS = 10_000
MOST_HOURS = 24 * 366
"""For which a plan looks at slots."""
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MOST_SLOTS_TOLD = 10
_NOW = "now"
"""Said as the schedule of a job that is to run once, when it comes to be."""
_DEFAULTS = JobSpec(name="")
_WIRE = {row.name: row.wire for row in FIELDS}


def check_name(name: str) -> str:
    """Return the name of a set. Raises InvalidRequestError."""
    if not _NAME.fullmatch(name):
        message = "a set has a name of up to 64 small letters, digits and hyphens"
        raise InvalidRequestError([FieldProblem("name", message, "billing")])
    return name


def read_jobs(document: object, new_id: Callable[[], str], default_owner: str) -> tuple[SetJob, ...]:
    """Return the jobs of a set. Raises InvalidJobError, which names each fault by its key."""
    if not isinstance(document, dict):
        raise no_object(document)
    jobs = document.get("jobs")
    if not isinstance(jobs, list):
        raise _wrong("jobs", f"a list of jobs, each with its key, belongs here, not {kind_of(jobs)}")
    if len(jobs) > MOST_JOBS:
        raise _wrong("jobs", f"a set has up to {MOST_JOBS:,} jobs, and this one {len(jobs):,}: make several")
    read = dict[str, SetJob]()
    for number, said in enumerate(jobs):
        job = _read(f"jobs[{number}]", said, new_id, default_owner)
        if job.key in read:
            raise _wrong(f"jobs[{number}].key", f"the key {job.key!r} is there twice")
        read[job.key] = job
    return tuple(read.values())


def _read(place: str, said: object, new_id: Callable[[], str], default_owner: str) -> SetJob:
    if not isinstance(said, dict):
        raise _wrong(place, f"an object with the fields of a job belongs here, not {kind_of(said)}")
    key = said.get("key")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        message = "a job of a set has a key of up to 128 letters, digits, dots, hyphens and underscores"
        raise InvalidJobError([FieldProblem(f"{place}.key", message, "dump")])
    place = f"jobs.{key}"
    said = {name: value for name, value in said.items() if name != "key"}
    was, adopt = (_text(place, name, said.pop(name, "")) for name in ("was", "adopt"))
    disabled = said.get("disabled")
    if said.get("schedule") == _NOW:
        said["schedule"] = ""
    elif not said.get("schedule") and not said.get("parent_jobs"):
        raise _wrong(f"{place}.schedule", 'say when it is due, which jobs it follows, "never" or "now"')
    try:
        spec, is_disabled = requests.read_job({"name": key, **said}, default_owner=default_owner)
    except InvalidJobError as error:
        raise error.within(place) from None
    return SetJob(
        key=key,
        id=new_id(),
        spec=spec,
        disabled=None if disabled is None else is_disabled,
        was=was,
        adopt=adopt,
    )


def _text(place: str, name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(f"{place}.{name}", f"a text belongs here, not {kind_of(value)}")
    return value


def _wrong(place: str, message: str) -> InvalidJobError:
    return InvalidJobError([FieldProblem(place, message)])


# -- what there is


def said(state: State, job: Job) -> dict[str, Any]:
    """Return what a job says as a set would say it: what is otherwise than by default, other jobs by their keys."""
    spec = with_keys(state, job)
    told = {
        _WIRE[field.name]: getattr(spec, field.name)
        for field in fields(JobSpec)
        if getattr(spec, field.name) != getattr(_DEFAULTS, field.name)
    }
    if not spec.schedule and not spec.parent_jobs:
        told["schedule"] = _NOW
    if spec.name == job.key:
        del told["name"]
    return {"key": job.key, **told, **({"disabled": True} if job.disabled else {})}


def with_keys(state: State, job: Job) -> JobSpec:
    """Return what the job says with other jobs by their keys."""

    def named(job_id: str) -> str:
        there = state.jobs.get(job_id)
        if there is None or not there.set:
            return f"{BY_ID}{job_id}"
        return there.key if there.set == job.set else f"{there.set}/{there.key}"

    spec = job.spec
    return replace(
        spec,
        parent_jobs=tuple(map(named, spec.parent_jobs)),
        on_failure_job=spec.on_failure_job and named(spec.on_failure_job),
    )


# -- what would come of it


def plan(wanted: ApplySet, changes: Sequence[Change], left: Sequence[str]) -> dict[str, Any]:
    """Return what would become of a set; `left` are the keys that stay although they are not named."""
    counts = Counter(each.what for each in changes)
    return {
        "set": wanted.name,
        "changes": [_change(each) for each in changes],
        **{what: counts[what] for what in ("create", "change", "delete")},
        "unchanged": len(wanted.jobs) - counts["create"] - counts["change"],
        "left": left,
    }


def _change(told: Change) -> dict[str, Any]:
    return {
        "what": told.what,
        "id": told.id,
        "name": told.name,
        "set": told.set,
        "key": told.key,
        "fields": [
            {"field": _WIRE.get(field, field), "before": before, "after": after}
            for field, before, after in told.fields
        ],
        "by_hand": told.by_hand,
        "slots_gone": len(told.gone),
        "slots_new": len(told.new),
        "gone": told.gone[:_MOST_SLOTS_TOLD],
        "new": told.new[:_MOST_SLOTS_TOLD],
        "at_once": told.at_once,
        "under_way": told.under_way,
        "kept_runs": told.kept_runs,
    }
