"""The JSON of jobs is there before somebody asks for the list, and goes when they go."""

import asyncio
from pathlib import Path

import pytest

from kala_server.web import written_ahead
from kala_server.wire.listing import JobsView, Listing
from tests.eventually import PATIENCE
from tests.server.at_home import LATER, Home, play


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[set[str]]":
    """Which jobs' JSON is there, each time that some was written."""
    write_ahead = Listing.write_ahead
    written: asyncio.Queue[set[str]] = asyncio.Queue()

    async def told(listing: Listing, view: JobsView, *, pause: float) -> None:
        await write_ahead(listing, view, pause=pause)
        written.put_nowait(set(listing.remembered))

    monkeypatch.setattr(Listing, "write_ahead", told)
    return written


def test_jobs_are_written_once_no_more_are_coming_and_those_in_their_place_too(
    written: "asyncio.Queue[set[str]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_ahead, "BETWEEN_LOOKS", 0.01)

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


def test_after_a_start_everything_is_written_before_anybody_can_ask(
    written: "asyncio.Queue[set[str]]", tmp_path: Path
) -> None:
    async def create(home: Home) -> None:
        assert written.get_nowait() == set()
        created.add(await home.create(schedule=LATER))

    async def look(_: Home) -> None:
        assert written.get_nowait() == created

    created: set[str] = set()
    play(create, data_dir=tmp_path)
    play(look, data_dir=tmp_path)
