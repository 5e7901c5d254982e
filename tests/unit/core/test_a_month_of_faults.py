"""A month of two hundred random jobs on a server to which everything happens, checked against the oracle."""

from collections import Counter
from datetime import timedelta
from random import Random

from kala_server.core.errors import RefusedError
from kala_server.core.model.job import CatchUp, Overlap
from tests.unit.core import invariants, oracle
from tests.unit.core.simulation import START, Command, World, id_of, rebuilt, seconds

JOBS, DAYS = 200, 30
PERIODS = [timedelta(hours=hours) for hours in (7, 12, 24, 36, 168)] + [seconds(9 * 3600 + 1234)]
OFTEN = ["start", "disable", "enable", "cancel", "delete", "clock"]
SELDOM = ["enable", "crash", "survive", "stop"]
LENGTHS = [0, 0, 1, 60, 1800, 4 * 3600, 30 * 3600]


def create_jobs(world: World, random: Random) -> dict[str, oracle.Plan]:
    plans = {}
    for n in range(JOBS):
        start = START + seconds(random.randrange(1, 5 * 86_400))
        repeat = random.choice([None, None, None, random.randrange(20)])
        plan = plans[id_of(f"job {n}")] = oracle.Plan(start, random.choice(PERIODS), repeat)
        world.script[f"job {n}"] = [
            Command(seconds(random.choice(LENGTHS)), random.random() < 0.7) for _ in range(5)
        ]
        world.create(
            f"job {n}",
            schedule=plan.schedule,
            disabled=random.random() < 0.1,
            keep_runs=100_000,
            overlap=random.choice(list(Overlap)),
            catch_up=random.choice(list(CatchUp)),
            misfire_grace=random.choice(["", "", "PT1H", "P1D"]),
            retries=random.choice([0, 0, 1, 3]),
            retry_delay=random.choice(["", "PT1M", "PT2H"]),
            retry_backoff=random.choice([1, 2]),
            epsilon=random.choice(["", "PT1H"]),
            timeout=random.choice(["", "", "PT1H"]),
            rerun_interrupted=random.random() < 0.3,
        )
    return plans


def something_happens(world: World, random: Random) -> str:
    """Do one thing that owners, clocks and machines do."""
    name = f"job {random.randrange(JOBS)}"
    what = random.choice(OFTEN * 3 + SELDOM)
    down = seconds(random.choice([0, 5, 600, 7200, 90_000]))
    try:
        if what in {"start", "enable", "disable"}:
            getattr(world, what)(name)
        elif what == "delete" and random.random() < 0.1:
            world.delete(name)
        elif what == "cancel" and (running := world.running()):
            world.cancel(random.choice(running))
        elif what in {"crash", "survive"}:
            there = [run.id for run in world.running()] if what == "survive" else []
            world.crash(down=down, survivors=frozenset(there[::2]))
        elif what == "stop":
            world.stop(down=down)
        elif what == "clock":
            world.step_clock(random.choice([1, -1]) * seconds(random.choice([2, 3600, 7201])))
    except RefusedError:
        return "refused"
    return what


def test_a_month_of_random_faults_loses_no_slot_and_doubles_none() -> None:
    random = Random(1)
    world, counter, happened = World(max_running=20), oracle.StartCounter(), Counter[str]()
    world.on_records = lambda world: counter.watch(world.history)
    plans = create_jobs(world, random)
    while world.now < START + timedelta(days=DAYS):
        world.advance(seconds(random.randrange(1, 24 * 3600)))
        happened[something_happens(world, random)] += 1
    for job in list(world.state.jobs.values()):
        world.enable(job.spec.name)
    invariants.check(world.state)
    oracle.check_state(world.state, plans, world.now)
    left = plans.keys() & world.state.jobs.keys()
    expected = sum(len(plans[job_id].slots_before(world.state.jobs[job_id].next_at)) for job_id in left)
    told = sum(
        run.count
        for run in world.state.runs.values()
        if run.id == oracle.slot_id(run.job_id, run.scheduled_at)
    )
    assert told == expected > 4000
    assert invariants.contents(rebuilt(world.journal)) == invariants.contents(world.state)
    assert happened.keys() >= {"start", "disable", "enable", "crash", "survive", "stop", "clock"}
    assert world.most_running <= 20
