"""The clock of a live server is stepped by an hour, on and back: no slot is repeated, and a step is noticed at once.

Before each step on, a job is due in half an hour, which the step passes over; before each step back, one is due in a
second, which has then an hour to wait.
"""

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from kala_client import KalaClient
from tests.eventually import eventually
from tests.faults.conftest import Tell
from tests.faults.figures import CLOCK_STEPS
from tests.faults.promises import client
from tests.faults.server_child import server_program
from tests.faults.stepped_clock import SteppedClock, library

pytestmark = [
    pytest.mark.needs("libfaketime"),
    pytest.mark.skipif(library() is None, reason="needs libfaketime, to step the clock of a process"),
]

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=0.5)
"""Where creating a job takes longer than that, its slot has just passed, and runs all the same."""
LATER = timedelta(seconds=5)
"""After what a machine that is busy with something else may need to create a job."""
NOTICED = 20.0
"""Seconds after which a step counts as not noticed, on the busiest machine; the real figure is told."""
PERIODS = ["PT1S", "PT10M"]
"""Of the job that goes on all the time. One that is due every second also wakes the server every second."""


class Life:
    """A server that lives by a clock of its own, and what its commands have left in a file."""

    def __init__(
        self, kala: KalaClient, clock: SteppedClock, marks: Path, period: str, patience: float
    ) -> None:
        self.delays: list[float] = []
        self.repeated: list[str] = []
        self.clock = clock
        self._patience = patience
        self._kala = kala
        self._marks = marks
        marks.touch()
        self._waiting: set[str] = set()
        self._regular = self._job("regular", f"R/{self._in(SOON)}/{period}")
        eventually(self.slots)

    def step_on(self) -> None:
        """Step on over a slot that is due in half an hour; it must run at once."""
        due = self._job("passed over", f"R0/{self._in(HOUR / 2)}/PT1S")
        self.clock.step(HOUR)
        since = time.monotonic()
        eventually(lambda: due in self.ran(), within=self._patience)
        self.delays.append(time.monotonic() - since)

    def step_back(self) -> None:
        """Step back from a slot that was about to run; one of the time that it is now must run."""
        self._waiting.add(self._job("far again", f"R0/{self._in(LATER)}/PT1S"))
        self.clock.step(-HOUR)
        due = self._job("after the step", f"R0/{self._in(SOON)}/PT1S")
        eventually(lambda: due in self.ran(), within=self._patience)

    def slots(self) -> list[str]:
        """Return what was run: a job and the time for which it was scheduled."""
        return self._marks.read_text().splitlines()

    def ran(self) -> set[str]:
        """Return the jobs that were run."""
        return {slot.split("@")[0] for slot in self.slots()}

    def end(self, hours: int) -> None:
        """Step on past all that was: what waited for its time runs now, and then nothing may have run twice."""
        self.clock.step(hours * HOUR)
        eventually(lambda: self._waiting <= self.ran(), within=self._patience)
        ledger = [f"{run.job_id}@{run.scheduled_at}" for run in self._kala.runs(self._regular)]
        for slots in (self.slots(), ledger):
            self.repeated += [slot for slot, number in Counter(slots).items() if number > 1]

    def _job(self, name: str, schedule: str) -> str:
        command = f"echo $KALA_JOB_ID@$KALA_SCHEDULED_AT >> {self._marks}"
        return self._kala.create_job(
            name=name, command=command, schedule=schedule, shell=True, keep_runs=10_000
        )

    def _in(self, delay: timedelta) -> str:
        return (self.clock.now() + delay).isoformat()


def lived(
    place: Path, steps: list[bool], *, period: str, plant: str = "nothing", patience: float = NOTICED
) -> Life:
    """Step the clock of a server, on where a step is true, else back."""
    clock = SteppedClock(place / "clock")
    with (
        server_program(place / "data", plant=plant, environment=clock.environment) as server,
        client(server.url) as kala,
    ):
        life = Life(kala, clock, place / "marks", period, patience)
        for on in steps:
            if on:
                life.step_on()
            else:
                life.step_back()
        life.end(len(steps))
    return life


@pytest.mark.parametrize("period", PERIODS)
def test_clock_steps_repeat_nothing_and_are_noticed_at_once(tmp_path: Path, tell: Tell, period: str) -> None:
    steps = [True] * CLOCK_STEPS + [False] * CLOCK_STEPS
    Random(4).shuffle(steps)
    life = lived(tmp_path, steps, period=period)
    assert life.repeated == []
    slowest, slots = max(life.delays), len(life.slots())
    tell(f"{CLOCK_STEPS} h on and back, {slots} slots, 0 repeated; noticed after {slowest:.2f} s at most")


def test_a_server_that_trusts_its_timers_alone_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"still False after 3 s"):
        lived(tmp_path, [True], period="PT10M", plant="sleeps_until_it_is_due", patience=3)


def test_a_server_that_plans_anew_after_a_step_back_is_noticed(tmp_path: Path) -> None:
    life = lived(tmp_path, [True, False], period="PT10M", plant="plans_anew_after_a_step_back")
    assert life.repeated


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_step_ends_no_command_by_its_timeout_and_is_recorded(tmp_path: Path, step: timedelta) -> None:
    clock, goes_on = SteppedClock(tmp_path / "clock"), tmp_path / "go on"
    with (
        server_program(tmp_path / "data", environment=clock.environment) as server,
        client(server.url) as kala,
    ):
        command = f"until [ -e '{goes_on}' ]; do sleep 0.05; done"
        job_id = kala.create_job(name="waits", command=command, shell=True, timeout="PT1M")
        eventually(lambda: next(kala.runs(job_id)).state == "running", within=NOTICED)
        clock.step(step)
        kala.create_job(name="something happens", command="true")
        journal = tmp_path / "data" / "journal.jsonl"
        eventually(lambda: b'"clock_stepped"' in journal.read_bytes(), within=NOTICED)
        goes_on.touch()
        eventually(lambda: next(kala.runs(job_id)).state != "running", within=NOTICED)
        [run] = kala.runs(job_id)
    assert run.state == "succeeded", run.reason
