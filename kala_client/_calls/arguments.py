"""What is given to a call, as it is sent; what cannot be meant is refused before anything is sent. No I/O.

`_calls` puts it into its calls, `_follow` into those for pages and looks. What can be wrong with a job is in `_checks`.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import TIMEOUT_MAX
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from kala_client import errors
from kala_client._calls import checks
from kala_client.models import Job, Run, WhichJob

T = TypeVar("T")

_TIMES = {"since": "from", "until": "to"}
"""How times are named on the wire."""

# What any Kala makes its ids of. Dots and slashes could change the path, and "all" would delete every job.
_ID = re.compile(
    r"(?!(?:all|batch|bulk|stats|start|enable|disable)\Z)[A-Za-z0-9_-]{1,128}", re.IGNORECASE | re.ASCII
)

# A line break would begin another header, outer spaces would be lost, and HTTP knows no encoding of the rest.
_HEADER_VALUE = re.compile(r"(?! )[\x20-\x7e]{1,255}(?<! )")


def id_of_job(job: WhichJob) -> str:
    """Return the id of the job that is meant."""
    name = job.job_id if isinstance(job, Run) else job.id if isinstance(job, Job) else job
    if isinstance(job, Job) and not name:
        raise errors.InvalidRequestError("this Job has no id, as no server has sent it, so nothing was asked")
    return _checked(name, "job", errors.JobNotFoundError)


def id_of_run(run: Run | str) -> str:
    """Return the id of the run that is meant."""
    return _checked(run.id if isinstance(run, Run) else run, "run", errors.RunNotFoundError)


def job_body(job: object, where: str = "job") -> dict[str, Any]:
    """Return what is sent of a job."""
    if not isinstance(job, Job):
        raise errors.InvalidJobError(
            f"{where} must be a kala_client.Job, not {_kind(job)}, so nothing was sent; Job(**fields) makes one"
        )
    return job.creation_body()


def new_job_body(job: Job, place: str = "") -> dict[str, Any]:
    """Return what is sent of a job that is to be created, with its place among others."""
    body = job_body(job, place or "job")
    checks.check_job(job, place and f"{place}.")
    return body


def listed(name: str, values: Iterable[T]) -> Iterable[T]:
    """Return what is there to be gone through; one thing alone is no list of it, and of a text no letters are meant."""
    if isinstance(values, str | bytes | Job | Run) or not isinstance(values, Iterable):
        raise errors.InvalidRequestError(f"{name} must be a list, not {_kind(values)}, so nothing was sent")
    return values


def at_most(limit: int | None) -> int | None:
    """Return how many are wanted at most; None is all."""
    if limit is not None and not (isinstance(limit, int) and limit >= 0):
        raise errors.InvalidRequestError(
            f"limit must be a whole number from 0 on, or None, not {repr(limit)[:80]}"
        )
    return limit


def seconds(timeout: float | None) -> float | None:
    """Return how long to wait at most; None is for ever."""
    if timeout is not None and not (isinstance(timeout, int | float) and abs(timeout) <= TIMEOUT_MAX):
        raise errors.InvalidRequestError(
            f"timeout must be a number of seconds, or None, not {repr(timeout)[:80]}"
        )
    return timeout


Asked = str | ZoneInfo | datetime | int | None
"""What may be said in the URL; None is not said."""


def query(**params: Asked) -> dict[str, str]:
    """Return what is said in the URL."""
    return {name: str(value) for name, value in params.items() if value is not None}


def query_across(job: WhichJob | None, wanted: Mapping[str, Asked]) -> dict[str, str]:
    """Return what is said in the URL of a question across all jobs, or of one."""
    told = {
        _TIMES.get(name, name): aware(value, name).isoformat()
        if name in _TIMES and value is not None
        else value
        for name, value in wanted.items()
    }
    return query(job=None if job is None else id_of_job(job), **told)


def aware(at: object, name: str = "at") -> datetime:
    """Return the time, which must have a zone."""
    if not isinstance(at, datetime):
        raise errors.InvalidRequestError(f"{name} must be a datetime, not {_kind(at)}")
    if at.utcoffset() is None:
        raise errors.InvalidRequestError(
            f"{name} has no time zone: {at.isoformat()}; .astimezone() gives it this machine's"
        )
    return at


def keyed(key: str | None) -> dict[str, str]:
    """Return the headers of JSON under an idempotency key; without one under a new one."""
    named = str(uuid.uuid4()) if key is None else header_value("idempotency_key", key)
    return {"Content-Type": "application/json", "Idempotency-Key": named}


def only_if(tag: str | None) -> dict[str, str]:
    """Return the header by which a job is changed only where it still has this tag; None is whatever it has."""
    if tag is None:
        return {}
    if not (isinstance(tag, str) and fits_header(tag)):
        raise errors.InvalidRequestError(
            "if_match must be the etag of a job that get_job, update_job or replace_job has returned, "
            f"not {repr(tag)[:80]}"
        )
    return {"If-Match": tag}


def fits_header(value: str) -> bool:
    """Whether a text can be sent as the value of a header, and comes through as it is."""
    return bool(_HEADER_VALUE.fullmatch(value))


def header_value(name: str, value: object) -> str:
    """Return what may be sent as a header."""
    if not (isinstance(value, str) and fits_header(value)):
        raise errors.InvalidRequestError(
            f"{name} must be 1 to 255 printable ASCII characters, such as {str(uuid.uuid4())!r}, "
            f"not {repr(value)[:80]}"
        )
    return value


def as_json(value: Any) -> bytes:
    """Return a body."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except TypeError as error:
        raise errors.InvalidRequestError(f"this cannot be sent: {error}, so nothing was sent") from None


def _checked(name: object, what: str, missing: type[errors.NotFoundError]) -> str:
    if not isinstance(name, str):
        raise errors.InvalidRequestError(
            f"the id of a {what} is text, not {_kind(name)}, so nothing was asked"
        )
    if not _ID.fullmatch(name):
        raise missing(f"no {what} can have the id {name[:80]!r}, so nothing was asked")
    return name


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
