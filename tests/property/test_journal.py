"""Any sequence of batches, compactions and reloads gives back the records since the last snapshot, in order."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.model.records import Record, RunStarted
from kala_server.stores.journal.journal import JournalStore
from tests.owned_store import OwnedStore

AT = datetime(2024, 5, 1, tzinfo=UTC)
RECORDS = st.lists(
    st.builds(
        RunStarted, run_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=20), at=st.just(AT)
    ),
    max_size=5,
)
STEPS = st.lists(st.tuples(st.sampled_from(["append", "compact", "reload"]), RECORDS), max_size=12)


@given(STEPS)
def test_a_journal_gives_back_what_was_put_into_it(steps: list[tuple[str, list[Record]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected: list[Record] = []
        store = OwnedStore(JournalStore(Path(folder)))
        assert store.load() == []
        for step, records in steps:
            if step == "append":
                asyncio.run(store.append(records))
                expected += records
            elif step == "compact":
                asyncio.run(store.compact(records))
                expected = list(records)
            else:
                store.close()
                store = OwnedStore(JournalStore(Path(folder)))
                assert store.load() == expected
        store.close()
        again = OwnedStore(JournalStore(Path(folder)))
        assert again.load() == expected
        assert again.store.mended is None
        again.close()
