"""What several servers of one store promise, whatever happens to them; looked at when all is mended and quiet."""

from typing import Any

from kala_server.core.model.job import Run, RunState
from kala_server.core.model.records import Record
from kala_server.core.state.state import State
from tests.faults.simulated.client import Asked, Told
from tests.faults.simulated.cluster import Cluster
from tests.faults.simulated.machine_clock import instant
from tests.unit.core import invariants, oracle
from tests.unit.core.simulation import rebuilt


def check(there: Cluster) -> None:
    """Fail where a promise was not kept."""
    leader = there.leader
    assert leader is not None, "nobody leads"
    state = there.state_of(leader)
    invariants.check(state)
    for job_id, asked in there.client.asked.items():
        check_changes(job_id, asked, state)
    check_ledgers(there, state)
    check_runs(there, state)
    check_log(there, state)
    check_servers(there, state)


def check_changes(job_id: str, asked: Asked, state: State) -> None:
    """No change that was acknowledged is lost, and none that was refused is there."""
    job = state.jobs.get(job_id)
    if job is None:
        gone = asked.created.told is not Told.DONE or any(change.may_be for change in asked.deletions)
        assert gone, "a job that was acknowledged is lost"
        return
    assert asked.created.may_be, "a job is there that was refused"
    assert not any(change.told is Told.DONE for change in asked.deletions), "a deletion is lost"
    edits = [asked.created, *asked.edits]
    [last] = [change for change in edits if (change.what or "") == job.spec.owner]
    assert last.may_be, "a change was made that was refused"
    assert not [change for change in edits if change.told is Told.DONE and change.began > last.ended], (
        "a change is lost"
    )
    for start in asked.starts:
        there = start.what in state.runs
        assert there or start.told is not Told.DONE, "a start is lost"
        assert start.may_be or not there, "a run is there that was refused"


def check_ledgers(there: Cluster, state: State) -> None:
    """Every slot is in the ledger once, with what became of it."""
    plans = {job_id: asked.plan for job_id, asked in there.client.asked.items()}
    oracle.check_state(state, plans, instant(there.world.time))
    assert not state.runs.open, "a run never comes to its end"


def check_runs(there: Cluster, state: State) -> None:
    """What the ledger says of runs is what was seen of their commands."""
    for run in state.runs.values():
        if run.state is not RunState.SKIPPED and run.job_id in state.jobs:
            _check_run(there, run)


def _check_run(there: Cluster, run: Run) -> None:
    seen = [there.witness.seen.get(f"{run.id}.{number}") for number in range(1, run.attempts + 1)]
    if run.state is RunState.SUCCEEDED:
        last = seen[-1]
        assert last is not None and last.outcome is not None and last.outcome.succeeded, "it never succeeded"  # noqa: PT018
    if run.state is RunState.FAILED:
        assert all(seen), "a run failed that was never started"


def check_log(there: Cluster, state: State) -> None:
    """What is kept leads to what there is; it has one writer at a time, and nothing went with a compaction."""
    kept = [record for batch in there.database.everything() for record in batch.records]
    ever = [record for row in there.database.ever for record in row.batch.records]
    known = invariants.contents(state)
    assert _replayed(kept) == known, "the log tells something else"
    assert _replayed(ever) == known, "a compaction has lost something"
    epochs = [row.epoch for row in there.database.ever]
    assert epochs == sorted(epochs), "two servers led at once"


def _replayed(records: list[Record]) -> dict[str, Any]:
    """Return what these lead to."""
    try:
        return invariants.contents(rebuilt(records))
    except Exception as error:
        raise AssertionError(f"what is kept leads to nothing: {error!r}") from error


def check_servers(there: Cluster, state: State) -> None:
    """Everybody is there again and has the same state, and one leads; whoever lost its fence has ended."""
    known = invariants.contents(state)
    for machine in there.machines:
        process = machine.process
        assert process is not None and process.server is not None, "a server has ended again"  # noqa: PT018
        assert not process.troubles, process.troubles
        assert not process.server.service.trouble, process.server.service.trouble
        expected = "leader" if machine is there.leader else "follower"
        assert process.server.role.name == expected, f"{process.server.role.name} in place of {expected}"
        assert invariants.contents(there.state_of(machine)) == known, "a follower shows something else"
