"""The stores and the clients that the contracts are held against."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.blocking import KINDS, Kind, client_of
from tests.contract.journals import BATCHES, SNAPSHOT, opened, started


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which of the two clients."""
    kind: Kind = request.param
    return kind


@pytest.fixture
def kala(kind: Kind) -> Iterator[KalaClient]:
    """A client of that kind, at a server of its own."""
    with running_server() as server, client_of(kind, server.url) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def journal(folder: Path) -> Path:
    """A journal with a snapshot of two records and four batches after it."""

    async def write() -> None:
        await made.compact([started(number) for number in SNAPSHOT])
        for batch in BATCHES:
            await made.append([started(number) for number in batch])

    made, _ = opened(folder)
    asyncio.run(write())
    made.close()
    return folder / "journal.jsonl"
