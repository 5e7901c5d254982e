"""A job that runs each second, for a simulated year, and the compaction of journals.

A part of the year is really gone through; what is bounded after that stays bounded, as nothing but the time differs
between one second and the next.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from kala_server.cli.server.serve import SWITCH_INTERVAL
from kala_server.core.decide.engine import decide
from kala_server.core.decide.transaction import Limits, run_id_for
from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import JobSpec
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.stores.journal.journal import JournalStore
from tests.bench import limits
from tests.bench.bench import Bench
from tests.bench.documents import FAR_AWAY
from tests.bench.row import Row, Target, a_hold
from tests.owned_store import OwnedStore

_BEGIN = datetime(2031, 1, 1, tzinfo=UTC)
_JOB = "93b65499-b211-49ce-57e0-19e735cc5abd"
_A_YEAR = 365 * 86_400
_BATCH = 100
"""Simulated seconds that share a sync."""


class Simulation:
    """The core with one job, whose commands succeed at once."""

    def __init__(self) -> None:
        self.state = State()
        self.now = _BEGIN
        apply(self.state, r.ServerKept(created_at=self.now))
        spec = JobSpec(name="each second", command="true", schedule=f"R/{self.now.isoformat()}/PT1S")
        self.tell(inputs.CreateJobs(jobs=(inputs.NewJob(id=_JOB, spec=spec),)))

    def second(self) -> list[r.Record]:
        """Let a second pass, and return what happened."""
        self.now += timedelta(seconds=1)
        return self.tell(inputs.Tick())

    def tell(self, event: inputs.Input) -> list[r.Record]:
        records = []
        waiting = [event]
        while waiting:
            decision = decide(self.state, waiting.pop(), self.now, Limits())
            records += decision.records
            waiting += [
                inputs.Ended(run_id=effect.run.id, succeeded=True)
                for effect in decision.effects
                if isinstance(effect, effects.StartAttempt)
            ]
        self.state.undo.commit()
        return records

    def entries(self) -> int:
        """How many things the state holds."""
        state = self.state
        tables = (state.jobs, state.runs, state.active, state.slots, state.ready, state.dropped)
        return sum(len(table) for table in tables)


def year(bench: Bench) -> Iterator[Row]:
    """Go through a part of the year, twice: with the state alone, and with a journal."""
    seconds = bench.size.simulated
    simulation = Simulation()
    _pass(simulation, seconds // 10)
    early = simulation.entries()
    began = perf_counter()
    _pass(simulation, seconds - seconds // 10)
    each = (perf_counter() - began) / (seconds - seconds // 10)
    bench.say(f"a simulated year would take {each * _A_YEAR / 60:.0f} minutes")
    yield Row(
        name="year-state",
        what=f"a job each second: entries in memory after {seconds:,} s of a year",
        figure=simulation.entries(),
        unit="entries",
        limit=early,
        limit_is="the same after a tenth of that",
        target=Target(at_most=1.05),
    )
    assert simulation.state.jobs[_JOB].tally.success_count == seconds + 1
    largest, early_largest = asyncio.run(_journalled(bench.folder / "year", bench.size.journalled))
    yield Row(
        name="year-journal",
        what=f"the largest that its journal was in {bench.size.journalled:,} s",
        figure=largest / 1e6,
        unit="MB",
        limit=early_largest / 1e6,
        limit_is="the same in the first half of that",
        target=Target(at_most=1.05),
    )


def compaction(bench: Bench) -> Iterator[Row]:
    """Compact a journal of many jobs, and watch the loop."""
    held, idle = asyncio.run(_compact(bench.folder / "compaction", bench.size.jobs))
    yield a_hold(
        "compaction",
        f"longest hold of the loop by a compaction of {bench.size.jobs:,} jobs",
        figure=held,
        limit=idle,
        limit_is="the same of a loop that does nothing",
    )


def _pass(simulation: Simulation, seconds: int) -> None:
    for _ in range(seconds):
        simulation.second()


async def _journalled(folder: Path, seconds: int) -> tuple[int, int]:
    """Return the largest size of the journal in all, and in the first half."""
    simulation, store = Simulation(), _new_store(folder)
    await store.append(list(simulation.state.snapshot()))
    sizes = []
    for _ in range(seconds // _BATCH):
        await store.append([record for _ in range(_BATCH) for record in simulation.second()])
        sizes.append(store.store.size)
        if store.store.wants_compaction(simulation.state.size):
            await store.compact(simulation.state.snapshot())
    store.close()
    return max(sizes), max(sizes[: len(sizes) // 2])


async def _compact(folder: Path, jobs: int) -> tuple[float, float]:
    """Return how long the loop was held at the most, and how long where there was nothing to do."""
    state, store = State(), _new_store(folder)
    apply(state, r.ServerKept(created_at=_BEGIN))
    for number in range(jobs):
        spec = JobSpec(name=f"job {number}", command="true", schedule=FAR_AWAY)
        job_id = run_id_for(_JOB, str(number))
        decide(state, inputs.CreateJobs(jobs=(inputs.NewJob(id=job_id, spec=spec),)), _BEGIN, Limits())
        state.undo.commit()
    await store.append(list(state.snapshot()))
    await asyncio.sleep(0.1)
    pythons_own = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)  # as in a server
    try:
        watch = limits.LoopWatch()
        await asyncio.sleep(0.5)
        idle = watch.stop()
        watch = limits.LoopWatch()
        await store.compact(state.snapshot())
        held = watch.stop()
    finally:
        sys.setswitchinterval(pythons_own)
    store.close()
    return held, idle


def _new_store(folder: Path) -> OwnedStore[JournalStore]:
    store = OwnedStore(JournalStore(folder))
    for _ in store.load():
        pass
    return store
