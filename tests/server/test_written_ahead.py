"""The JSON of jobs is there before somebody asks for the list, and goes when they go."""

import asyncio
from pathlib import Path

import pytest

from kala_server.web import written_ahead
from kala_server.wire.listing import JobsView, Listing
from tests.eventually import PATIENCE
from tests.server.at_home import LATER, Home, play


def test_jobs_are_written_once_no_more_are_coming_and_those_in_their_place_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(written_ahead, "_BETWEEN_LOOKS", 0.01)
    write_ahead = Listing.write_ahead
    written: asyncio.Queue[set[str]] = asyncio.Queue()

    async def told(listing: Listing, view: JobsView, *, pause: float) -> None:
        await write_ahead(listing, view, pause=pause)
        written.put_nowait(set(listing._jobs))

    monkeypatch.setattr(Listing, "write_ahead", told)

    async def scene(home: Home) -> None:
        assert await written.get() == set()  # at the start
        first = await home.create(schedule=LATER)
        async with asyncio.timeout(PATIENCE):
            assert await written.get() == {first}
            await home.http.delete("/job/all/")
            second = await home.create(schedule=LATER)
            while await written.get() != {second}:  # the moment between the two may have been seen as well
                pass

    play(scene)


def test_after_a_start_everything_is_written_before_anybody_can_ask(tmp_path: Path) -> None:
    async def create(home: Home) -> None:
        created.append(await home.create(schedule=LATER))

    async def look(home: Home) -> None:
        assert list(home.server._context.listing._jobs) == created

    created: list[str] = []
    play(create, data_dir=tmp_path)
    play(look, data_dir=tmp_path)
