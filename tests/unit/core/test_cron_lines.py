"""Cron lines on odd clocks and at the ends of the calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kala_server.core.time.cron import Cron
from kala_server.core.time.occurrences import between, read
from tests.unit.core.simulation import START

NEVER = "0 0 */29 2 MON#5"
"""The first of February, the only day that is left, is no fifth Monday."""


def walls(line: str, zone: str, begin: str, hours: int) -> list[str]:
    """The slots from a wall time on, as the clock on the wall and its offset show them."""
    cron = Cron(line, ZoneInfo(zone))
    first = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    last = first + timedelta(hours=hours)
    slots = list(between(cron, first, last))
    assert cron.count(first, last) == len(slots)
    for before, slot in zip([None, *slots], slots, strict=False):
        assert cron.last_until(slot) == slot
        assert before is None or cron.last_until(slot - timedelta(seconds=1)) == before
    return [f"{slot.astimezone(ZoneInfo(zone)):%d %H:%M%z}" for slot in slots]


def test_a_line_with_a_star_follows_a_clock_that_changes_by_half_an_hour() -> None:
    assert walls("30 * * * *", "Australia/Lord_Howe", "2024-10-06T00:00", 3) == [
        "06 00:30+1030", "06 01:30+1030", "06 02:30+1100", "06 03:30+1100"
    ]  # fmt: skip
    assert walls("*/15 1 * * *", "Australia/Lord_Howe", "2024-04-07T00:00", 3) == [
        "07 01:00+1100", "07 01:15+1100", "07 01:30+1100", "07 01:45+1100", "07 01:30+1030", "07 01:45+1030"
    ]  # fmt: skip


def test_a_doubled_hour_may_reach_into_the_day_before() -> None:
    """Newfoundland put its clocks back at one minute past midnight."""
    assert walls("*/30 23 27 10 *", "America/St_Johns", "2007-11-03T00:00", 24) == []
    assert walls("*/30 23 3 11 *", "America/St_Johns", "2007-11-03T23:00", 3) == [
        "03 23:00-0230", "03 23:30-0230", "03 23:30-0330"
    ]  # fmt: skip
    assert walls("30 23 3 11 *", "America/St_Johns", "2007-11-03T12:00", 30) == ["03 23:30-0230"]


def test_a_day_that_a_zone_left_out_runs_when_the_next_begins() -> None:
    """Samoa had no 30 December 2011."""
    assert walls("0 10 * * *", "Pacific/Apia", "2011-12-29T00:00", 72) == [
        "29 10:00-1000", "31 00:00+1400", "31 10:00+1400", "01 10:00+1400"
    ]  # fmt: skip


def test_a_line_that_never_fits_is_never_due() -> None:
    cron = Cron(NEVER, UTC)
    assert cron.next_after(START) is None
    assert cron.last_until(START) is None
    assert cron.count(START, START + timedelta(days=4000)) == 0


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_a_line_ends_with_the_calendar_and_begins_with_it(zone: str) -> None:
    cron = Cron("0 12 * * *", ZoneInfo(zone))
    assert cron.next_after(datetime(9999, 12, 30, tzinfo=UTC)) is None
    assert cron.last_until(datetime(1, 1, 2, tzinfo=UTC)) is None


def test_spaces_and_case_do_not_matter() -> None:
    assert read("  0   9 * * mon-fri ") == read("0 9 * * mon-fri")
    assert read("0 9 * * mon-fri").next_after(START) == read("0 9 * * MON-FRI").next_after(START)
