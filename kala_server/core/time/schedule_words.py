"""A schedule in words that a colleague reads at a glance: "every day at 09:00, Europe/Berlin". It computes no slot.

What has no short way to be said is not said at all: a long sentence about a cron line is harder to read than the line.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from kala_client.schedules.cron_line import EVERY, LAST, CronLine
from kala_client.schedules.schedule import Period, Schedule
from kala_server.core.time.cron import Cron
from kala_server.core.time.occurrences import Never, Repeating, read_stored

_MOST_NAMED = 4
"""Times, days or months that are named one by one."""
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WEEK = [1, 2, 3, 4, 5, 6, 0]
_WORKDAYS = {1, 2, 3, 4, 5}


def in_words(schedule: str, timezone: str) -> str:
    """Say when a schedule that a job may have is due; empty where there is no short way. Raises ValueError."""
    timetable = read_stored(schedule, timezone)
    if isinstance(timetable, Never):
        return "only when it is started"
    if isinstance(timetable, Cron):
        said = _of_line(timetable.says)
        return f"{said}, {timezone or 'UTC'}" if said else ""
    assert isinstance(timetable, Repeating)
    return _of_interval(timetable.schedule, timetable.zone, timezone)


# -- cron lines


def _of_line(line: CronLine) -> str:
    time, days = _time(line), _days(line)
    if not time or not days:
        return ""
    if time.startswith("every"):
        return time if days == "every day" else f"{time}, {days}"
    return f"{days} {time}"


def _time(line: CronLine) -> str:
    minutes, hours = line.minutes, line.hours
    if len(minutes) * len(hours) <= _MOST_NAMED:
        return f"at {_listed([f'{hour:02}:{minute:02}' for hour in hours for minute in minutes])}"
    often = _often(minutes, 60, "minute")
    if len(hours) == 24 and minutes == (0,):
        return "every hour"
    if len(hours) == 24:
        return often or (f"every hour at minute {_listed(minutes)}" if len(minutes) <= _MOST_NAMED else "")
    if often and hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"{often} from {hours[0]:02}:00 to {hours[-1]:02}:59"
    if len(minutes) > 1:
        return ""
    if every := _often(hours, 24, "hour"):
        return every if minutes[0] == 0 else f"{every} at minute {minutes[0]}"
    if hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"every hour from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[0]:02}"
    return ""


def _often(numbers: Sequence[int], whole: int, unit: str) -> str:
    """Say in which steps the numbers go through the whole of an hour or a day; empty where they do not."""
    step = whole // len(numbers)
    if step == whole or tuple(numbers) != tuple(range(0, whole, step)):
        return ""
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _days(line: CronLine) -> str:
    days = line.days
    by_month, by_week = len(days.of_month - {LAST}) < 31, len(days.of_week) < 7
    if by_month and by_week:
        return ""
    said = _of_month(days.of_month) if by_month else _of_week(days.of_week) if by_week else "every day"
    if said and len(line.months) < 12:
        named = len(line.months) <= _MOST_NAMED
        return f"{said} in {_listed([_MONTHS[month - 1] for month in line.months])}" if named else ""
    return said


def _of_month(days: frozenset[int]) -> str:
    if days == {LAST}:
        return "on the last day of the month"
    if min(days) < 0 or len(days) > _MOST_NAMED:
        return ""
    return f"on day {_listed(sorted(days))} of the month"


def _of_week(days: frozenset[tuple[int, int]]) -> str:
    if any(which != EVERY for _, which in days):
        return ""
    numbers = {day for day, _ in days}
    if numbers == _WORKDAYS:
        return "Monday to Friday"
    named = _listed([_DAYS[day] for day in _WEEK if day in numbers])
    return f"every {named}" if len(numbers) <= _MOST_NAMED else ""


# -- intervals


def _of_interval(schedule: Schedule, zone: tzinfo | None, timezone: str) -> str:
    start = schedule.start if schedule.floating or zone is None else schedule.start.astimezone(zone)
    clock = timezone or f"{start:%Z}".replace("UTC+00:00", "UTC")
    if schedule.repeat == 0:
        return f"once, on {start:%Y-%m-%d} at {_clock(start)}, {clock}"
    times = "" if schedule.repeat is None else f", {schedule.repeat + 1} times"
    period = schedule.period
    if period.exact or (period.total_months and period.total_days):
        return f"every {_length(period)}{times}, from {start:%Y-%m-%d} {_clock(start)}, {clock}"
    return f"{_calendar(period, start)} at {_clock(start)}{times}, {clock}, from {start:%Y-%m-%d}"


_DAYS_OF_EACH_MONTH = 28


def _calendar(period: Period, start: datetime) -> str:
    """Say a period of whole days, weeks or months, and on which day it is."""
    months, days = period.total_months, period.total_days
    if months and months % 12 == 0:
        return f"every {_counted(months // 12, 'year')} on {start.day} {_MONTHS[start.month - 1]}"
    if months:
        lacking = " or the last there is," if start.day > _DAYS_OF_EACH_MONTH else ""
        return f"every {_counted(months, 'month')} on day {start.day}{lacking}"
    if days % 7 == 0:
        return f"every {_counted(days // 7, 'week')} on {_DAYS[start.isoweekday() % 7]}"
    return f"every {_counted(days, 'day')}"


def _length(period: Period) -> str:
    parts = (
        (period.total_months, "month"),
        (period.total_days, "day"),
        (period.hours, "hour"),
        (period.minutes, "minute"),
        (period.seconds, "second"),
    )
    said = [(count, unit) for count, unit in parts if count]
    if len(said) == 1:
        return _counted(*said[0])
    return _listed([_named(count, unit) for count, unit in said])


def _counted(count: object, unit: str) -> str:
    return unit if count == 1 else f"{count} {unit}s"


def _named(count: object, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S}" if instant.second or instant.microsecond else f"{instant:%H:%M}"


def _listed(items: Sequence[object]) -> str:
    """Return the items with commas between them, and "and" before the last."""
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last
