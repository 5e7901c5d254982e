"""What ails a server and does not keep it from its work, in words: `/readyz` tells it in a 200. Pure.

It is told to everybody, so it names no job and says nothing of what jobs say.
"""

from datetime import datetime, timedelta

from kala_server.clock import direction_of
from kala_server.service.role import Role

_NEWS = timedelta(hours=1)
"""For so long a step of the clock is told."""


def notes(
    *,
    paused_since: datetime | None,
    stuck: int,
    now: datetime,
    last_step: tuple[datetime, timedelta] | None,
    open_connections: int,
    max_connections: int,
    follows: Role | None,
    unattended: int = 0,
) -> list[str]:
    """Return a sentence for each.

    Of a role; a pause; `stuck` jobs; the clock, put when and by how much; connections; `unattended` queues.
    """
    told = []
    if follows is not None:
        whom = "the server that leads" if follows.leader else "none, as none leads for the moment"
        told.append(f"follows {whom}; what it shows was so at most {follows.lag:.1f} s ago")
    if paused_since is not None:
        since = paused_since.isoformat(timespec="seconds").replace("+00:00", "Z")
        told.append(f"paused since {since}: no job starts by itself")
    if stuck:
        told.append(f"{stuck} {'job is' if stuck == 1 else 'jobs are'} stuck: nothing can be decided there")
    if last_step is not None and timedelta(0) <= now - last_step[0] < _NEWS:
        direction, by = direction_of(last_step[1])
        told.append(f"the clock was put {direction} by {by} within the last hour")
    if unattended:
        told.append(
            f"runs wait in {unattended} {'queue' if unattended == 1 else 'queues'} that no worker takes from"
        )
    if open_connections >= max_connections:
        told.append(f"all of the {max_connections} connections that may be open are (--max-connections)")
    return told
