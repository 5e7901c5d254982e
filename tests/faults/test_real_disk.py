"""The store on disks that really are full or failing: a size limit, a small tmpfs, syncs that the kernel refuses.

`KALA_FAULTS=full` lets each of the first fifty syncs fail instead of two of them.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kala_server.core.records import Record, RunStarted
from kala_server.store.journal import JournalStore
from kala_server.store.protocol import StoreFullError

AT = datetime(2024, 5, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
FULL = os.environ.get("KALA_FAULTS") == "full"
CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount") is not None

# Appends one record a line of input, tells what became of it, and ends where a server would.
CLIENT = """
import asyncio, datetime, pathlib, resource, sys
from kala_server.core.records import RunStarted
from kala_server.store.journal import JournalStore
from kala_server.store.protocol import StoreBrokenError, StoreFullError

async def main(folder, number, limit):
    store = JournalStore(pathlib.Path(folder))
    for record in store.load():
        pass
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for each in range(number):
        record = RunStarted(run_id=f"run-{each}", at=datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC))
        try:
            await store.append([record])
        except StoreFullError:
            print("full", flush=True)
            break
        except StoreBrokenError:
            sys.exit(3)
        print(record.run_id, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def started(name: str) -> Record:
    return RunStarted(run_id=name, at=AT)


def run(folder: Path, number: int, *, limit: int = 0, under: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Run the client in a process of its own: its exit code, and what it was told."""
    done = subprocess.run(
        [*under, sys.executable, "-c", CLIENT, folder, str(number), str(limit)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return done.returncode, done.stdout.split()


def kept(folder: Path) -> list[str]:
    store = JournalStore(folder)
    found = [record.run_id for record in store.load() if isinstance(record, RunStarted)]
    store.close()
    return found


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    code, told = run(tmp_path, 100, limit=2000)
    assert code == 0
    assert told[-1] == "full"
    assert kept(tmp_path) == told[:-1]
    assert run(tmp_path, 1) == (0, ["run-0"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.needs("root, mount")
@pytest.mark.skipif(not CAN_MOUNT, reason="needs root and mount, to have a disk of 64 KiB")
def test_a_full_disk_loses_nothing_restarts_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(30_000))
    folder = small_disk / "data"

    async def fill(store: JournalStore) -> list[str]:
        told: list[str] = []
        for number in range(10_000):
            batch = [f"{number}-{each}" for each in range(7)]
            try:
                await store.append([started(name) for name in batch])
            except StoreFullError:
                break
            told += batch
        return told

    async def goes_on(store: JournalStore) -> None:
        with pytest.raises(StoreFullError):
            await store.compact([started("s" * 40_000)])
        with pytest.raises(StoreFullError):
            await store.append([started("b" * 40_000)])
        ballast.unlink()
        await store.append([started("last")])
        await store.compact([started("snapshot")])

    store = JournalStore(folder)
    assert list(store.load()) == []
    told = asyncio.run(fill(store))
    store.close()
    assert len(told) > 7
    store = JournalStore(folder)
    assert list(store.load()) == [started(name) for name in told]
    assert store.mended is None
    asyncio.run(goes_on(store))
    store.close()
    assert kept(folder) == ["snapshot"]


def strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.needs("strace")
@pytest.mark.skipif(not strace_works(), reason="needs strace and the right to trace")
@pytest.mark.parametrize("number", range(3, 51) if FULL else [3, 7])
def test_a_sync_that_the_kernel_refuses_ends_the_process_without_an_answer(
    tmp_path: Path, number: int
) -> None:
    # strace counts the calls of each thread: two are the load's, and the thread that writes has one a batch.
    fault = f"inject=fdatasync:error=EIO:when={number}"
    under = ("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e", fault)
    code, told = run(tmp_path, 60, under=under)
    assert code == 3
    assert told == [f"run-{each}" for each in range(number - 1)]
    assert kept(tmp_path)[: len(told)] == told
