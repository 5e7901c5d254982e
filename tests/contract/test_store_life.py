"""What the store on disk promises while it is in use: rights, one owner, compaction, an end at any time."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import (
    StoreBrokenError,
    StoreError,
    StoreLockedError,
)
from kala_server.stores.journal import owner_signature, ownership
from kala_server.stores.journal.filesystem import RealFileSystem
from kala_server.stores.journal.journal import LOCK, JournalStore
from tests.contract.journals import AT, opened, reloaded, started
from tests.owned_store import OwnedStore, all_of, at_once


def test_only_its_owner_can_read_a_store(folder: Path) -> None:
    store, _ = opened(folder)
    store.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    journal = folder / "journal.jsonl"
    journal.chmod(0o644)
    reloaded(folder)
    assert journal.stat().st_mode & 0o777 == 0o600


def test_a_second_server_exits_and_says_who_holds_the_folder(folder: Path) -> None:
    script = (
        "import asyncio, sys, pathlib; from kala_server.stores.journal.journal import JournalStore\n"
        "store = JournalStore(pathlib.Path(sys.argv[1])); asyncio.run(store.acquire())\n"
        "print('mine', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"mine\n"
        with pytest.raises(StoreLockedError, match=f"in use by process {holder.pid}:"):
            reloaded(folder)
    assert reloaded(folder) == []


def test_of_two_servers_that_start_at_once_exactly_one_wins(folder: Path) -> None:
    def race(start: threading.Barrier) -> OwnedStore[JournalStore] | None:
        store = OwnedStore(JournalStore(folder))
        start.wait()
        try:
            store.load()
        except StoreLockedError:
            return None
        return store

    with ThreadPoolExecutor(2) as racers:
        for _ in range(100):
            start = threading.Barrier(2)
            winners = [store for store in racers.map(race, [start, start]) if store]
            assert len(winners) == 1
            winners[0].close()


@contextmanager
def left_by(folder: Path, *, reaped: bool) -> Iterator[int]:
    """Hold the folder as what a server has left would: give the descriptor of a lock that one signed who is dead."""
    folder.mkdir()
    held = ownership.own(RealFileSystem(), folder / LOCK).lock
    with subprocess.Popen(["true"]) as server:
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        if reaped:
            server.wait()
        signed = owner_signature.read(os.pread(held, 4096, 0))
        assert signed is not None
        os.pwrite(held, replace(signed, pid=server.pid).text(), 0)
        yield held


@pytest.mark.parametrize("reaped", [True, False])
def test_what_a_killed_server_has_left_is_waited_for(folder: Path, *, reaped: bool) -> None:
    with left_by(folder, reaped=reaped) as held, ThreadPoolExecutor(1) as thread:
        loading = thread.submit(reloaded, folder)
        with pytest.raises(TimeoutError):
            loading.result(0.1)
        os.close(held)
        assert loading.result(20) == []


def test_what_a_killed_server_has_left_is_not_waited_for_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "LETTING_GO", 0.1)
    with left_by(folder, reaped=True) as held:
        with pytest.raises(StoreLockedError, match="is in use by the worker of process"):
            reloaded(folder)
        os.close(held)


def test_a_lock_that_another_machine_or_container_has_is_not_said_to_be_that_of_a_dead_server(
    folder: Path,
) -> None:
    with left_by(folder, reaped=True) as held:
        signed = owner_signature.read(os.pread(held, 4096, 0))
        assert signed is not None
        os.pwrite(held, replace(signed, machine="elsewhere").text(), 0)
        with pytest.raises(StoreLockedError, match=rf"process {signed.pid} of another container or machine"):
            reloaded(folder)
        os.close(held)


def mark_of(folder: Path) -> str:
    store, _ = opened(folder)
    store.close()
    signed = owner_signature.read((folder / LOCK).read_bytes())
    assert signed is not None
    return signed.mark


def test_a_folder_keeps_its_mark_and_a_copy_gets_another(folder: Path, tmp_path: Path) -> None:
    mark = mark_of(folder)
    assert mark_of(folder) == mark
    shutil.copytree(folder, tmp_path / "copy")
    copied = mark_of(tmp_path / "copy")
    assert copied != mark
    assert mark_of(tmp_path / "copy") == copied
    folder.rename(tmp_path / "renamed")
    assert mark_of(tmp_path / "renamed") == mark
    (tmp_path / "renamed" / LOCK).unlink()
    assert mark_of(tmp_path / "renamed") != mark


def test_a_child_process_does_not_hold_the_folder(folder: Path) -> None:
    store, _ = opened(folder)
    child = subprocess.Popen(
        [sys.executable, "-c", "print('here', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    )
    with child:
        assert child.stdout
        assert child.stdout.readline() == b"here\n"  # until then it may still be a copy of this process
        store.close()
        assert reloaded(folder) == []
        child.communicate(b"\n")


def test_batches_appended_during_a_compaction_are_kept_after_the_snapshot(folder: Path) -> None:
    store, _ = opened(folder)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()

        def snapshot() -> Iterator[Record]:
            for number in range(1000):
                yield started(number)
                if number in {0, 500, 999}:
                    asyncio.run_coroutine_threadsafe(store.append([started(5000 + number)]), loop).result()

        await store.append([started(-1)])
        await store.compact(snapshot())
        await store.append([started(9000)])

    asyncio.run(scenario())
    store.close()
    assert reloaded(folder) == [*range(1000), 5000, 5500, 5999, 9000]


def test_a_batch_still_under_way_when_a_compaction_is_asked_for_is_not_part_of_the_snapshot(
    folder: Path,
) -> None:
    store, _ = opened(folder)

    async def scenario() -> None:
        await store.append([started(1)])
        under_way = asyncio.ensure_future(store.append([started(2)]))
        await asyncio.sleep(0)
        compaction = store.compact([started(10)])
        await under_way
        await store.append([started(3)])
        await compaction

    asyncio.run(scenario())
    store.close()
    assert reloaded(folder) == [10, 2, 3]


def test_history_that_outweighs_the_snapshot_asks_for_a_compaction(folder: Path) -> None:
    store = OwnedStore(JournalStore(folder, compact_from=300, compact_factor=2))
    store.load()

    async def scenario() -> list[bool]:
        wanted = []
        for _ in range(2):
            await store.append([started(1), started(2)])
            wanted.append(store.store.wants_compaction(1))
        await store.compact([started(1)])
        return [*wanted, store.store.wants_compaction(1)]

    assert asyncio.run(scenario()) == [False, True, False]
    store.close()


def test_a_store_that_only_grows_is_not_written_again_until_it_might_hold_few_large_records(
    folder: Path,
) -> None:
    store = OwnedStore(JournalStore(folder, compact_from=300, compact_factor=2))
    store.load()
    empty = store.store.size

    async def scenario() -> None:
        for number in range(1, 41):
            await store.append([started(number)])
            history = store.store.size - empty
            assert store.store.wants_compaction(number // 2) is (history > 300)
            assert store.store.wants_compaction(number) is (history > 8 * 300)
        assert store.store.wants_compaction(number)

    asyncio.run(scenario())
    store.close()


def test_a_new_file_that_a_crash_left_is_removed(journal: Path) -> None:
    left = journal.with_name("journal.jsonl.new")
    left.write_bytes(b"half a snap")
    assert len(reloaded(journal.parent)) == 9
    assert not left.exists()


def test_a_journal_that_is_cut_or_removed_while_in_use_is_noticed(journal: Path) -> None:
    store, _ = opened(journal.parent)
    with journal.open("ab") as file:
        file.write(b"x")
    with pytest.raises(StoreBrokenError, match="someone changed it"):
        asyncio.run(store.append([started(8)]))
    with pytest.raises(StoreBrokenError, match="someone changed it"):
        asyncio.run(store.append([started(8)]))
    store.close()
    store, _ = opened(journal.parent)
    journal.unlink()
    with pytest.raises(StoreBrokenError, match="removed or replaced"):
        asyncio.run(store.append([started(8)]))
    store.close()


def test_a_record_that_cannot_be_written_leaves_the_store_as_it_was(folder: Path) -> None:
    store, _ = opened(folder)
    with pytest.raises(ValueError, match="surrogates"):
        asyncio.run(store.append([started(1), RunStarted(run_id="\udfff", at=AT)]))
    with pytest.raises(ValueError, match="surrogates"):
        asyncio.run(store.compact([RunStarted(run_id="\udfff", at=AT)]))
    asyncio.run(store.append([started(2)]))
    store.close()
    assert reloaded(folder) == [2]


def test_a_store_that_is_not_loaded_or_closed_takes_nothing(folder: Path) -> None:
    store = OwnedStore(JournalStore(folder))
    with pytest.raises(RuntimeError, match="acquired, and then loaded once"):
        all_of(store.store.load())
    store.fence = at_once(store.store.acquire())
    with pytest.raises(StoreError, match="not loaded"):
        asyncio.run(store.append([started(1)]))
    with pytest.raises(RuntimeError, match="acquired once"):
        at_once(store.store.acquire())
    all_of(store.store.load())
    with pytest.raises(RuntimeError, match="loaded once"):
        all_of(store.store.load())
    store.close()
    with pytest.raises(StoreError, match="closed"):
        asyncio.run(store.append([started(1)]))


def test_a_store_that_is_closed_while_it_is_compacted_stays_as_it_was(folder: Path) -> None:
    store, _ = opened(folder)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        begun, go_on = asyncio.Event(), threading.Event()

        def snapshot() -> Iterator[Record]:
            for number in range(1000):
                yield started(number)
                if number == 500:
                    loop.call_soon_threadsafe(begun.set)
                    go_on.wait()

        async def nothing_appended_again_and_again() -> None:
            while True:
                await store.append([])
                await asyncio.sleep(0)

        await store.append([started(-1)])
        compaction = asyncio.ensure_future(store.compact(snapshot()))
        await begun.wait()
        with pytest.raises(RuntimeError, match="one compaction at a time"):
            await store.compact([])
        closing = loop.run_in_executor(None, store.close)
        with pytest.raises(StoreError, match="is closed"):
            await nothing_appended_again_and_again()
        go_on.set()
        await closing
        with pytest.raises(StoreError, match="closed while it was being compacted"):
            await compaction

    asyncio.run(scenario())
    assert reloaded(folder) == [-1]
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "lock"]


def test_a_record_longer_than_any_read_comes_back(folder: Path) -> None:
    long = RunStarted(run_id="é" * 3_000_000, at=AT)
    store, _ = opened(folder)
    asyncio.run(store.append([started(1), long, started(2)]))
    store.close()
    again = OwnedStore(JournalStore(folder))
    assert again.load() == [started(1), long, started(2)]
    again.close()
