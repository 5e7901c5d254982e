"""A PostgreSQL whose disk is full keeps nothing of what it refuses and all that it had; with room, it goes on."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_server.boot_time import boot_time
from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import Fence, StoreFullError
from kala_server.stores.postgres.store import PostgresStore
from tests.eventually import eventually
from tests.faults.a_database import AT, leading
from tests.postgres import Postgres, a_folder

CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount") is not None

pytestmark = [
    pytest.mark.needs("root, mount"),
    pytest.mark.skipif(not CAN_MOUNT, reason="needs root and mount, to have a small disk"),
]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 24 MB."""
    with a_folder() as folder:
        mount(folder, "size=24m")
        yield folder
        eventually(
            lambda: subprocess.run(["umount", folder], check=False, capture_output=True).returncode == 0
        )


def mount(folder: Path, options: str) -> None:
    words = ["mount", "-t", "tmpfs", "-o", f"{options},uid={folder.stat().st_uid}", "tmpfs", str(folder)]
    if subprocess.run(words, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")


@pytest.fixture
def full_database(postgres: Postgres, small_disk: Path) -> Iterator[str]:
    """The address of a database on it."""
    postgres.ask(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    postgres.ask("CREATE DATABASE without_room TABLESPACE small")
    yield postgres.address("without_room")
    postgres.ask("DROP DATABASE without_room WITH (FORCE)")
    postgres.ask("DROP TABLESPACE small")


def large() -> Record:
    """Return a record that cannot be made much smaller."""
    return RunStarted(run_id=os.urandom(200_000).hex(), at=AT)


async def loaded(store: PostgresStore) -> list[Record]:
    return [record async for batch in store.load() for record in batch.records]


async def fill(store: PostgresStore, fence: Fence, kept: list[Record]) -> None:
    while True:
        record = large()
        await store.append(fence, [record])
        kept.append(record)


def test_what_a_full_database_refuses_is_not_kept_and_with_room_it_goes_on(
    full_database: str, small_disk: Path
) -> None:
    async def scene() -> None:
        kept: list[Record] = []
        async with leading(full_database) as (store, fence):
            with pytest.raises(StoreFullError, match="No space left on device"):
                await fill(store, fence, kept)
            assert kept
            assert await loaded(store) == kept
            with pytest.raises(StoreFullError):
                await store.compact(fence, [large() for _ in range(100)])
            assert store.held_until(fence) > boot_time()
            mount(small_disk, "remount,size=64m")
            record = large()
            await store.append(fence, [record])
            assert await loaded(store) == [*kept, record]
            await store.compact(fence, [record])
            assert await loaded(store) == [record]

    asyncio.run(scene())
