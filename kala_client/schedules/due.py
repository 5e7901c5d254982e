"""What a text says when a job is due: an interval, a cron line or `never`; and whether a new job may say it.

Client and server ask here, so that what the server would refuse is told before it is sent: a wrong schedule ends the
process of a real Kala. When a text is due is told by the server alone. No clock, no zones.
"""

from kala_client.schedules import cron_line
from kala_client.schedules.cron_line import check_length, check_line
from kala_client.schedules.schedule import Schedule

NEVER = "never"
"""The schedule of a job that only its owner starts, or another job's failure."""
_INTERVAL = "R5/2035-06-04T19:25:16Z/PT10S"


def is_never(schedule: str) -> bool:
    """Whether the text says that a job has no times of its own, and is not to run at its creation either."""
    return schedule.strip().lower() == NEVER


def is_cron(schedule: str) -> bool:
    """Whether the text is meant as a cron line: it has more than one word, or is a name for one, such as `@daily`."""
    words = schedule.split(maxsplit=1)
    return bool(words) and (cron_line.is_macro(words[0]) or (len(words) > 1 and words[0][0] not in "Rr"))


def check_schedule(schedule: str) -> None:
    """Raise ValueError, which says what is wrong, for a text that no new job may have as its schedule."""
    check_length(schedule)
    if is_cron(schedule):
        check_line(schedule)
    elif not is_never(schedule):
        Schedule.parse(schedule)


def example_for(schedule: str) -> str:
    """Return what would be right in place of a wrong text, of its own kind."""
    return cron_line.EXAMPLE if is_cron(schedule) else _INTERVAL
