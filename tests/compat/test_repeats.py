"""How often `R0`, `R1`, `R2` and `R` run, and when: measured on two real Kalas, and decided by ours."""

from datetime import UTC, datetime, timedelta

import pytest

from kala_server.core.decide.engine import decide
from kala_server.core.decide.transaction import Limits
from kala_server.core.model import effects, inputs
from kala_server.core.model.job import JobSpec
from kala_server.core.model.records import ServerKept
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from tests.compat.recorded import NAMES, recording

NOW = datetime(2035, 6, 4, 19, 25, tzinfo=UTC)
FIRST = NOW + timedelta(seconds=1.5)
SECOND = timedelta(seconds=1)
JOB_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"


def our_run_times(repeat: str) -> list[datetime]:
    """Return when a job ran in seven seconds, every command taking no time."""
    state = State()
    apply(state, ServerKept(created_at=NOW))
    spec = JobSpec(name="measured", command="true", schedule=f"{repeat}/{FIRST.isoformat()}/PT1S")
    events: list[inputs.Input] = [inputs.CreateJobs(jobs=(inputs.NewJob(id=JOB_ID, spec=spec),))]
    now, started = NOW, []
    while now < NOW + 7 * SECOND:
        for event in events:
            for effect in decide(state, event, now, Limits()).effects:
                if isinstance(effect, effects.StartAttempt):
                    started.append(now)
                    decide(state, inputs.Ended(run_id=effect.run.id, succeeded=True), now, Limits())
        now, events = state.next_due() or datetime.max.replace(tzinfo=UTC), [inputs.Tick()]
    return started


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("repeat", ["R0", "R1", "R2", "R"])
def test_a_job_repeats_as_often_as_on_kala_and_a_period_apart(name: str, repeat: str) -> None:
    theirs = [datetime.fromisoformat(time) for time in recording(name).run_times[repeat]]
    ours = our_run_times(repeat)
    assert ours == [FIRST + number * SECOND for number in range(len(theirs))]
    assert [round((time - theirs[0]) / SECOND) for time in theirs] == list(range(len(theirs)))
