"""A data folder as a busy site has it: many jobs of some hundred schedules, and what became of them in the last day.

It is told by a Kit, whose clock goes through that day and ends now; a server that is started on it goes on from there.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kala_client import Job
from kala_client.clock import utc_now
from kala_server.testing import Kit
from tests.bench.documents import OWNER

_BATCH = 10_000
_FREQUENT = 60
_FAMILIES = 20
_DAY = timedelta(days=1)


def write(folder: Path, jobs: int) -> None:
    """Write it, with that many jobs and some more that are due often or follow each other."""
    start = utc_now() - _DAY
    with Kit(start, data_dir=folder) as kit:
        for begin in range(0, jobs, _BATCH):
            kit.client.create_jobs(_monthly(number) for number in range(begin, min(begin + _BATCH, jobs)))
        kit.client.create_jobs(_frequent(start))
        for number in range(0, _FREQUENT, 10):
            kit.command(f"poll-{number:02}").then_ok().then_ok().then(exit_code=1)
        for number in range(_FAMILIES):
            _family(kit, number)
        kit.advance(_DAY)


def _monthly(number: int) -> Job:
    """A job that is due once a month, at one of 840 times."""
    return Job(
        name=f"nightly-report-{number:06}",
        command="true",
        owner=OWNER,
        schedule=f"{number % 60} {number % 24} {1 + number % 28} * *",
        tags=[f"customer-{number % 500:03}"],
    )


def _frequent(start: datetime) -> Iterator[Job]:
    for number in range(_FREQUENT):
        schedule = f"R/{start.astimezone(UTC).isoformat()}/PT{5 + number % 25}M"
        yield Job(name=f"poll-{number:02}", command="true", schedule=schedule, keep_runs=500)


def _family(kit: Kit, number: int) -> None:
    """Have one follow the other, and the first one of every third family fail."""
    name = f"extract-{number:02}"
    job_id = kit.client.create_job(name=name, command="true", schedule=f"{3 * number % 60} 2 * * *")
    if not number % 3:
        kit.command(name).then(exit_code=2, output="no such table\n")
    for step in ("clean", "load", "report"):
        job_id = kit.client.create_job(name=f"{step}-{number:02}", command="true", parent_jobs=[job_id])
