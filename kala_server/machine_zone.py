"""Which time zone a machine is set to: TZ says it, else what /etc/localtime leads to, else it is UTC.

It reads the environment and links, and knows no zone's rules.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

LOCALTIME = Path("/etc/localtime")
_FOLDER = "zoneinfo/"
_MOST_LINKS = 8


def machine_zone(environ: Mapping[str, str] = os.environ, localtime: Path = LOCALTIME) -> str:
    """Return the name of the machine's zone, UTC where it has none that a job could have."""
    return next(filter(_is_zone, zones_meant(environ, localtime)), "UTC")


def zones_meant(environ: Mapping[str, str], localtime: Path) -> Iterator[str]:
    """Yield the names that may be those of the machine's zone: the first is what was set, and none need be a zone."""
    said = environ.get("TZ")
    return _zones_along(localtime) if said is None else _meant_by(said.removeprefix(":"), localtime)


def _is_zone(name: str) -> bool:
    from kala_server.core.time.zones import zone_of

    try:
        return zone_of(name) is not None
    except ValueError:
        return False


def _meant_by(said: str, localtime: Path) -> Iterator[str]:
    """Yield the zones that TZ may mean; a rule such as CET-1CEST names none."""
    if not said or said == "UTC0":
        yield "UTC"
    elif said.startswith("/"):
        yield from _zones_along(localtime if said == str(LOCALTIME) else Path(said))
    else:
        yield said


def _zones_along(path: Path) -> Iterator[str]:
    """Yield the names of zones that the file, and the links that it is, lead to: the first is what was set."""
    for _ in range(_MOST_LINKS):
        _, found, name = str(path).partition(_FOLDER)
        if found and name:
            yield name
        try:
            path = path.parent / path.readlink()
        except OSError:
            return
