"""Shows jobs at work: a live table on a terminal, a line for each run elsewhere. It only watches."""

from collections.abc import Callable, Iterator
from threading import Event

import click
from rich.console import Group
from rich.live import Live

from kala_client import Job, JobStat, KalaClient
from kala_server.cli.text.describe import job_table
from kala_server.cli.text.plain import printable
from kala_server.cli.text.reader import Clock, readers_clock
from kala_server.cli.text.show import Column, screen, table, took

_POLL = 0.1
_LONGEST = 300
"""How many times it looks: a demo that hangs would be a poor one."""


class LiveTable:
    """Some jobs, watched until each has no more to do and has run."""

    def __init__(self, client: KalaClient, job_ids: list[str]) -> None:
        self._client = client
        self._job_ids = job_ids
        self._clock = readers_clock(utc=False, zone=None)
        self._seen: list[tuple[Job, JobStat]] = []

    def play(self) -> None:
        """Show what happens until it is over."""
        console = screen()
        if not console.is_terminal:
            self._watch(self._print_new)
            return
        with Live(console=console, auto_refresh=False) as live:
            self._watch(lambda jobs, _new: live.update(self._picture(jobs), refresh=True))

    def _watch(self, show: Callable[[list[Job], list[tuple[Job, JobStat]]], object]) -> None:
        pause = Event()  # never set: its wait is a sleep that a signal ends
        for _ in range(_LONGEST):
            jobs = [self._client.get_job(job_id) for job_id in self._job_ids]
            new = sorted(self._new_runs(jobs), key=lambda seen: str(seen[1].ran_at))
            self._seen += new
            show(jobs, new)
            if all(job.stats and (job.is_done or job.parent_jobs) for job in jobs):
                return
            pause.wait(_POLL)

    def _new_runs(self, jobs: list[Job]) -> Iterator[tuple[Job, JobStat]]:
        for job in jobs:
            known = sum(1 for seen, _ in self._seen if seen.id == job.id)
            for run in job.stats[known:]:
                yield job, run

    def _picture(self, jobs: list[Job]) -> Group:
        columns = (Column("ran at"), Column("job", gives=True), Column("state"), Column("took"))
        cells = (_cells(*seen, self._clock) for seen in self._seen)
        return Group(job_table(jobs, self._clock), "", table(columns, cells))

    def _print_new(self, _jobs: list[Job], new: list[tuple[Job, JobStat]]) -> None:
        for job, run in new:
            click.echo(printable("  ".join(_cells(job, run, self._clock))))


def _cells(job: Job, run: JobStat, clock: Clock) -> tuple[str, ...]:
    at = run.ran_at.astimezone(clock.zone).strftime("%H:%M:%S") if run.ran_at else ""
    state = "succeeded" if run.success else "failed"
    return at, job.name, state, took(run.execution_duration.total_seconds())
