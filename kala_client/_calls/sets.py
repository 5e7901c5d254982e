"""Build the calls about sets of jobs. No I/O."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from kala_client import errors
from kala_client._calls import answers, envelopes
from kala_client._calls.answers import Answer
from kala_client._calls.arguments import as_json, listed, only_if
from kala_client._calls.call import Call, Repeatable
from kala_client._model.wire_types import FirstFault, WithoutNulls
from kala_client.job_sets import SetApplied, SetPlan, SetSummary, StoredSet

T = TypeVar("T")

SetJobs = Iterable[Mapping[str, Any]]
"""Jobs of a set: the fields of each, with its `key`."""


class _Envelope(FirstFault, BaseModel):
    model_config = ConfigDict(extra="allow")


class _SetsAnswer(_Envelope):
    sets: Annotated[list[SetSummary], WithoutNulls]


class _SetAnswer(_Envelope):
    set: StoredSet


class _PlanAnswer(_Envelope):
    plan: SetPlan


class _AppliedAnswer(_Envelope):
    applied: SetApplied


def sets() -> Call[list[SetSummary]]:
    """GET /set/."""
    return Call(
        "GET",
        "/set/",
        lambda answer: envelopes.read(answer, _SetsAnswer).sets,
        repeatable=Repeatable.ALWAYS,
        added=True,
    )


def get_set(name: str) -> Call[StoredSet]:
    """GET /set/{name}/."""
    return Call(
        "GET",
        _path(name),
        lambda answer: envelopes.read(answer, _SetAnswer).set,
        repeatable=Repeatable.ALWAYS,
        missing=errors.NotFoundError,
        added=True,
    )


def plan_set(
    name: str, jobs: SetJobs, *, prune: bool, prune_children: bool, take: bool, hours: int
) -> Call[SetPlan]:
    """PUT /set/{name}/?dry_run=true: nothing changes."""

    def plan(answer: Answer) -> SetPlan:
        return envelopes.read(answer, _PlanAnswer).plan

    options = _options(prune=prune, prune_children=prune_children, take=take)
    return _put(name, jobs, plan, params={**options, "dry_run": "true", "hours": str(hours)})


def apply_set(
    name: str,
    jobs: SetJobs,
    *,
    prune: bool,
    prune_children: bool,
    take: bool,
    if_match: str | None,
    source: str,
) -> Call[SetApplied]:
    """PUT /set/{name}/: sent again where its outcome is not known, as what was applied already stays as it is."""

    def applied(answer: Answer) -> SetApplied:
        return envelopes.read(answer, _AppliedAnswer).applied

    options = _options(prune=prune, prune_children=prune_children, take=take)
    return _put(name, jobs, applied, params=options, headers=only_if(if_match), source=source)


def delete_set(name: str, *, keep_jobs: bool) -> Call[None]:
    """DELETE /set/{name}/."""
    return Call(
        "DELETE",
        _path(name),
        answers.check_empty,
        params=_options(keep_jobs=keep_jobs),
        repeatable=Repeatable.ALWAYS,
        missing=errors.NotFoundError,
        gone_is_done=lambda: None,
        added=True,
    )


def _put(
    name: str,
    jobs: SetJobs,
    read: Callable[[Answer], T],
    *,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    source: str = "",
) -> Call[T]:
    return Call(
        "PUT",
        _path(name),
        read,
        params=params,
        body=as_json({"jobs": _said(jobs), "source": source}),
        headers={"Content-Type": "application/json", **(headers or {})},
        repeatable=Repeatable.ALWAYS,
        missing=errors.NotFoundError,
        added=True,
        sends_job=True,
    )


def _said(jobs: SetJobs) -> list[dict[str, Any]]:
    said = []
    for job in listed("jobs", jobs):
        if not isinstance(job, Mapping):
            raise errors.InvalidRequestError(
                f"a job of a set is a mapping with its key and its fields, not {repr(job)[:80]}"
            )
        said.append(dict(job))
    return said


def _options(**flags: bool) -> dict[str, str]:
    return {name: "true" for name, said in flags.items() if said}


def _path(name: str) -> str:
    if not isinstance(name, str) or not name:
        raise errors.InvalidRequestError(f"a set has a name, such as 'billing', not {repr(name)[:80]}")
    return f"/set/{quote(name, safe='')}/"
