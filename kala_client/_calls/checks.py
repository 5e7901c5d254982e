"""What can be seen of a job before it is sent: whether it is wrong, and whether any Kala understands it. No I/O.

A real Kala drops in silence what it does not know, and a wrong schedule ends its process; kala_server says so itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kala_client.errors import FieldError, InvalidJobError
from kala_client.models import ADDED_FIELDS, Job
from kala_client.schedules import due


def check_job(job: Job, place: str = "") -> None:
    """Raise InvalidJobError where no Kala would take the job; `place` is where in a batch it is."""
    wrong = [*_about_the_schedule(job.schedule), *_about_the_call(job)]
    _raise(FieldError(f"{place}{error.field}", error.message, error.example) for error in wrong)


def check_changes(changes: Mapping[str, Any]) -> None:
    """Raise InvalidJobError where no job could be changed so."""
    _raise(_about_the_schedule(changes.get("schedule", "")))


def needs_kala_server(job: Job) -> tuple[str, ...]:
    """Return the names of what the job says and a real Kala would not hear."""
    said = job.model_fields_set & ADDED_FIELDS
    defaults = type(job).model_fields
    named = sorted(
        name for name in said if (value := getattr(job, name)) and value != defaults[name].get_default()
    )
    if due.is_cron(job.schedule):
        named.append("schedule (a cron line)")
    elif due.is_never(job.schedule):
        named.append("schedule (never)")
    return tuple(named)


def _raise(wrong: Iterator[FieldError]) -> None:
    invalid = InvalidJobError("this is not a job, so nothing was sent")
    invalid.errors = list(wrong)
    if invalid.errors:
        raise invalid


def _about_the_schedule(schedule: str) -> Iterator[FieldError]:
    try:
        if schedule:
            due.check_schedule(schedule)
    except ValueError as error:
        yield FieldError("schedule", str(error), due.example_for(schedule))


def _about_the_call(job: Job) -> Iterator[FieldError]:
    """A call that nobody makes: a job of type 0 runs its command, and has none where the type was forgotten."""
    call = job.remote_properties
    forgotten = job.type == 0 and call is not None and bool(call.url)
    if forgotten and ("type" not in job.model_fields_set or not (job.command or job.argv)):
        yield FieldError(
            "type", "remote_properties are called by a job of type 1 only, and this is of type 0", "1"
        )
