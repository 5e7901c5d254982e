"""The table of jobs, with the indexes by which some of many are found.

Whoever sets an entry or takes it back sees to the indexes by it. They say nothing that the table does not.
"""

from datetime import datetime
from typing import Any

from kala_server.core.model.job import Job
from kala_server.core.state.ordered import Sorted

Created = tuple[datetime, str, str]
"""When a job was created, its id, and what it is looked for by."""


class Timings(dict[tuple[str, str], int]):
    """How many jobs that are not disabled and have a next slot have each schedule, with its zone."""

    changes = 0
    """How often that was changed: who remembers what it came to sees whether that still holds."""

    def count(self, timing: tuple[str, str], by: int) -> None:
        """Count up or down."""
        self.changes += 1
        count = self.get(timing, 0) + by
        if count:
            self[timing] = count
        else:
            del self[timing]


class Jobs(dict[str, Job]):
    """Jobs by their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.by_creation: Sorted[Created] = Sorted()
        self.by_name: Sorted[tuple[str, str]] = Sorted()
        """Names in lower case, with the ids."""
        self.by_tag: dict[str, set[str]] = {}
        self.called_by: dict[str, set[str]] = {}
        """Which jobs say that a job is to run when they fail; that one may be gone."""
        self.disabled: set[str] = set()
        self.failing: set[str] = set()
        """Jobs of which an attempt has failed, and none has succeeded since."""
        self.by_set: dict[str, dict[str, str]] = {}
        """The ids of the jobs of each set, by their keys."""
        self.timings = Timings()

    def __setitem__(self, job_id: str, job: Job) -> None:
        before = self.get(job_id)
        dict.__setitem__(self, job_id, job)
        if before is None:
            self._add(job)
        else:
            self._change(before, job)

    def __delitem__(self, job_id: str) -> None:
        self._remove(self[job_id])
        super().__delitem__(job_id)

    def pop(self, job_id: str, *default: Any) -> Any:
        """Remove a job and return it."""
        job = super().pop(job_id, *default)
        if isinstance(job, Job):
            self._remove(job)
        return job

    def _add(self, job: Job) -> None:
        self._add_texts(job)
        if job.disabled:
            self.disabled.add(job.id)
        if job.tally.failing:
            self.failing.add(job.id)
        self._enlist(job)
        self._count(job, 1)

    def _remove(self, job: Job) -> None:
        self._remove_texts(job)
        self.disabled.discard(job.id)
        self.failing.discard(job.id)
        self._strike(job)
        self._count(job, -1)

    def _change(self, before: Job, job: Job) -> None:
        if job.spec is not before.spec:
            self._remove_texts(before)
            self._add_texts(job)
        if job.disabled is not before.disabled:
            (self.disabled.add if job.disabled else self.disabled.discard)(job.id)
        if job.tally is not before.tally:
            (self.failing.add if job.tally.failing else self.failing.discard)(job.id)
        if (job.set, job.key) != (before.set, before.key):
            self._strike(before)
            self._enlist(job)
        if job.spec is not before.spec or _is_due(job) is not _is_due(before):
            self._count(before, -1)
            self._count(job, 1)

    def _count(self, job: Job, by: int) -> None:
        if _is_due(job):
            self.timings.count(job.spec.timing, by)

    def _enlist(self, job: Job) -> None:
        if job.set:
            self.by_set.setdefault(job.set, {})[job.key] = job.id

    def _strike(self, job: Job) -> None:
        # Within one decision two jobs of a set may exchange their keys.
        keys = self.by_set.get(job.set, {})
        if keys.get(job.key) == job.id:
            del keys[job.key]
            if not keys:
                del self.by_set[job.set]

    def _add_texts(self, job: Job) -> None:
        self.by_creation.add(_created(job))
        self.by_name.add(_named(job))
        for tag in job.spec.tags:
            self.by_tag.setdefault(tag, set()).add(job.id)
        if job.spec.on_failure_job:
            self.called_by.setdefault(job.spec.on_failure_job, set()).add(job.id)

    def _remove_texts(self, job: Job) -> None:
        self.by_creation.remove(_created(job))
        self.by_name.remove(_named(job))
        for tag in set(job.spec.tags):
            _discard(self.by_tag, tag, job.id)
        if job.spec.on_failure_job:
            _discard(self.called_by, job.spec.on_failure_job, job.id)


def _discard(index: dict[str, set[str]], key: str, job_id: str) -> None:
    index[key].remove(job_id)
    if not index[key]:
        del index[key]


def text_of(job: Job) -> str:
    """Return what the job is looked for by: its name, command and owner in lower case, each ended by a zero."""
    spec = job.spec
    return f"{spec.name}\0{spec.command}\0{spec.owner}\0".lower()


def _is_due(job: Job) -> bool:
    return job.next_at is not None and not job.disabled


def _created(job: Job) -> Created:
    return job.created_at, job.id, text_of(job)


def _named(job: Job) -> tuple[str, str]:
    name = job.spec.name
    lowered = name.lower()
    return (name if lowered == name else lowered), job.id  # most are written so, and need no second text
