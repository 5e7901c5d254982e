"""`-v`: a line in the log for everything that happens. It leaves out what jobs say, as that may hold secrets."""

import logging

from kala_server.core.model.records import Record, kind
from kala_server.service.feed import Feed
from kala_server.service.slices import Pace

_log = logging.getLogger("kala.happens")

_TOLD = ("id", "job_id", "run_id", "state", "exit_code", "signal", "pid", "count")


async def narrate(feed: Feed) -> None:
    """Log what happens, from the server's start to its end; nothing where nobody wants to know."""
    if not _log.isEnabledFor(logging.DEBUG):
        return
    pace = Pace()
    async for entry in feed.follow(0):
        _log.debug("%s", "more than can be told" if entry.record is None else in_short(entry.record))
        await pace.keep()


def in_short(record: Record) -> str:
    """Say in a line what a record is about."""
    values = ((name, getattr(record, name, None)) for name in _TOLD)
    return " ".join([kind(type(record)), *(f"{name}={value}" for name, value in values if value is not None)])
