"""The stores that the contract is held against."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_server.store.journal import JournalStore
from kala_server.store.memory import MemoryStore
from kala_server.store.protocol import Store


@pytest.fixture(params=["journal", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new store that nobody has loaded yet."""
    made: Store = JournalStore(tmp_path / "data") if request.param == "journal" else MemoryStore()
    yield made
    made.close()
