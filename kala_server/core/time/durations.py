"""ISO 8601 durations as jobs write them: what instant lies one duration after another.

Texts were checked when the job was accepted (`validation.py`), maybe by an earlier version; an empty text is none.
"""

from datetime import UTC, datetime, timedelta

from kala_client.schedules.schedule import Schedule
from kala_server.core.time import accepted_before

FOREVER = datetime.max.replace(tzinfo=UTC)


def after(instant: datetime, duration: str) -> datetime | None:
    """Return the instant one duration later, months counted on the calendar; None without a duration."""
    if not duration:
        return None
    period = accepted_before.period(duration)
    if period.is_zero:
        return instant
    return Schedule(instant, period, 1).slot(1) or FOREVER


def grown(instant: datetime, duration: str, factor: float, times: int) -> datetime:
    """Return the instant one duration later that has grown by the factor so many times; itself without a duration."""
    later = after(instant, duration)
    if later is None or later == instant:
        return instant
    try:
        return instant + (later - instant) * factor**times
    except OverflowError:
        return FOREVER


def in_words(length: timedelta) -> str:
    """Say a length as people do: "61 min", "3 h 20 min", "4.2 s", "12 ms"."""
    seconds = length.total_seconds()
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds % 1 >= 0.05 else f"{seconds:.0f} s"
    minutes, hours = round(seconds / 60), int(seconds // 3600)
    if minutes < 120:
        return f"{minutes} min"
    if hours < 48:
        rest = f" {(int(seconds) // 60) % 60} min" if (int(seconds) // 60) % 60 else ""
        return f"{hours} h{rest}"
    return f"{hours // 24} days"
