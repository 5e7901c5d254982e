"""A journal that is cut at any byte is the batches that are whole before it: no more, no less, and never a part."""

import pytest

from kala_server.stores.journal import journal
from tests.faults.a_journal import content, ends, start_on
from tests.faults.test_acknowledged_survives_a_power_cut import DroppingScan, ForgetfulScan


def wrong_cuts() -> list[str]:
    """Cut the journal at every byte behind its snapshot, and tell where something else came of it."""
    wrong = []
    for size in range(ends()[0][0], len(content()) + 1):
        found, left = start_on(content()[:size])
        end, whole = [(end, kept) for end, kept in ends() if end <= size][-1]
        if (found, left) != (whole, content()[:end]):
            wrong.append(f"cut at byte {size}: {found}")
    return wrong


def test_a_torn_tail_recovers_wherever_it_is_cut() -> None:
    assert len(ends()) == 5
    assert wrong_cuts() == []


@pytest.mark.parametrize("mutant", [DroppingScan, ForgetfulScan])
def test_a_store_that_keeps_more_or_less_is_noticed(mutant: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "Scan", mutant)
    assert wrong_cuts()
