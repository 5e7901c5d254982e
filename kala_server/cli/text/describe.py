"""Jobs, runs and figures as tables for people. It must not ask the server anything."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType

from kala_client import ClusterRole, Family, Job, JobStat, KalaStats, Run, SlotExplanation, UpcomingSlot
from kala_server.cli.text.reader import Clock
from kala_server.cli.text.show import (
    NOTHING,
    Column,
    FittingTable,
    facts,
    moment,
    moment_there,
    short,
    table,
    took,
    whole_moment,
)

_SPECIAL = {
    "name", "id", "command", "schedule", "parent_jobs", "dependent_jobs", "metadata", "stats", "disabled", "is_done",
    "success_count", "error_count", "number_of_finished_runs", "remote_properties", "env", "type",
}  # fmt: skip
"""Fields of a job that are told in another way, or in their order."""


def job_state(job: Job) -> str:
    """Say in a word whether the job will run again."""
    if job.disabled:
        return "disabled"
    return "done" if job.is_done else "active"


def last_failure(job: Job, clock: Clock) -> str:
    """Say when and why the last run failed; nothing where a later one succeeded."""
    failed, worked = job.last_error, job.last_success
    if failed is None or (worked is not None and worked >= failed):
        return ""
    return f"{moment(failed, clock.zone)}  {job.last_error_reason}".rstrip()


def schedule_in_short(job: Job) -> str:
    """Say when a job runs, without START: the next run says more."""
    if job.schedule.startswith("R"):
        repeats, _, period = job.schedule.split("/")
        return "once" if repeats == "R0" else f"{repeats}/…/{period}"
    if job.schedule:
        return job.schedule
    if job.parent_jobs:
        more = f" +{len(job.parent_jobs) - 1}" if len(job.parent_jobs) > 1 else ""
        return f"after {short(job.parent_jobs[0])}{more}"
    return "once"


def job_table(jobs: Sequence[Job], clock: Clock) -> RenderableType:
    """A line for each job. Where there is no room its name, its next time and its state are what is left."""
    return FittingTable(
        (
            Column("name", gives=True),
            Column("id", spare=3),
            Column("schedule", gives=True, spare=1, least=30),
            Column(clock.titled("next run")),
            Column("ok", right=True, spare=5),
            Column("failed", right=True, spare=4),
            Column("state"),
            Column("last failure", gives=True, spare=2),
        ),
        [
            (
                job.name,
                short(job.id),
                schedule_in_short(job),
                moment(job.next_run_at, clock.zone),
                job.success_count,
                job.error_count,
                job_state(job),
                last_failure(job, clock),
            )
            for job in jobs
        ],
    )


def job_facts(job: Job, clock: Clock) -> RenderableType:
    """Everything about a job that is not as it is without saying."""
    return facts(_facts(job, clock))


def _facts(job: Job, clock: Clock) -> Iterator[tuple[str, object]]:
    yield "name", job.name
    yield "id", job.id
    yield "command", job.command
    if job.type == 1 and job.remote_properties:
        yield "calls", f"{job.remote_properties.method} {job.remote_properties.url}"
    yield "state", job_state(job)
    yield "schedule", job.schedule
    yield "parents", ", ".join(job.parent_jobs)
    yield "children", ", ".join(job.dependent_jobs)
    yield "ok", job.success_count
    yield "failed", job.error_count
    for name, field in Job.model_fields.items():
        value = getattr(job, name)
        if name not in _SPECIAL and value and value != field.default:
            yield name.replace("_", " "), _value(value, clock)
    yield "env", ", ".join(job.env or ())


def _value(value: object, clock: Clock) -> object:
    if isinstance(value, datetime):
        return whole_moment(value, clock.zone)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def stat_table(stats: Iterable[JobStat], clock: Clock) -> RenderableType:
    """A line for each finished run, as Kala keeps them."""
    rows = [
        (
            moment(stat.ran_at, clock.zone),
            "succeeded" if stat.success else "failed",
            took(stat.execution_duration.total_seconds()),
            stat.number_of_retries,
        )
        for stat in stats
    ]
    if not rows:
        return "no runs yet"
    return FittingTable(
        (
            Column(clock.titled("ran")),
            Column("state"),
            Column("took"),
            Column("retries", right=True, spare=1),
        ),
        rows,
    )


def run_table(runs: Iterable[Run], clock: Clock) -> RenderableType:
    """A line for each run, newest first."""
    rows = [(run.id, moment(run.scheduled_at, clock.zone), run.state, how(run, clock)) for run in runs]
    if not rows:
        return "no runs yet"
    return FittingTable(
        (Column("run", spare=1), Column(clock.titled("due")), Column("state"), Column("how", gives=True)),
        rows,
    )


def all_run_table(runs: Iterable[Run], clock: Clock) -> RenderableType:
    """A line for each run, newest first, and whose it is."""
    rows = [
        (run.job_name, run.id, moment(run.scheduled_at, clock.zone), run.state, how(run, clock))
        for run in runs
    ]
    if not rows:
        return "no such runs"
    return FittingTable(
        (
            Column("job", gives=True),
            Column("run", spare=1),
            Column(clock.titled("due")),
            Column("state"),
            Column("how", gives=True),
        ),
        rows,
    )


def upcoming_table(slots: Iterable[UpcomingSlot], clock: Clock) -> RenderableType:
    """A line for each slot, the earliest first."""
    rows = [(moment(slot.at, clock.zone), slot.job_name, short(slot.job_id)) for slot in slots]
    if not rows:
        return "nothing is due"
    return FittingTable((Column(clock.titled("due")), Column("job", gives=True), Column("id", spare=1)), rows)


def how(run: Run, clock: Clock) -> str:
    """Say in a few words how a run went."""
    said = [took(run.duration.total_seconds())] if run.duration is not None else []
    if run.reason:
        said.append(run.reason)
    elif run.exit_code:
        said.append(f"exit code {run.exit_code}")
    if run.count > 1:
        said.append(f"{run.count} of them until {moment(run.last_scheduled_at, clock.zone)}")
    return ", ".join(said) or NOTHING


def slot_table(slots: Iterable[SlotExplanation], clock: Clock) -> RenderableType:
    """What became of each due time."""
    rows = [(moment_there(slot.at, clock.zone), slot.state, slot.sentence) for slot in slots]
    if not rows:
        return "it was not due then"
    return table((Column("due"), Column("state"), Column("why", wraps=True)), rows)


def family_table(family: Family, clock: Clock) -> RenderableType:
    """A line for each job, those that come first above: how its last run went, and after whom it runs."""
    names = {node.id: node.name for node in family.nodes}
    before: dict[str, list[str]] = {node.id: [] for node in family.nodes}
    for edge in family.edges:
        if edge.begin in names and edge.end in names:
            first = names[edge.begin]
            before[edge.end].append(first if edge.kind == "parent" else f"a failure of {first}")
    rows = [
        (
            node.distance,
            node.name,
            short(node.id),
            node.state,
            NOTHING if node.last is None else f"{node.last.state} {moment(node.last.begin, clock.zone)}",
            ", ".join(sorted(before[node.id])) or NOTHING,
        )
        for node in sorted(family.nodes, key=lambda node: (node.distance, node.name))
    ]
    return FittingTable(
        (
            Column("step", right=True),
            Column("job", gives=True),
            Column("id", spare=2),
            Column("state"),
            Column(clock.titled("last"), spare=1),
            Column("after", gives=True),
        ),
        rows,
    )


def _role_facts(cluster: ClusterRole | None) -> Sequence[tuple[str, object]]:
    """What the server is among those of its store; nothing where there can be no other."""
    if cluster is None:
        return ()
    leads = cluster.role == "leader"
    leader = cluster.leader or "none for the moment"
    return (
        ("role", cluster.role),
        *([] if leads else [("leader", leader), ("lag", f"{cluster.lag:.1f} s")]),
        ("epoch", cluster.epoch),
        ("lease", f"{cluster.lease:.1f} s"),
    )


def server_facts(stats: KalaStats, clock: Clock) -> RenderableType:
    """What the whole server did."""
    return facts(
        (
            ("jobs", stats.jobs),
            ("active", stats.active_jobs),
            ("disabled", stats.disabled_jobs),
            ("succeeded", stats.success_count),
            ("failed", stats.error_count),
            ("next run", whole_moment(stats.next_run_at, clock.zone)),
            ("last run", whole_moment(stats.last_attempted_run, clock.zone)),
            ("since", whole_moment(stats.created_at, clock.zone)),
            *_role_facts(stats.cluster),
        )
    )
