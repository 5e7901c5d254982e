"""From the arguments of a method to a checked job; a mistake is an error of our tree. No I/O."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from kala_client._calls import checks
from kala_client.errors import FieldError, InvalidJobError
from kala_client.models import Job


def job_of(job: Job | None, fields: Mapping[str, Any]) -> Job:
    """Return the job that was given, or that the fields describe."""
    if (job is None) == (not fields):
        raise InvalidJobError("say either a Job or its fields, such as create_job(name=…, command=…)")
    return _checked(fields) if job is None else job


def changes_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a change as those of a job, and return them as JSON: what was said, and nothing else."""
    if not changes:
        raise InvalidJobError("say at least one field to change, such as update_job(id, retries=3)")
    job = _checked({"name": "unchanged", **changes})
    said = job.model_dump(mode="json", by_alias=True, include=set(changes), exclude_unset=True)
    checks.check_changes(said)
    return said


def _checked(fields: Mapping[str, Any]) -> Job:
    try:
        return Job(**fields)
    except ValidationError as error:
        invalid = InvalidJobError("this is not a job, so nothing was sent")
        invalid.errors = [
            FieldError(".".join(map(str, found["loc"])), found["msg"])
            for found in error.errors(include_url=False, include_input=False)
        ]
        raise invalid from None
