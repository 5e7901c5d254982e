"""A whole server does what its core alone does, and what it has foretold: random stories, told to both."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from kala_client import Job, Run
from kala_server.core.model.job import Run as CoreRun
from kala_server.testing import Kit
from tests.unit.core.simulation import Command, World

_ZONES = ("", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
_START = datetime(2035, 3, 20, tzinfo=UTC)
"""Soon clocks are changed in Europe and down under."""

_APART = timedelta(seconds=1)
"""What is due at one instant comes in the order in which its jobs were created, and else by their ids."""
_Told = tuple[str, str, str, int, str, str, str, int]


class Story:
    """Jobs, how long their attempts take and how they end, and when the server is lost."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.jobs = [self._job(random, number) for number in range(12)]
        self.attempts = {
            job["name"]: [
                (random.randrange(200), random.random() < 0.7) for _ in range(random.randrange(1, 5))
            ]
            for job in self.jobs
        }
        self.days = [(random.randrange(1, 40), random.randrange(1, 9)) for _ in range(5)]
        """Hours that pass, and hours for which the server is down then."""

    def _job(self, random: Random, number: int) -> dict[str, Any]:
        return {
            "name": f"job {number}",
            "schedule": _schedule(random),
            "timezone": random.choice(_ZONES),
            "overlap": random.choice(("queue", "skip", "allow", "replace")),
            "catch_up": random.choice(("one", "none", "all")),
            "retries": random.randrange(3),
            "retry_delay": f"PT{random.randrange(1, 90)}M",
            "epsilon": random.choice(("", "PT1H", "P1D")),
            "timeout": random.choice(("", "PT45M", "PT3H")),
            "keep_runs": 10_000,
        }


def _schedule(random: Random) -> str:
    minute, hour = random.randrange(60), random.randrange(1, 7)
    return random.choice(
        (f"{minute} */{hour} * * *", f"{minute} {hour} * * MON-FRI", f"*/{10 + hour} 0-4 * * *")
    )


def in_the_core(story: Story) -> list[_Told]:
    """Return what becomes of it in a world that is no more than the core."""
    world = World(now=_START, max_running=4)
    for job in story.jobs:
        world.script[job["name"]] = [
            Command(timedelta(minutes=minutes), succeeds=succeeds)
            for minutes, succeeds in story.attempts[job["name"]]
        ]
        world.create(**job)
        world.advance(_APART)
    for hours, down in story.days:
        world.advance(timedelta(hours=hours))
        world.crash(down=timedelta(hours=down))
    world.advance(timedelta(0))
    return sorted(_told(job["name"], run) for job in story.jobs for run in world.runs(job["name"]))


def in_a_server(story: Story) -> list[_Told]:
    """Return what becomes of it in a whole server."""
    with Kit(_START, max_running=4) as kit:
        for job in story.jobs:
            script = kit.command(job["name"])
            for minutes, succeeds in story.attempts[job["name"]]:
                script.takes(timedelta(minutes=minutes)).then(exit_code=0 if succeeds else 1)
            kit.client.create_job(Job(command="true", **job))
            kit.advance(_APART)
        for hours, down in story.days:
            kit.advance(timedelta(hours=hours))
            kit.crash(down=timedelta(hours=down))
        return sorted(_told(run.job_name or "", run) for run in kit.client.runs())


def _told(name: str, run: Run | CoreRun) -> _Told:
    times = (str(run.scheduled_at), str(run.started_at), str(run.finished_at))
    return (name, str(run.state), str(run.trigger), run.attempts, *times, run.count)


@pytest.mark.parametrize("seed", range(4))
def test_a_server_does_what_its_core_does(seed: int) -> None:
    story = Story(seed)
    ours = in_a_server(story)
    assert len(ours) > 100
    assert ours == in_the_core(story)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_foretold_is_what_runs(seed: int) -> None:
    jobs = [Job(command="true", **job) for job in Story(seed).jobs]
    with Kit(_START, journal=False) as kit:
        kit.client.create_jobs(jobs)
        until = kit.now + timedelta(days=20)
        foretold = sorted(
            (str(slot.job_name), str(slot.at)) for slot in kit.client.upcoming(until=until, limit=None)
        )
        kit.advance("P20D")
        ran = sorted((str(run.job_name), str(run.started_at)) for run in kit.client.runs())
    assert len(ran) > 100
    assert ran == foretold
