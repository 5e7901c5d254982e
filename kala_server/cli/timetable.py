"""When a job is due, from what was typed: a schedule, and whose clock it means. It asks no server.

A wall time is one on the reader's clock: its zone goes with the job, so that nine stays nine in summer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from kala_server.cli.reader import Clock, named_clock
from kala_server.cli.times import instant

PARTS = ("schedule", "cron", "every", "at", "times")
"""The options that say together when a job is due."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule; `on_a_wall` is whether it means the clock of some zone."""

    schedule: str
    on_a_wall: bool


def timetable(given: Mapping[str, Any], clock: Clock, now: datetime) -> Timetable | None:
    """Return what the options say, on that clock; None where they say nothing. Raises UsageError."""
    schedule, cron, every, at, times = (given.get(name) for name in PARTS)
    if cron is None and every and every.startswith("@"):
        cron, every = every, None
    if sum((schedule is not None, cron is not None, bool(every or at or times))) > 1:
        raise click.UsageError("say either --schedule, or --cron, or --every and --at")
    if every or at or times:
        try:
            return _counted(every, at, times, clock, now)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    said = schedule if cron is None else cron
    return None if said is None else Timetable(said, cron is not None or means_a_wall(said))


def _counted(every: str | None, at: str | None, times: int | None, clock: Clock, now: datetime) -> Timetable:
    from kala_client import Period, Schedule

    start = instant(at, clock.zone, now, coming=True) if at else None
    on_a_wall = start is not None and start.tzinfo is clock.zone
    if every:
        repeat = times - 1 if times else None
        return Timetable(str(Schedule.every(Period.parse(every), start=start, repeat=repeat)), on_a_wall)
    if start is None or times:
        raise ValueError("how far apart? --times needs --every")
    return Timetable(str(Schedule.once(start)), on_a_wall)


def means_a_wall(schedule: str) -> bool:
    """Whether a schedule is a cron line, or an interval whose START has no offset."""
    from kala_client import Schedule

    text = schedule.strip()
    if not text or text.lower() == "never":
        return False
    try:
        return Schedule.parse(text).floating
    except ValueError:
        return "/P" not in text.upper()


def clock_of_the_job(timezone: str | None, reader: Clock) -> Clock:
    """Return the clock that wall times of a job are on: that of its own zone, else the reader's."""
    try:
        return named_clock(timezone) if timezone else reader
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def with_its_zone(found: Timetable | None, timezone: str | None, reader: Clock) -> dict[str, Any]:
    """Return the fields of a job that say when: with the reader's zone where wall times have no other; it is told."""
    if found is None:
        return {}
    fields: dict[str, Any] = {"schedule": found.schedule}
    if found.on_a_wall and not timezone:
        click.echo(f"its times are on the clock of {reader.name} (another: --timezone)", err=True)
        if not reader.is_utc:
            fields["timezone"] = reader.name
    return fields
