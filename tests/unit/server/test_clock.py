"""The clock tells a step from time that has passed."""

import asyncio
from datetime import datetime, timedelta

from kala_server.clock import LoopClock

NOTHING = timedelta(0)


class SteppedClock(LoopClock):
    """A clock that somebody puts on or back."""

    by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.by


def near(step: timedelta, expected: timedelta) -> bool:
    return abs(step - expected) < timedelta(seconds=0.5)


def test_a_step_is_told_once_and_time_that_passes_is_none() -> None:
    async def scene() -> None:
        clock = SteppedClock()
        assert clock.stepped() == NOTHING
        for step in (timedelta(hours=1), timedelta(hours=-3), timedelta(seconds=2)):
            clock.by += step
            assert near(clock.stepped(), step)
            assert clock.stepped() == NOTHING

    asyncio.run(scene())


def test_what_is_less_than_a_second_adds_up() -> None:
    async def scene() -> None:
        clock = SteppedClock()
        told = [NOTHING]
        for _ in range(10):
            clock.by += timedelta(seconds=0.3)
            told.append(clock.stepped())
        assert told.count(NOTHING) == len(told) - 2
        assert near(sum(told, NOTHING), timedelta(seconds=2.4))

    asyncio.run(scene())
