"""What the store on disk promises beyond the contract: torn tails, damage, rights, one owner, compaction."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kala_server.core.records import Record, RunStarted
from kala_server.store import codec
from kala_server.store.filesystem import RealFileSystem
from kala_server.store.journal import JournalStore
from kala_server.store.protocol import (
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreLockedError,
    StoreNewerError,
)

AT = datetime(2024, 5, 1, tzinfo=UTC)
SNAPSHOT = 2
BATCHES = [[1], [2, 3, 4], [5], [6, 7]]


class UnsyncedFileSystem(RealFileSystem):
    """For tests that damage files thousands of times; none of them is about power cuts."""

    def sync(self, fd: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


def started(number: int) -> Record:
    return RunStarted(run_id=f"run-{number}", at=AT)


def numbers(records: list[Record]) -> list[int]:
    return [int(record.run_id.removeprefix("run-")) for record in records if isinstance(record, RunStarted)]


def opened(folder: Path) -> tuple[JournalStore, list[int]]:
    store = JournalStore(folder, filesystem=UnsyncedFileSystem())
    try:
        return store, numbers(list(store.load()))
    except StoreError:
        store.close()
        raise


def reloaded(folder: Path) -> list[int]:
    store, found = opened(folder)
    store.close()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def journal(folder: Path) -> Path:
    """A journal with a snapshot of two records and four batches after it."""

    async def write() -> None:
        await store.compact([started(100), started(101)])
        for batch in BATCHES:
            await store.append([started(number) for number in batch])

    store, _ = opened(folder)
    asyncio.run(write())
    store.close()
    return folder / "journal.jsonl"


def ends(content: bytes) -> list[tuple[int, list[int]]]:
    """Where each whole batch ends, and the records up to there; the snapshot is the first."""
    lines = content.splitlines(keepends=True)
    position = sum(map(len, lines[: SNAPSHOT + 1]))
    kept = [100, 101]
    found = [(position, kept)]
    rest = iter(lines[SNAPSHOT + 1 :])
    for batch in BATCHES:
        position += sum(len(next(rest)) for _ in batch)
        kept = kept + batch
        found.append((position, kept))
    return found


def test_what_was_appended_comes_back_in_order(journal: Path) -> None:
    assert reloaded(journal.parent) == [100, 101, 1, 2, 3, 4, 5, 6, 7]


def test_a_file_cut_at_any_byte_behind_its_snapshot_is_a_prefix_of_whole_batches(journal: Path) -> None:
    content = journal.read_bytes()
    whole = ends(content)
    for size in range(whole[0][0], len(content) + 1):
        journal.write_bytes(content[:size])
        store, found = opened(journal.parent)
        store.close()
        end, expected = [(end, kept) for end, kept in whole if end <= size][-1]
        assert found == expected
        assert journal.read_bytes() == content[:end]
        if size == end:
            assert store.mended is None
        else:
            assert store.mended is not None
            assert store.mended.copy.read_bytes() == content[end:size]
            assert (store.mended.offset, store.mended.size) == (end, size - end)
            store.mended.copy.unlink()


def test_a_file_cut_in_its_snapshot_is_damaged_and_left_alone(journal: Path) -> None:
    content = journal.read_bytes()
    for size in range(ends(content)[0][0]):
        journal.write_bytes(content[:size])
        with pytest.raises(StoreDamagedError, match=r"journal\.jsonl is damaged at byte \d+"):
            reloaded(journal.parent)
        assert journal.read_bytes() == content[:size]


@pytest.mark.parametrize("batches", [3, 4], ids=["last batch of one record", "last batch of two records"])
def test_no_flipped_bit_is_silently_wrong(journal: Path, batches: int) -> None:
    whole = ends(journal.read_bytes())
    content = journal.read_bytes()[: whole[batches][0]]
    last_begins, without_last = whole[batches - 1]
    for bit in range(len(content) * 8):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        journal.write_bytes(changed)
        try:
            store, found = opened(journal.parent)
        except (StoreDamagedError, StoreNewerError):
            assert journal.read_bytes() == changed
            continue
        store.close()
        assert bit // 8 >= last_begins
        assert found == without_last
        assert store.mended is not None
        assert store.mended.copy.read_bytes() == changed[last_begins:]
        store.mended.copy.unlink()


def test_a_missing_or_doubled_line_is_damage(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    for position in range(len(lines) - 1):
        for changed in (
            lines[:position] + lines[position + 1 :],
            lines[: position + 1] + lines[position:],
        ):
            journal.write_bytes(b"".join(changed))
            with pytest.raises(StoreDamagedError):
                reloaded(journal.parent)


def test_zeros_behind_the_last_batch_are_cut(journal: Path) -> None:
    content = journal.read_bytes()
    journal.write_bytes(content + bytes(5000))
    store, found = opened(journal.parent)
    store.close()
    assert found[-1] == 7
    assert store.mended is not None
    assert store.mended.size == 5000
    assert "its last 5000 bytes" in str(store.mended)
    assert journal.read_bytes() == content


def test_two_unreadable_batches_are_damage_even_where_a_newline_is_lost(journal: Path) -> None:
    content = journal.read_bytes()
    end = ends(content)[3][0]
    journal.write_bytes(content[: end - 1] + b" " + content[end:-5])
    with pytest.raises(StoreDamagedError, match="is of batch"):
        reloaded(journal.parent)


def test_a_mended_journal_is_appended_to_as_if_nothing_had_happened(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[:-1])
    store, _ = opened(journal.parent)
    asyncio.run(store.append([started(8)]))
    store.close()
    assert reloaded(journal.parent) == [100, 101, 1, 2, 3, 4, 5, 8]


def test_an_earlier_copy_of_a_torn_tail_is_not_overwritten(journal: Path) -> None:
    copies = []
    for _ in range(2):
        with journal.open("ab") as file:
            file.write(b"torn")
        store, _ = opened(journal.parent)
        store.close()
        assert store.mended is not None
        copies.append(store.mended.copy.name)
    assert copies == ["journal.torn-11", "journal.torn-11-2"]


def test_a_newer_version_is_refused_and_left_alone(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "VERSION", 2)
    newer = codec.frame([codec.encode(started(8))], seq=11, batch=7)
    monkeypatch.undo()
    content = journal.read_bytes() + newer
    journal.write_bytes(content)
    with pytest.raises(StoreNewerError, match="journal version 2, this one reads version 1"):
        reloaded(journal.parent)
    assert journal.read_bytes() == content


def test_a_whole_record_of_an_unknown_kind_is_not_taken_for_a_torn_tail(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes() + codec.frame([(b"run_dreamt", b"{}")], seq=11, batch=7))
    with pytest.raises(StoreDamagedError, match="no kind of record named run_dreamt"):
        reloaded(journal.parent)


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
        "import sys, pathlib; from kala_server.store.journal import JournalStore\n"
        "store = JournalStore(pathlib.Path(sys.argv[1])); list(store.load()); print('mine', flush=True); input()"
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


def test_a_child_process_does_not_hold_the_folder(folder: Path) -> None:
    store, _ = opened(folder)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    with child:
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
    store = JournalStore(folder, compact_from=300, compact_factor=2)
    list(store.load())

    async def scenario() -> list[bool]:
        wanted = []
        for _ in range(2):
            await store.append([started(1), started(2)])
            wanted.append(store.wants_compaction)
        await store.compact([started(1)])
        return [*wanted, store.wants_compaction]

    assert asyncio.run(scenario()) == [False, True, False]
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
    store = JournalStore(folder)
    with pytest.raises(StoreError, match="not loaded"):
        asyncio.run(store.append([started(1)]))
    list(store.load())
    with pytest.raises(RuntimeError, match="loaded once"):
        store.load()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        asyncio.run(store.append([started(1)]))


def test_a_record_longer_than_any_read_comes_back(folder: Path) -> None:
    long = RunStarted(run_id="é" * 3_000_000, at=AT)
    store, _ = opened(folder)
    asyncio.run(store.append([started(1), long, started(2)]))
    store.close()
    again = JournalStore(folder)
    assert list(again.load()) == [started(1), long, started(2)]
    again.close()
