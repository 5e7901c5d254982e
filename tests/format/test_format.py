"""A journal that was written once is read for ever: recorded files of each version, with all that can be in one.

Where one of these fails, the format has changed: a journal of somebody out there would be read as something else.
Before the first release the recording may be made anew (`python -m tests.format.story`); after it, a change needs a new
version in `stores/journal/codec.py`, a recording of its own, and a reader for what is there.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from kala_server.core.model import records as r
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.stores.journal.codec import VERSION, decode, encode
from kala_server.stores.journal.journal import JOURNAL, JournalStore
from tests.format.story import HERE, payloads, whole
from tests.owned_store import OwnedStore
from tests.unit.core import invariants

FILES = sorted(HERE.glob("*.jsonl"))
NEWEST = [path for path in FILES if path.stem.endswith(f"-v{VERSION}")]


def read(path: Path, folder: Path) -> list[r.Record]:
    """Read a file as a server does at its start."""
    shutil.copy(path, folder / JOURNAL)
    store = OwnedStore(JournalStore(folder))
    try:
        return store.load()
    finally:
        store.close()


def state_of(records: list[r.Record]) -> State:
    state = State()
    for record in records:
        apply(state, record)
    state.undo.commit()
    return state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


def test_there_is_a_journal_and_a_snapshot_of_this_version() -> None:
    assert [path.stem for path in NEWEST] == [f"journal-v{VERSION}", f"snapshot-v{VERSION}"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_file_is_read_as_what_it_was_with_the_same_defaults(path: Path, folder: Path) -> None:
    known = [json.loads(line) for line in path.with_suffix(".whole").read_bytes().splitlines()]
    records = read(path, folder)
    assert [json.loads(line) for line in whole(records)] == known


@pytest.mark.parametrize("path", NEWEST, ids=lambda path: path.stem)
def test_what_is_read_is_written_as_it_was(path: Path) -> None:
    for name, data in payloads(path.read_bytes()):
        assert encode(decode(name, data)) == (name.encode(), data)


def test_the_journal_and_its_snapshot_lead_to_the_same_state(folder: Path) -> None:
    journal, snapshot = (state_of(read(path, folder)) for path in NEWEST)
    invariants.check(journal)
    invariants.check(snapshot)
    assert invariants.contents(journal) == invariants.contents(snapshot)


def test_everything_that_can_be_recorded_is_in_the_recording_with_each_of_its_fields() -> None:
    recorded: dict[str, set[str]] = defaultdict(set)
    for path in NEWEST:
        for name, data in payloads(path.read_bytes()):
            recorded[name] |= json.loads(data).keys()
            for value in _values_in(decode(name, data)):
                recorded[type(value).__name__] |= _told(value)
    for kind in r.RECORD_TYPES:
        assert recorded[r.kind(kind)] == {field.name for field in fields(kind)}, kind
    for kind in _kinds_of_values():
        assert recorded[kind.__name__] == {field.name for field in fields(kind)}, kind


def _values_in(value: Any) -> Iterator[Any]:
    """Yield the values within a record."""
    for field in fields(value):
        inner = getattr(value, field.name)
        for each in inner if isinstance(inner, tuple) else (inner,):
            if is_dataclass(each):
                yield each
                yield from _values_in(each)


def _told(value: Any) -> set[str]:
    """Return the fields that are not what they are where nothing is said."""
    bare = {field.name: field.default for field in fields(value)}
    return {name for name, default in bare.items() if getattr(value, name) not in (default, {})}


def _kinds_of_values() -> set[type]:
    """Return every class of values that can be in a record."""
    found: set[type] = set()
    queue: list[type] = list(r.RECORD_TYPES)
    for kind in queue:
        for hint in get_type_hints(kind).values():
            for each in (hint, *get_args(hint)):
                if isinstance(each, type) and is_dataclass(each) and each not in found:
                    found.add(each)
                    queue.append(each)
    return found
