"""A run that was taken for interrupted, as its machine was not heard of, and of which it is heard after all."""

from typing import Any

import pytest

from kala_server.core import reasons
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import Run, RunState
from kala_server.core.state.apply import apply
from tests.unit.core import invariants
from tests.unit.core.simulation import FOR_EVER, World, id_of


def taken_for_interrupted(**job: Any) -> tuple[World, Run]:
    """Return a world with a run that may go on, and has counted as an error."""
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule="never", **job)
    run_id = world.start("job")
    gone = inputs.Ended(
        run_id=run_id, succeeded=False, state=RunState.INTERRUPTED, reason="not heard of", may_go_on=True
    )
    world.tell(gone)
    return world, world.state.runs[run_id]


def after_all(run: Run, **how: Any) -> inputs.EndedAfterAll:
    return inputs.EndedAfterAll(**{"handle": run.handle, "succeeded": True, "exit_code": 0, **how})


def test_it_is_corrected_with_a_record_of_its_own_and_counts_as_what_it_was() -> None:
    world, run = taken_for_interrupted()
    assert run.state is RunState.INTERRUPTED
    assert world.state.counts == {"running": 0, "succeeded": 0, "errors": 1}
    world.tell(after_all(run))
    assert isinstance(world.journal[-1], r.RunCorrected)
    now = world.state.runs[run.id]
    assert (now.state, now.exit_code, now.reason) == (RunState.SUCCEEDED, 0, reasons.HEARD_LATE)
    tally = world.state.jobs[id_of("job")].tally
    assert (tally.success_count, tally.error_count, tally.finished_runs, tally.failing) == (1, 0, 1, False)
    assert world.state.counts == {"running": 0, "succeeded": 1, "errors": 0}
    invariants.check(world.state)


def test_one_that_failed_stays_an_error_and_says_why() -> None:
    world, run = taken_for_interrupted(retries=3)
    world.tell(after_all(run, succeeded=False, exit_code=3, reason="exit code 3"))
    now = world.state.runs[run.id]
    assert (now.state, now.exit_code) == (RunState.FAILED, 3)
    tally = world.state.jobs[id_of("job")].tally
    assert tally.error_count == 1
    assert tally.last_error_reason == now.reason == f"exit code 3; {reasons.HEARD_LATE}"
    invariants.check(world.state)


def test_to_hear_it_twice_or_of_another_attempt_or_of_none_changes_nothing() -> None:
    world, run = taken_for_interrupted()
    world.tell(after_all(run))
    known = len(world.journal)
    for again in (
        after_all(run, succeeded=False),
        after_all(run, handle=f"{run.id}.7"),
        after_all(run, handle="of-nobody.1"),
    ):
        world.tell(again)
    assert len(world.journal) == known


def test_what_may_go_on_is_not_run_again_however_harmless_that_is() -> None:
    world, run = taken_for_interrupted(rerun_interrupted=True)
    assert [entry.id for entry in world.state.runs.values()] == [run.id]


def test_a_run_whose_job_was_deleted_is_of_no_interest() -> None:
    world, run = taken_for_interrupted()
    world.decide(inputs.DeleteJob(id=id_of("job")))
    world.tell(after_all(run))
    assert not world.state.runs


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED])
def test_a_correction_can_be_taken_back(state: RunState) -> None:
    world, run = taken_for_interrupted()
    job, counts = world.state.jobs[id_of("job")], dict(world.state.counts)
    mark = world.state.undo.mark()
    apply(world.state, r.RunCorrected(run_id=run.id, at=world.now, state=state, reason="after all"))
    assert world.state.runs[run.id].state is state
    world.state.undo.roll_back(mark)
    assert world.state.runs[run.id] == run
    assert world.state.jobs[job.id] == job
    assert world.state.counts == counts
    invariants.check(world.state)
