"""Damage is noticed: with any bit flipped, any line missing or doubled, a start refuses, or the last batch was torn."""

from collections.abc import Iterator

import pytest

from kala_server.core.model.records import Record
from kala_server.ports.store import StoreDamagedError
from kala_server.stores.journal import codec, journal
from kala_server.stores.journal.scan import Scan
from tests.faults.a_journal import content, ends, start_on
from tests.faults.conftest import Tell
from tests.faults.figures import BITS_EVERY


def silently_wrong_bits() -> list[str]:
    """Flip one bit after the other, and tell which flips went unnoticed."""
    wrong = []
    last_begins, without_last = ends()[-2]
    for bit in range(0, len(content()) * 8, BITS_EVERY):
        changed = bytearray(content())
        changed[bit // 8] ^= 1 << bit % 8
        found, left = start_on(bytes(changed))
        refused = found is None and left == changed
        torn = bit // 8 >= last_begins and (found, left) == (without_last, content()[:last_begins])
        if not refused and not torn:
            wrong.append(f"bit {bit}: {found}")
    return wrong


def silently_wrong_lines() -> list[str]:
    """Take out or double one line after the other, and tell which changes went unnoticed."""
    wrong = []
    lines = content().splitlines(keepends=True)
    for number in range(len(lines) - 1):
        for changed in (lines[:number] + lines[number + 1 :], lines[: number + 1] + lines[number:]):
            found, _ = start_on(b"".join(changed))
            if found is not None:
                wrong.append(f"line {number}: {found}")
    return wrong


def test_damage_is_noticed_whichever_bit_is_flipped(tell: Tell) -> None:
    assert silently_wrong_bits() == []
    tell(f"{len(content()) * 8 // BITS_EVERY:,} flipped bits, 0 silently wrong")


def test_damage_is_noticed_whichever_line_is_missing_or_doubled() -> None:
    assert silently_wrong_lines() == []


def test_a_store_without_checksums_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "crc32", lambda *_: 0)
    content.cache_clear()
    ends.cache_clear()
    try:
        assert silently_wrong_bits()
    finally:
        content.cache_clear()
        ends.cache_clear()


class TrustingScan(Scan):
    """Planted bug: whatever cannot be read is a torn tail."""

    def batches(self) -> Iterator[list[Record]]:
        try:
            yield from super().batches()
        except StoreDamagedError:
            return


def test_a_store_that_takes_damage_for_a_torn_tail_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "Scan", TrustingScan)
    assert silently_wrong_bits()
    assert silently_wrong_lines()
