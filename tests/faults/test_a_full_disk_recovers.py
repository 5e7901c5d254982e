"""A full disk loses nothing, and the server takes new jobs soon after there is room again."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from kala_client import KalaClient, RetryPolicy, ServerError
from kala_server.core.model.records import RunStarted
from kala_server.ports.store import StoreFullError
from kala_server.stores.journal.journal import JournalStore
from kala_server.testing import Kit, KitError
from tests.eventually import eventually
from tests.faults.appending_client import AT, kept, run
from tests.faults.conftest import Tell
from tests.faults.planted import says_yes_when_it_is_full
from tests.faults.promises import client
from tests.faults.server_child import Plant, nothing, server_child
from tests.owned_store import OwnedStore

T = TypeVar("T", bound=Callable[..., Any])
ONCE = RetryPolicy(attempts=1)
IN_2035 = "R/2035-06-04T19:25:16Z/P1D"
CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount") is not None


def on_a_small_disk(test: T) -> T:
    """Mark a test that needs one."""
    skipped = pytest.mark.skipif(not CAN_MOUNT, reason="needs root and mount, to have a disk of 64 KiB")
    marked: T = pytest.mark.needs("root, mount")(skipped(test))
    return marked


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, with a file that takes half of it."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    (folder / "ballast").write_bytes(bytes(30_000))
    yield folder
    # The worker of a server that was killed may hold its lock for a moment.
    eventually(lambda: subprocess.run(["umount", folder], check=False, capture_output=True).returncode == 0)


@on_a_small_disk
def test_a_test_kit_says_that_its_disk_is_full(small_disk: Path) -> None:
    with Kit(data_dir=small_disk / "data") as kit:
        kit.client.create_job(name="tick", command="true", schedule="* * * * *", keep_runs=10_000)
        with pytest.raises(KitError, match="the server is in trouble: there is no room in the store"):
            kit.advance("P30D")


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    code, told = run(tmp_path, 100, limit=2000)
    assert code == 0
    assert told[-1] == "full"
    assert kept(tmp_path) == told[:-1]
    assert run(tmp_path, 1) == (0, ["run-0"])


class Filled:
    """What a server has said while its disk filled up."""

    def __init__(self, kala: KalaClient) -> None:
        self._kala = kala
        self.told: set[str] = set()
        self.status: int | None = None

    def fill(self) -> None:
        """Create jobs until one is refused."""
        for _ in range(1_000):
            try:
                self.told.add(self.create())
            except ServerError as error:
                self.status = error.status
                break

    def create(self) -> str:
        return self._kala.create_job(name="kept", command="true", schedule=IN_2035)


def filled(small_disk: Path, plant: Plant = nothing) -> tuple[Filled, float, set[str]]:
    """Fill a server's disk, and make room: what it said, after how many seconds it went on, and what there is then."""
    with server_child(small_disk / "data", plant) as server, client(server.url, retry=ONCE) as kala:
        seen = Filled(kala)
        seen.fill()
        assert kala.get_all_jobs().keys() <= seen.told
        (small_disk / "ballast").unlink()
        since = time.monotonic()
        seen.told.add(seen.create())
        seconds = time.monotonic() - since
    with server_child(small_disk / "data") as again, client(again.url) as kala:
        return seen, seconds, set(kala.get_all_jobs())


@on_a_small_disk
def test_a_full_disk_recovers(small_disk: Path, tell: Tell) -> None:
    seen, seconds, there = filled(small_disk)
    assert seen.status == 507
    assert there == seen.told
    assert seconds < 5
    tell(f"{len(seen.told)} jobs, 0 lost, taken again {seconds * 1000:.0f} ms after there was room")


@on_a_small_disk
def test_a_server_that_says_yes_when_its_disk_is_full_is_noticed(small_disk: Path) -> None:
    seen, _, there = filled(small_disk, says_yes_when_it_is_full)
    assert seen.status is None
    assert seen.told - there


@on_a_small_disk
def test_a_store_on_a_full_disk_loses_nothing_restarts_and_goes_on_when_there_is_room(
    small_disk: Path,
) -> None:
    folder = small_disk / "data"

    async def fill(store: OwnedStore[JournalStore]) -> list[str]:
        told: list[str] = []
        for number in range(10_000):
            batch = [f"{number}-{each}" for each in range(7)]
            try:
                await store.append([started(name) for name in batch])
            except StoreFullError:
                break
            told += batch
        return told

    async def goes_on(store: OwnedStore[JournalStore]) -> None:
        with pytest.raises(StoreFullError):
            await store.compact([started("s" * 40_000)])
        with pytest.raises(StoreFullError):
            await store.append([started("b" * 40_000)])
        (small_disk / "ballast").unlink()
        await store.append([started("last")])
        await store.compact([started("snapshot")])

    store = OwnedStore(JournalStore(folder))
    assert store.load() == []
    told = asyncio.run(fill(store))
    store.close()
    assert len(told) > 7
    store = OwnedStore(JournalStore(folder))
    assert store.load() == [started(name) for name in told]
    assert store.store.mended is None
    asyncio.run(goes_on(store))
    store.close()
    assert kept(folder) == ["snapshot"]


def started(name: str) -> RunStarted:
    return RunStarted(run_id=name, at=AT)


def cut_off(small_disk: Path, *, torn: bool) -> tuple[str, str]:
    """Leave a full disk as a killed server does: runs that were cut off, a missed slot, perhaps half a batch.

    There are many runs, as there may be room for some records, the rest of a page, where there was none for a job.
    """
    with server_child(small_disk / "data") as server, client(server.url, retry=ONCE) as kala:
        for _ in range(20):
            job_id = kala.create_job(name="cut off", command="sleep 1000")
        eventually(lambda: [run.state for run in kala.runs(job_id)] == ["running"])
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        missed = kala.create_job(name="missed", command="true", schedule=f"R0/{soon}/PT1S")
        Filled(kala).fill()
        server.kill()
    shutil.rmtree(
        small_disk / "data" / "commands", ignore_errors=True
    )  # what a start removes would make room
    with (small_disk / "data" / "journal.jsonl").open("ab", buffering=0) as journal, suppress(OSError):
        if torn:
            journal.write(b'{"v":1,"seq":')
    with (small_disk / "more").open("wb", buffering=0) as more, suppress(OSError):
        while True:
            more.write(bytes(512))
    return job_id, missed


@on_a_small_disk
@pytest.mark.parametrize("torn", [False, True])
def test_a_server_that_is_started_on_a_full_disk_serves_what_there_is_and_goes_on_when_there_is_room(
    small_disk: Path, *, torn: bool
) -> None:
    job_id, missed = cut_off(small_disk, torn=torn)
    with server_child(small_disk / "data") as server, client(server.url, retry=ONCE) as kala:
        assert [run.state for run in kala.runs(job_id)] == ["running"]
        ready = httpx.get(f"{server.url}/readyz")
        assert ready.status_code == 503
        assert "no room" in ready.text
        with pytest.raises(ServerError) as refused:
            Filled(kala).create()
        assert refused.value.status == 507
        (small_disk / "ballast").unlink()
        eventually(lambda: [run.state for run in kala.runs(job_id)] == ["interrupted"])
        eventually(lambda: [run.state for run in kala.runs(missed)] == ["succeeded"])
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    assert [path.read_bytes() for path in (small_disk / "data").glob("*.torn-*")] == [b'{"v":1,"seq":'] * torn
