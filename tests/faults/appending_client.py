"""A program that appends one record after the other, tells what became of each, and ends where a server would.

python -m tests.faults.appending_client FOLDER NUMBER LIMIT PLANT; LIMIT is how large a file may be, 0 = no limit.
"""

import asyncio
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from kala_server.core.model.records import RunStarted
from kala_server.ports.store import StoreBrokenError, StoreFullError
from kala_server.stores.journal.journal import JournalStore
from kala_server.stores.journal.log import Log
from tests.faults.server_child import ROOT
from tests.owned_store import OwnedStore

AT = datetime(2024, 5, 1, tzinfo=UTC)


def tries_a_failed_sync_again() -> None:
    """Planted bug: the second sync succeeds and means nothing."""
    sync = Log.sync

    def again(log: Log) -> None:
        try:
            sync(log)
        except OSError:
            sync(log)

    setattr(Log, "sync", again)  # noqa: B010 - a method in place of a method


def say(word: str) -> None:
    """Tell whoever reads our output."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def append(folder: Path, number: int, limit: int) -> None:
    """Append, and print each record that is durable."""
    store = OwnedStore(JournalStore(folder))
    for _ in store.load():
        pass
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for each in range(number):
        record = RunStarted(run_id=f"run-{each}", at=AT)
        try:
            await store.append([record])
        except StoreFullError:
            say("full")
            break
        except StoreBrokenError:
            sys.exit(3)
        say(record.run_id)


def run(
    folder: Path, number: int, *, limit: int = 0, under: tuple[str, ...] = (), plant: str = ""
) -> tuple[int, list[str]]:
    """Run the program, under another one: its exit code, and what it was told."""
    program = [sys.executable, "-m", "tests.faults.appending_client"]
    done = subprocess.run(
        [*under, *program, folder, str(number), str(limit), plant],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return done.returncode, done.stdout.split()


def kept(folder: Path) -> list[str]:
    """Return what the next start finds."""
    store = OwnedStore(JournalStore(folder))
    found = [record.run_id for record in store.load() if isinstance(record, RunStarted)]
    store.close()
    return found


if __name__ == "__main__":
    if sys.argv[4]:
        globals()[sys.argv[4]]()
    asyncio.run(append(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
