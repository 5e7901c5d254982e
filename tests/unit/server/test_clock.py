"""The clock tells a step from time that has passed."""

import asyncio
import time
from datetime import datetime, timedelta, tzinfo

import pytest

import kala_server.clock
from kala_server.clock import LoopClock
from tests.eventually import PATIENCE

NOTHING = timedelta(0)


class SteppedClock(LoopClock):
    """A clock that somebody puts on or back."""

    by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.by


class Wall(datetime):
    """The wall clock itself, which somebody puts on or back."""

    by = NOTHING

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


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


def test_a_step_of_the_machines_own_clock_is_told_and_does_not_touch_what_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = time.time

    async def scene() -> None:
        clock, before = LoopClock(), time.monotonic()
        for step in (timedelta(hours=1), timedelta(hours=-3)):
            Wall.by += step
            assert near(clock.stepped(), step)
            assert clock.monotonic() - before < 60

    monkeypatch.setattr(kala_server.clock, "datetime", Wall)
    monkeypatch.setattr(time, "time", lambda: seconds() + Wall.by.total_seconds())
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


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
@pytest.mark.parametrize("alarm", [None, timedelta(hours=5)])
def test_who_watches_the_clock_hears_of_a_step_whether_or_not_there_is_an_alarm(
    monkeypatch: pytest.MonkeyPatch, by: timedelta, alarm: timedelta | None
) -> None:
    async def scene() -> None:
        clock, heard = SteppedClock(), asyncio.Event()
        clock.watch(heard.set)
        clock.set_alarm(None if alarm is None else clock.now() + alarm, lambda: None)
        await asyncio.sleep(0.05)
        assert not heard.is_set()
        clock.by += by
        async with asyncio.timeout(PATIENCE):
            await heard.wait()
        assert near(clock.stepped(), by)
        heard.clear()
        await asyncio.sleep(0.05)
        assert not heard.is_set()

    monkeypatch.setattr(kala_server.clock, "LONGEST_SLEEP", timedelta(seconds=0.005))
    asyncio.run(scene())


def test_nobody_is_woken_who_does_not_watch_any_more() -> None:
    async def scene() -> None:
        clock = SteppedClock()
        clock.watch(lambda: None)
        assert clock.looks_again
        clock.watch(None)
        assert not clock.looks_again

    asyncio.run(scene())
