"""A failed attempt is followed by another one: so many times, after a delay, and within epsilon of the due time."""

from datetime import timedelta

import pytest

from kala_server.core.model import inputs
from kala_server.core.model.job import RunState
from kala_server.core.time import durations
from tests.unit.core.simulation import FAILS, START, WORKS, Command, World, lasting, seconds


def delays(world: World, name: str = "job") -> list[float]:
    """How long after the first attempt each one started."""
    starts = world.started(name)
    return [(start - starts[0]).total_seconds() for start in starts]


def test_without_retries_a_failed_run_is_not_tried_again() -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job", epsilon="PT1H")
    assert world.states("job") == ["failed"]
    assert delays(world) == [0]


def test_a_run_is_tried_again_at_once_so_many_times() -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job", retries=3)
    run = world.only_run("job")
    assert (run.state, run.attempts) == (RunState.FAILED, 4)
    assert delays(world) == [0, 0, 0, 0]
    assert world.job("job").tally.error_count == 4
    assert world.job("job").tally.finished_runs == 1


def test_a_run_that_works_at_last_has_succeeded() -> None:
    world = World()
    world.script["job"] = [FAILS, FAILS, WORKS]
    world.create("job", retries=5)
    run = world.only_run("job")
    assert (run.state, run.attempts, run.reason) == (RunState.SUCCEEDED, 3, "")
    tally = world.job("job").tally
    assert (tally.success_count, tally.error_count, tally.finished_runs) == (1, 2, 1)
    assert (world.state.counts["succeeded"], world.state.counts["errors"]) == (1, 2)


def test_the_last_attempt_tells_why_it_failed() -> None:
    world = World()
    world.script["job"] = [Command(succeeds=False, reason="first"), Command(succeeds=False, reason="second")]
    world.create("job", retries=1, retry_delay="PT1M")
    assert (world.only_run("job").state, world.only_run("job").reason) == (RunState.WAITING, "first")
    world.advance(seconds(60))
    assert (world.only_run("job").state, world.only_run("job").reason) == (RunState.FAILED, "second")


@pytest.mark.parametrize(
    ("delay", "factor", "expected"),
    [
        ("PT10S", 1, [0, 10, 20, 30]),
        ("PT10S", 2, [0, 10, 30, 70]),
        ("PT10S", 1.5, [0, 10, 25, 47.5]),
        ("", 2, [0, 0, 0, 0]),
        ("PT0S", 2, [0, 0, 0, 0]),
    ],
)
def test_the_delay_grows_by_its_factor(delay: str, factor: float, expected: list[float]) -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job", retries=3, retry_delay=delay, retry_backoff=factor)
    world.advance(timedelta(hours=1))
    assert delays(world) == expected


def test_the_delay_counts_from_the_end_of_the_attempt() -> None:
    world = World()
    world.script["job"] = [lasting(7, succeeds=False)]
    world.create("job", retries=2, retry_delay="PT10S")
    world.advance(timedelta(hours=1))
    assert delays(world) == [0, 17, 34]


def test_a_delay_in_months_counts_on_the_calendar() -> None:
    assert durations.after(START + timedelta(days=30), "P1M") == START + timedelta(days=58)


@pytest.mark.parametrize(("epsilon", "attempts"), [("PT30S", 4), ("PT29S", 3), ("PT0S", 1), ("", 11)])
def test_no_attempt_starts_later_than_epsilon_after_the_due_time(epsilon: str, attempts: int) -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job", retries=10, retry_delay="PT10S", epsilon=epsilon)
    world.advance(timedelta(hours=1))
    assert world.only_run("job").attempts == attempts
    assert world.only_run("job").state is RunState.FAILED


def test_epsilon_counts_from_the_slot_also_where_the_run_had_to_wait_for_its_turn() -> None:
    world = World()
    world.script["job"] = [lasting(50), FAILS]
    world.create("job", schedule="R1/2030-01-01T00:00:10Z/PT10S", retries=1, epsilon="PT39S")
    world.advance(timedelta(hours=1))
    assert [run.attempts for run in world.runs("job")] == [1, 1]


def test_epsilon_of_a_manual_start_counts_from_its_first_attempt() -> None:
    world = World()
    world.script["job"] = [lasting(50), FAILS]
    world.create("job", schedule="R0/2030-01-01T00:00:10Z/PT10S", retries=1, epsilon="PT39S")
    world.advance(seconds(11))
    world.start("job")
    world.advance(timedelta(hours=1))
    assert [run.attempts for run in world.runs("job")] == [1, 2]


def test_epsilon_of_a_catch_up_counts_from_its_first_attempt() -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job", schedule="R0/2030-01-01T01:00:00Z/PT1H", retries=2, epsilon="PT1M")
    world.crash(down=timedelta(hours=5))
    assert world.only_run("job").attempts == 3


def test_a_run_that_waits_for_its_retry_lets_no_later_run_pass() -> None:
    world = World()
    world.script["job"] = [FAILS, WORKS]
    world.create("job", schedule="R1/2030-01-01T00:00:10Z/PT10S", retries=1, retry_delay="PT1M")
    world.advance(seconds(20))
    assert world.states("job") == ["waiting", "waiting"]
    assert world.state.next_due() == START + seconds(70)
    world.advance(seconds(50))
    assert delays(world) == [0, 60, 60]


def test_a_retry_survives_a_crash_and_keeps_its_time() -> None:
    world = World()
    world.script["job"] = [FAILS, WORKS]
    world.create("job", retries=1, retry_delay="PT1M")
    world.crash(down=seconds(30))
    world.stop(down=seconds(10))
    world.advance(seconds(19))
    assert world.states("job") == ["waiting"]
    world.advance(seconds(1))
    assert delays(world) == [0, 60]


def test_a_factor_beyond_every_number_means_never_not_an_error() -> None:
    world = World()
    world.script["job"] = [lasting(1, succeeds=False)]
    world.create("job", retries=2000, retry_delay="PT1S", retry_backoff=1e200)
    world.advance(timedelta(days=5))
    assert world.only_run("job").retry_at == durations.FOREVER


def test_many_retries_at_once_need_no_number_that_is_too_large() -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job", retries=400, retry_backoff=10.0)
    assert world.only_run("job").attempts == 401


def test_an_end_that_is_told_twice_counts_once() -> None:
    world = World()
    world.script["job"] = [FAILS]
    world.create("job")
    before = len(world.journal)
    world.tell(inputs.Ended(run_id=world.only_run("job").id, succeeded=True))
    world.tell(inputs.Ended(run_id="nobody's", succeeded=True))
    assert len(world.journal) == before


def test_a_duration_beyond_the_calendar_is_for_ever() -> None:
    assert durations.after(START, "P9000Y") == durations.FOREVER
    assert durations.grown(START, "P5000Y", 9.0, 1) == durations.FOREVER


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (4.2, "4.2 s"), (5, "5 s"), (0, "0 s"), (61, "1 min"), (3660, "61 min"), (7100, "118 min"),
        (7200, "2 h"), (12_000, "3 h 20 min"), (172_799, "47 h 59 min"), (172_800, "2 days"),
    ],
)  # fmt: skip
def test_a_length_is_said_as_people_do(length: float, expected: str) -> None:
    assert durations.in_words(seconds(length)) == expected
