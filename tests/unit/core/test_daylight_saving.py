"""The table of what happens where a clock is changed: a time in the gap moves forward, a doubled one runs once."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from kala_server.core.model.job import JobSpec
from kala_server.core.time.occurrences import wall_zone
from tests.unit.core.simulation import World

LA, BERLIN = "America/Los_Angeles", "Europe/Berlin"
HOWE, SAO_PAULO = "Australia/Lord_Howe", "America/Sao_Paulo"

# zone, the wall time of the job, the day before the clock is changed, the wall times of the next three runs
DAILY = [
    pytest.param(LA, "02:30", "2024-03-09", ["09 02:30-0800", "10 03:30-0700", "11 02:30-0700"], id="gap"),
    pytest.param(
        LA, "02:00", "2024-03-09", ["09 02:00-0800", "10 03:00-0700", "11 02:00-0700"], id="gap-begins"
    ),
    pytest.param(
        LA, "01:59", "2024-03-09", ["09 01:59-0800", "10 01:59-0800", "11 01:59-0700"], id="before-gap"
    ),
    pytest.param(
        LA, "03:00", "2024-03-09", ["09 03:00-0800", "10 03:00-0700", "11 03:00-0700"], id="gap-ends"
    ),
    pytest.param(LA, "01:30", "2024-11-02", ["02 01:30-0700", "03 01:30-0700", "04 01:30-0800"], id="fold"),
    pytest.param(
        LA, "02:00", "2024-11-02", ["02 02:00-0700", "03 02:00-0800", "04 02:00-0800"], id="fold-ends"
    ),
    pytest.param(
        BERLIN, "02:15", "2024-03-30", ["30 02:15+0100", "31 03:15+0200", "01 02:15+0200"], id="B-gap"
    ),
    pytest.param(
        BERLIN, "02:15", "2024-10-26", ["26 02:15+0200", "27 02:15+0200", "28 02:15+0100"], id="B-fold"
    ),
    pytest.param(
        HOWE, "02:10", "2024-10-05", ["05 02:10+1030", "06 02:40+1100", "07 02:10+1100"], id="H-gap"
    ),
    pytest.param(
        HOWE, "01:45", "2024-04-06", ["06 01:45+1100", "07 01:45+1100", "08 01:45+1030"], id="H-fold"
    ),
    pytest.param(
        SAO_PAULO, "00:20", "2018-11-03", ["03 00:20-0300", "04 01:20-0200", "05 00:20-0200"], id="S-gap"
    ),
    pytest.param(
        SAO_PAULO, "23:20", "2018-02-16", ["16 23:20-0200", "17 23:20-0200", "18 23:20-0300"], id="S-fold"
    ),
]

# As Debian's cron has it: a fixed time in the gap runs at once after it; a line with a star follows elapsed time.
CRON = [
    pytest.param(
        LA, "30 2 * * *", "2024-03-09", ["09 02:30-0800", "10 03:00-0700", "11 02:30-0700"], id="gap"
    ),
    pytest.param(
        LA, "0 2 * * *", "2024-03-09", ["09 02:00-0800", "10 03:00-0700", "11 02:00-0700"], id="gap-begins"
    ),
    pytest.param(
        LA,
        "15,45 2 * * *",
        "2024-03-10",
        ["10 03:00-0700", "11 02:15-0700", "11 02:45-0700"],
        id="gap-of-two",
    ),
    pytest.param(
        LA,
        "30 2,3 * * *",
        "2024-03-10",
        ["10 03:00-0700", "10 03:30-0700", "11 02:30-0700"],
        id="gap-and-after",
    ),
    pytest.param(
        LA, "30 1 * * *", "2024-11-02", ["02 01:30-0700", "03 01:30-0700", "04 01:30-0800"], id="fold"
    ),
    pytest.param(
        LA,
        "0,30 1 3,4 11 *",
        "2024-11-02",
        ["03 01:00-0700", "03 01:30-0700", "04 01:00-0800"],
        id="fold-of-two",
    ),
    pytest.param(
        BERLIN, "15 2 * * *", "2024-03-30", ["30 02:15+0100", "31 03:00+0200", "01 02:15+0200"], id="B-gap"
    ),
    pytest.param(
        BERLIN, "15 2 * * *", "2024-10-26", ["26 02:15+0200", "27 02:15+0200", "28 02:15+0100"], id="B-fold"
    ),
    pytest.param(
        HOWE, "10 2 * * *", "2024-10-05", ["05 02:10+1030", "06 02:30+1100", "07 02:10+1100"], id="H-gap"
    ),
    pytest.param(
        HOWE, "45 1 * * *", "2024-04-06", ["06 01:45+1100", "07 01:45+1100", "08 01:45+1030"], id="H-fold"
    ),
    pytest.param(
        SAO_PAULO, "20 0 * * *", "2018-11-03", ["03 00:20-0300", "04 01:00-0200", "05 00:20-0200"], id="S-gap"
    ),
    pytest.param(
        SAO_PAULO,
        "20 23 * * *",
        "2018-02-16",
        ["16 23:20-0200", "17 23:20-0200", "18 23:20-0300"],
        id="S-fold",
    ),
    pytest.param(
        LA,
        "*/30 1-3 10 3 *",
        "2024-03-10",
        ["10 01:00-0800", "10 01:30-0800", "10 03:00-0700"],
        id="star-in-gap",
    ),
    pytest.param(
        LA,
        "*/30 1 3 11 *",
        "2024-11-03",
        ["03 01:00-0700", "03 01:30-0700", "03 01:00-0800"],
        id="star-in-fold",
    ),
    pytest.param(
        LA, "0 * * * *", "2024-11-03", ["03 00:00-0700", "03 01:00-0700", "03 01:00-0800"], id="hourly"
    ),
]


def first_starts(world: World, zone: str) -> list[str]:
    """The first three starts as the wall clock and its offset show them."""
    world.advance(timedelta(days=4))
    return [when.astimezone(ZoneInfo(zone)).strftime("%d %H:%M%z") for when in world.started("job")[:3]]


def at_midnight(day: str, zone: str) -> World:
    return World(now=datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))


@pytest.mark.parametrize(("zone", "wall", "day", "expected"), DAILY)
def test_a_daily_schedule_keeps_its_wall_time(zone: str, wall: str, day: str, expected: list[str]) -> None:
    world = at_midnight(day, zone)
    world.create("job", schedule=f"R/{day}T{wall}:00/P1D", timezone=zone)
    assert first_starts(world, zone) == expected


@pytest.mark.parametrize(("zone", "line", "day", "expected"), CRON)
def test_a_cron_line_keeps_its_wall_time(zone: str, line: str, day: str, expected: list[str]) -> None:
    world = at_midnight(day, zone)
    world.now -= timedelta(minutes=1)
    world.create("job", schedule=line, timezone=zone)
    assert first_starts(world, zone) == expected


def test_a_period_in_hours_is_elapsed_time_in_every_zone() -> None:
    world = at_midnight("2024-11-03", LA)
    world.create("job", schedule="R/2024-11-03T00:30:00/PT1H", timezone=LA)
    assert first_starts(world, LA) == ["03 00:30-0700", "03 01:30-0700", "03 01:30-0800"]


def test_without_a_zone_the_offset_of_start_is_kept_all_year() -> None:
    world = at_midnight("2024-03-09", LA)
    world.create("job", schedule="R/2024-03-09T02:30:00-08:00/P1D")
    assert first_starts(world, LA) == ["09 02:30-0800", "10 03:30-0700", "11 03:30-0700"]


def test_with_a_zone_the_wall_time_of_start_there_is_kept() -> None:
    world = at_midnight("2024-03-09", LA)
    world.create("job", schedule="R/2024-03-09T13:00:00Z/P1D", timezone=LA)
    assert first_starts(world, LA) == ["09 05:00-0800", "10 05:00-0700", "11 05:00-0700"]


@pytest.mark.parametrize(
    ("spec", "zone"),
    [
        (JobSpec(name="a", schedule="R/2030-01-01T00:00:00+02:00/P1D"), timezone(timedelta(hours=2))),
        (JobSpec(name="a", schedule="R/2030-01-01T00:00:00/P1D"), UTC),
        (JobSpec(name="a", schedule="R/2030-01-01T00:00:00+02:00/P1D", timezone=LA), ZoneInfo(LA)),
        (JobSpec(name="a", schedule="0 9 * * *"), UTC),
        (JobSpec(name="a", schedule="0 9 * * *", timezone=BERLIN), ZoneInfo(BERLIN)),
        (JobSpec(name="a"), UTC),
    ],
)
def test_an_owner_thinks_in_the_zone_that_was_named_or_in_the_offset_of_start(
    spec: JobSpec, zone: object
) -> None:
    # By name: zones are read anew by other tests, and are then other objects.
    assert str(wall_zone(spec.schedule, spec.timezone)) == str(zone)
