"""`kala job start|runs|logs|explain|cancel`: the commands about what jobs did."""

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from kala_server.cli.job.job_names import JOB
from kala_server.cli.remote import Session, is_whole_id, plain, say_json, talks_to_kala
from kala_server.cli.text.plain import printable
from kala_server.cli.text.reader import Clock
from kala_server.cli.text.typed_text import NAMED, Whole

if TYPE_CHECKING:
    from kala_client import Run
    from kala_client.models import RunState

_BY_SIGNAL = 128
"""A shell reports a command that signal N has ended as 128 + N; so do we."""


@click.command(short_help="Start a job now (also: kala job run).")
@click.argument("job_id", metavar="ID", type=JOB)
@click.option("--wait", is_flag=True, help="Show its output and exit as the command does.")
@talks_to_kala
def start(session: Session, *, job_id: str, wait: bool) -> None:
    """Start a job now, and print the id of the run.

    With --wait, show what it prints, and exit with the command's exit code: 128 + N where signal N ended it, 1 where
    it has none. Ctrl-C ends the waiting, not the run. Real Kala does not tell ids of runs, and lets nobody wait.
    """
    if wait:
        raise click.exceptions.Exit(_run_and_wait(session, session.job_id(job_id)))
    run_id = session.client.start_job(session.job_id(job_id))
    if session.as_json:
        say_json({"run_id": run_id})
    else:
        click.echo(run_id or "started")


def _run_and_wait(session: Session, job_id: str) -> int:
    run = session.client.run_job(job_id)
    try:
        if not session.as_json:
            _show_lines(session, run.id)
        run = session.client.wait(run)
    except KeyboardInterrupt:
        click.echo(f"the run goes on; end it with: kala job cancel {run.id}", err=True)
        raise
    if session.as_json:
        say_json(plain(run))
    else:
        click.echo(_ending(run, session.clock), err=True)
    return _exit_code(run)


def _ending(run: "Run", clock: Clock) -> str:
    from kala_server.cli.text.describe import how

    return printable(f"{run.state}: {how(run, clock)}")


def _exit_code(run: "Run") -> int:
    if run.succeeded:
        return 0
    if isinstance(run.signal, int):
        return _BY_SIGNAL + run.signal
    return run.exit_code or 1


@click.command(short_help="List the runs of a job, newest first.")
@click.argument("job_id", metavar="ID", type=JOB)
@click.option("--state", type=NAMED, help="Those in this state, such as failed or skipped.")
@click.option("--limit", type=Whole(min=1), default=20, show_default=True, help="How many.")
@talks_to_kala
def runs(session: Session, *, job_id: str, state: "RunState | None", limit: int) -> None:
    """List the runs of a job, newest first, and the times that it was skipped."""
    from kala_server.cli.text.describe import run_table

    found = list(session.client.runs(session.job_id(job_id), state=state, limit=limit))
    session.answer([plain(run) for run in found], lambda: run_table(found, session.clock))


@click.command(short_help="Show what a run has printed.")
@click.argument("an_id", metavar="RUN_OR_JOB", type=JOB)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@talks_to_kala
def logs(session: Session, *, an_id: str, follow: bool) -> None:
    """Show what a run has printed; of a job, its last run."""
    run_id = _run_id(session, an_id)
    if follow and not session.as_json:
        _show_lines(session, run_id)
        return
    if follow:
        session.client.wait(run_id)
    output = session.client.output(run_id)
    if session.as_json:
        say_json({"run_id": run_id, "output": output})
    else:
        click.echo(output, nl=False)


def _show_lines(session: Session, run_id: str) -> None:
    for line in session.client.follow(run_id):
        click.echo(line)


def _run_id(session: Session, an_id: str) -> str:
    """Return the run that is meant: by its whole id, or the last one of a job."""
    if _is_run(session, an_id):
        return an_id
    job_id = session.job_id(an_id)
    for run in session.client.runs(job_id):
        if run.attempts:
            return run.id
    raise click.ClickException(f"the job {job_id} has not run yet; kala job explain {job_id} says why")


def _is_run(session: Session, an_id: str) -> bool:
    """Whether it is the whole id of a run; else it may be a job."""
    from kala_client import RunNotFoundError

    if not is_whole_id(an_id):
        return False
    try:
        session.client.get_run(an_id)
    except RunNotFoundError:
        return False
    return True


@click.command(short_help="Say why a job ran or did not.")
@click.argument("job_id", metavar="ID", type=JOB)
@click.option(
    "--at", metavar="TIME", help="The due time: 09:00 or 9am (today's), yesterday 23:00, or RFC 3339."
)
@talks_to_kala
def explain(session: Session, *, job_id: str, at: str | None) -> None:
    """Say what became of the times at which a job was due, and why; without --at of the last and the next one."""
    from kala_client.clock import utc_now
    from kala_server.cli.text.describe import slot_table

    clock = session.clock
    when = None if at is None else session.time(at, utc_now())
    slots = session.client.explain(session.job_id(job_id), at=when, zone=clock.name)
    # Of the only time that was asked about, the sentence says it all.
    alone = printable(slots[0].sentence) if when and len(slots) == 1 else None
    session.answer([plain(slot) for slot in slots], lambda: alone or slot_table(slots, clock))


@click.command(short_help="List the jobs that come before and after a job.")
@click.argument("job_id", metavar="ID", type=JOB)
@click.option(
    "--limit", type=Whole(1, 1000), default=200, show_default=True, help="How many, the nearest first."
)
@talks_to_kala
def family(session: Session, *, job_id: str, limit: int) -> None:
    """List the jobs that lead to a job, and those to which it leads: as their parent, or by a failure."""
    from kala_server.cli.text.describe import family_table

    found = session.client.family(session.job_id(job_id), limit=limit)
    session.answer(plain(found), lambda: family_table(found, session.clock))


@click.command(short_help="End a run that waits or runs.")
@click.argument("an_id", metavar="RUN_OR_JOB", type=JOB)
@talks_to_kala
def cancel(session: Session, *, an_id: str) -> None:
    """End a run that waits or runs; of a job, all that do."""
    if _is_run(session, an_id):
        session.client.cancel(an_id)
        cancelled = [an_id]
    else:
        cancelled = _cancel_all(session, session.job_id(an_id))
    if session.as_json:
        say_json({"cancelled": cancelled})
    else:
        for run_id in cancelled:
            click.echo(f"cancelled {run_id}")


def _cancel_all(session: Session, job_id: str) -> list[str]:
    """End the job's runs, those that wait first: none is to start because another one ends. Return their ids."""
    from kala_client import ConflictError

    found = [run.id for state in ("waiting", "running") for run in session.client.runs(job_id, state=state)]
    if not found:
        raise click.ClickException(f"no run of the job {job_id} waits or runs; see kala job runs {job_id}")
    cancelled: list[str] = []
    for run_id in found:
        with suppress(ConflictError):  # it may just have ended by itself
            session.client.cancel(run_id)
            cancelled.append(run_id)
    return cancelled
