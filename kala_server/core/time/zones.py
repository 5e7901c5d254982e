"""The names of time zones: which a job may have, and what one that is stored stands for.

zoneinfo takes whatever file lies in the zone database: zones that count leap seconds, and links to what the machine
is set to. A job's zone has to mean the same on every machine.
"""

import re
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LONGEST = 100
_NAME = re.compile(r"(?:posix/)?[A-Z][A-Za-z0-9_+-]*(?:/[A-Z0-9][A-Za-z0-9_+-]*)*", re.ASCII)
_NO_PLACES = {"Factory", "localtime", "posixrules"}
_HINT = "a valid one is Europe/Berlin"


def zone_of(name: str) -> tzinfo | None:
    """Return the named IANA zone, None for an empty name. Raises ValueError for one that no job may have."""
    if not name:
        return None
    if name.startswith("right/"):
        raise ValueError(f"{name[:60]!r} counts leap seconds, which no clock on a wall shows; {_HINT}")
    if name.removeprefix("posix/") in _NO_PLACES:
        raise ValueError(f"{name!r} is no place, and another time on other machines; {_HINT}")
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise _unknown(name)
    return stored_zone(name)


def stored_zone(name: str) -> tzinfo | None:
    """Return the zone of a job that was accepted, by whatever rule held then. Raises ValueError where there is none."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _unknown(name) from error


def _unknown(name: str) -> ValueError:
    return ValueError(f"there is no time zone {name[:60]!r}; {_HINT}")
