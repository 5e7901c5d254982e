"""Torn tails are mended and damage is noticed: whatever a journal holds, it is never silently wrong."""

import asyncio
from pathlib import Path

import pytest

from kala_server.ports.store import (
    StoreDamagedError,
    StoreNewerError,
)
from kala_server.stores.journal import codec
from tests.contract.journals import BATCHES, SNAPSHOT, opened, reloaded, started
from tests.faults.figures import BITS_EVERY


def ends(content: bytes) -> list[tuple[int, list[int]]]:
    """Where each whole batch ends, and the records up to there; the snapshot is the first."""
    lines = content.splitlines(keepends=True)
    position = sum(map(len, lines[: len(SNAPSHOT) + 1]))
    kept = SNAPSHOT
    found = [(position, kept)]
    rest = iter(lines[len(SNAPSHOT) + 1 :])
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
            assert store.store.mended is None
        else:
            assert store.store.mended is not None
            assert store.store.mended.copy.read_bytes() == content[end:size]
            assert (store.store.mended.offset, store.store.mended.size) == (end, size - end)
            store.store.mended.copy.unlink()


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
    for bit in range(0, len(content) * 8, BITS_EVERY):
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
        assert store.store.mended is not None
        assert store.store.mended.copy.read_bytes() == changed[last_begins:]
        store.store.mended.copy.unlink()


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
    assert store.store.mended is not None
    assert store.store.mended.size == 5000
    assert "its last 5000 bytes" in str(store.store.mended)
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
        assert store.store.mended is not None
        copies.append(store.store.mended.copy.name)
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


def test_a_batch_whose_records_are_counted_wrongly_is_damage(journal: Path) -> None:
    content = journal.read_bytes()
    payload = codec.encode(started(8))
    first = codec.frame([payload] * 3, seq=11, batch=7).splitlines(keepends=True)[0]
    second = codec.frame([payload], seq=12, batch=7)
    for tail, message in (
        (first + second, "counted wrongly"),
        (codec.frame([payload], seq=11, batch=9), "a record of batch 9 is where one of 7 must be"),
        (
            codec.frame([codec.encode(codec.SnapshotEnded(records=10))], seq=11, batch=7),
            "does not end as it says",
        ),
        (second.replace(b"12", b"11", 1) + content, "follows its batch"),
    ):
        journal.write_bytes(content + tail)
        with pytest.raises(StoreDamagedError, match=message):
            reloaded(journal.parent)
