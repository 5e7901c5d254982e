"""A year and more through the core, day by day: month ends, leap days, the changes of the clock, cron lines."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.core.simulation import World, utc

ZONES = ["America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"]


def a_world_in(year: int) -> World:
    return World(now=datetime(year, 1, 1, tzinfo=UTC) - timedelta(days=1))


def dates(world: World, name: str, zone: str = "UTC") -> list[str]:
    return [f"{when.astimezone(ZoneInfo(zone)):%Y-%m-%d}" for when in world.started(name)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("wall", ["00:20", "01:45", "02:10"])
def test_a_daily_job_runs_once_on_each_day_of_a_leap_year(zone: str, wall: str) -> None:
    world = World(now=utc("2015-12-29 00:00"))
    world.create("daily", schedule=f"R365/2016-01-01T{wall}:00/P1D", timezone=zone, keep_runs=1000)
    world.create("cron", schedule=f"{int(wall[3:])} {int(wall[:2])} * * *", timezone=zone, keep_runs=1000)
    world.advance("2017-01-03 00:00")
    year = [f"{date(2016, 1, 1) + timedelta(days=n)}" for n in range(366)]
    assert dates(world, "daily", zone) == year
    assert [day for day in dates(world, "cron", zone) if day.startswith("2016")] == year


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin", "America/Sao_Paulo"])
@pytest.mark.parametrize("month", [2, 3, 10, 11])
def test_an_hourly_job_runs_for_every_hour_that_passes(zone: str, month: int) -> None:
    world = World(now=datetime(2018, month, 1, tzinfo=UTC) - timedelta(minutes=1))
    world.create("elapsed", schedule=f"R/2018-{month:02}-01T00:07:00Z/PT1H", timezone=zone, keep_runs=1000)
    world.create("cron", schedule="7 * * * *", timezone=zone, keep_runs=1000)
    world.advance(timedelta(days=31))
    hours = [datetime(2018, month, 1, 0, 7, tzinfo=UTC) + timedelta(hours=n) for n in range(31 * 24)]
    assert world.started("elapsed") == hours
    assert world.started("cron") == hours


def test_a_job_on_the_31st_runs_on_the_last_day_of_shorter_months_and_on_the_31st_again() -> None:
    world = a_world_in(2027)
    world.create("job", schedule="R/2027-01-31T09:00:00Z/P1M")
    world.advance("2028-04-01 00:00")
    assert dates(world, "job") == [
        "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31",
        "2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29",
        "2028-03-31",
    ]  # fmt: skip


def test_a_yearly_job_of_a_leap_day_runs_on_the_28th_in_between() -> None:
    world = a_world_in(2028)
    world.create("job", schedule="R/2028-02-29T09:00:00Z/P1Y")
    world.advance("2033-01-01 00:00")
    assert dates(world, "job") == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_a_hundred_years_that_are_no_leap_year_have_no_leap_day() -> None:
    world = a_world_in(2096)
    world.create("job", schedule="R/2096-02-29T09:00:00Z/P4Y")
    world.create("cron", schedule="0 9 29 2 *")
    world.advance("2105-01-01 00:00")
    assert dates(world, "job") == ["2096-02-29", "2100-02-28", "2104-02-29"]
    assert dates(world, "cron") == ["2096-02-29", "2104-02-29"]


def test_weeks_and_months_and_hours_may_be_mixed() -> None:
    world = a_world_in(2030)
    world.create("job", schedule="R3/2030-01-31T22:00:00Z/P1M1DT3H")
    world.advance("2031-01-01 00:00")
    assert [f"{when:%m-%d %H:%M}" for when in world.started("job")] == [
        "01-31 22:00", "03-02 01:00", "04-03 04:00", "05-04 07:00"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 9 * * MON-FRI", 261),
        ("0 0 1 * *", 12),
        ("0 0 L * *", 12),
        ("0 0 31 * *", 7),
        ("0 0 29 2 *", 0),
        ("30 4 1,15 * FRI", 24 + 52 - 6),  # either day will do, where neither begins with a star
        ("0 0 * * MON#1", 12),
        ("0 12 * 6-8 SUN", 13),
        ("0 */6 * * *", 365 * 4),
        ("0 0 1 1 *", 1),
    ],
)
def test_a_cron_line_is_due_as_often_as_a_calendar_of_2030_says(line: str, expected: int) -> None:
    world = a_world_in(2030)
    world.now = utc("2029-12-31 23:59")
    world.create("job", schedule=line, keep_runs=10_000)
    world.advance("2030-12-31 23:59")
    assert len(world.started("job")) == expected


def test_a_year_with_the_server_down_is_told_in_one_entry_in_every_zone() -> None:
    for zone in ZONES:
        world = World(now=utc("2018-01-01 00:00"))
        world.create("daily", schedule="R/2018-01-02T02:10:00/P1D", timezone=zone, catch_up="none")
        world.create("cron", schedule="10 2 * * *", timezone=zone, catch_up="none")
        walked = World(now=world.now)
        walked.create("cron", schedule="10 2 * * *", timezone=zone, keep_runs=1000)
        world.crash(down=timedelta(days=365))
        walked.advance(timedelta(days=365))
        assert world.only_run("daily").count in {364, 365}
        assert world.only_run("cron").count == len(walked.started("cron"))
        assert world.job("cron").next_at == walked.job("cron").next_at
