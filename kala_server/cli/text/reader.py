"""The clock of whoever reads and types: one rule for all commands. It knows no job, and tells no time.

`--utc` or `--zone` say it, else TZ, else what /etc/localtime leads to, else it is UTC.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

from kala_server.machine_zone import LOCALTIME, zones_meant

_UTC_NAMES = {"UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"}


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock on somebody's wall; `name` is its zone's.

    `plain` is whether it goes without saying, as the machine is set to it; `chosen` whether it was asked for.
    """

    zone: tzinfo
    name: str
    plain: bool = False
    chosen: bool = False

    @property
    def is_utc(self) -> bool:
        """Whether it shows UTC all year."""
        return self.name in _UTC_NAMES

    def titled(self, title: str) -> str:
        """Return the title of a column of times, with the zone where that is not plain."""
        return title if self.plain else f"{title} ({self.name})"


def named_clock(name: str, *, plain: bool = False, chosen: bool = False) -> Clock:
    """Return the clock of a zone. Raises ValueError where there is no such zone, or it is no place."""
    from kala_server.core.time.zones import zone_of

    return Clock(zone_of(name) or UTC, name or "UTC", plain=plain, chosen=chosen)


def readers_clock(
    *, utc: bool, zone: str | None, environ: Mapping[str, str] = os.environ, localtime: Path = LOCALTIME
) -> Clock:
    """Return the clock on which this command reads and shows times. Raises ValueError for a zone that is none."""
    if utc or zone:
        return named_clock("UTC" if utc else zone or "", chosen=True)
    for name in zones_meant(environ, localtime):
        try:
            return named_clock(name, plain=True)
        except ValueError:
            continue
    return named_clock("UTC")
