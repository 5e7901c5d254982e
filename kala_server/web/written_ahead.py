"""Has the JSON of the jobs ready before somebody asks for the list of them: it takes 3 µs for each."""

import asyncio
from contextlib import suppress

from kala_server.core.state.state import State
from kala_server.ports.store import StoreBrokenError
from kala_server.service.service import Service
from kala_server.wire.listing import JobsView, Listing, look

BETWEEN_LOOKS = 2.0
"""Seconds after which it is looked whether there are jobs whose JSON is not written yet, …"""
_PAUSE = 0.005
"""… and seconds in which others have their turn after each millisecond of writing it."""


async def write_at_once(service: Service, listing: Listing) -> None:
    """Write the JSON of every job, before there is anybody whom that could hold up."""
    with suppress(StoreBrokenError):  # the server is told of it otherwise
        await listing.write_ahead(await _sight(service), pause=0)


async def keep_written(service: Service, listing: Listing) -> None:
    """Write the JSON of new jobs once no more are coming; for as long as the store can be trusted.

    What is there at its beginning is `write_at_once`'s.
    """
    latest = written = _latest_job(service.state)
    with suppress(StoreBrokenError):
        while True:
            await asyncio.sleep(BETWEEN_LOOKS)
            before, latest = latest, _latest_job(service.state)
            if latest == before != written:
                await listing.write_ahead(await _sight(service), pause=_PAUSE)
                written = latest


async def _sight(service: Service) -> JobsView:
    return await service.read(lambda state: look(state, service.clock.now()))


def _latest_job(state: State) -> tuple[int, str]:
    """Return what is another when a job is created or deleted: how many there are, and which is the last."""
    return len(state.jobs), next(reversed(state.jobs), "")
