"""When the slots of a job begin anew because it says something else, and with which. It changes nothing."""

from datetime import datetime

from kala_server.core.decide import validation
from kala_server.core.decide.slots import INSTANT
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.time.occurrences import first_of


def begins(job: Job, spec: JobSpec, now: datetime, *, anew: bool) -> datetime | None:
    """Return from when a changed job's slots count anew; None where they stay as they are.

    `anew` says that its schedule was said again, the same one too.
    """
    if job.spec.timing != spec.timing:
        return now
    # A slot of this very instant is in the ledger already.
    return now + INSTANT if anew and spec.schedule else None


def first_slot(job: Job, spec: JobSpec, since: datetime) -> datetime | None:
    """Return the first slot of a schedule that begins anew; START may be past, but something must be left of it."""
    if not spec.schedule:
        return None
    first = first_of(spec, since)
    if first is None and job.spec.timing != spec.timing:
        validation.first_slot(spec, since, since)  # which says why
    return first
