"""Writing and reading journals quickly, for the tests of the store on disk."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import StoreError
from kala_server.stores.journal.filesystem import RealFileSystem
from kala_server.stores.journal.journal import JournalStore
from tests.owned_store import OwnedStore

AT = datetime(2024, 5, 1, tzinfo=UTC)
SNAPSHOT = [100, 101]
BATCHES = [[1], [2, 3, 4], [5], [6, 7]]


class UnsyncedFileSystem(RealFileSystem):
    """For tests that damage files thousands of times; none of them is about power cuts."""

    def sync(self, fd: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


def started(number: int) -> Record:
    return RunStarted(run_id=f"run-{number}", at=AT)


def numbers(records: Iterable[Record]) -> list[int]:
    return [int(record.run_id.removeprefix("run-")) for record in records if isinstance(record, RunStarted)]


def opened(folder: Path) -> tuple[OwnedStore[JournalStore], list[int]]:
    store = OwnedStore(JournalStore(folder, filesystem=UnsyncedFileSystem()))
    try:
        return store, numbers(store.load())
    except StoreError:
        store.close()
        raise


def reloaded(folder: Path) -> list[int]:
    store, found = opened(folder)
    store.close()
    return found
