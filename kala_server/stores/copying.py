"""Copying all that a store keeps into another one that is empty, and looking whether it is there.

Both are acquired, so no server uses them meanwhile. Outputs go first, and all records as one snapshot: a copy that was
cut off leaves an empty store, and can be begun anew. Memory is taken for the state, once, and 16 bytes for a record.
"""

from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b

from kala_server.core.model.records import Record, kind
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.outputs.bounded import BoundedOutput
from kala_server.outputs.kept import Outputs
from kala_server.ports.store import Fence, Store, StoreError
from kala_server.stores.journal.codec import encode

_DIGEST = 16
_ANY_SIZE = 1 << 40


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is not acquired yet."""

    name: str
    """As people may see it."""
    store: Store
    outputs: Outputs
    """Where is kept what runs print."""


Open = Callable[[], Opened]
"""Opens one, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied."""

    source: str
    target: str
    jobs: int
    runs: int
    records: int
    output: int
    """In bytes, of all runs."""


async def copy(source: Open, target: Open) -> Copied:
    """Copy everything. Raises StoreError; where that is before the end no server finds anything in the target."""
    async with _owned(source) as (here, _), _owned(target) as (there, fence):
        await _check_is_empty(there)
        state = await _loaded(here)
        output = await to_thread(_outputs_copied, list(state.runs), here.outputs, there.outputs)
        written = _Digests()
        await there.store.compact(fence, written.of_each(state.snapshot()))
    await _check_is_the_same(target, written)
    return Copied(
        source=here.name,
        target=there.name,
        jobs=len(state.jobs),
        runs=len(state.runs),
        records=written.number,
        output=output,
    )


@asynccontextmanager
async def _owned(place: Open) -> AsyncIterator[tuple[Opened, Fence]]:
    try:
        opened = place()
    except OSError as error:
        raise StoreError(f"what runs have printed is out of reach: {error}") from error
    try:
        yield opened, await opened.store.acquire()
    finally:
        await opened.store.close()


async def _check_is_empty(there: Opened) -> None:
    async for batch in there.store.load():
        if batch.records:
            raise StoreError(
                f"something is kept in {there.name} already: name one that is empty or not there"
            )


async def _loaded(here: Opened) -> State:
    state = State()
    async for batch in here.store.load():
        for record in batch.records:
            apply(state, record)
        state.undo.commit()
    if "created_at" not in state.times:
        raise StoreError(f"nothing is kept in {here.name}")
    return state


def _outputs_copied(run_ids: Iterable[str], here: Outputs, there: Outputs) -> int:
    try:
        return sum(_output_copied(run_id, here, there) for run_id in run_ids)
    except OSError as error:
        raise StoreError(f"what runs have printed cannot be copied, so nothing was: {error}") from error


def _output_copied(run_id: str, here: Outputs, there: Outputs) -> int:
    """Copy what a run has printed, and return how many bytes of it there are."""
    output = BoundedOutput(_ANY_SIZE, _ANY_SIZE)
    for piece in here.load(run_id):
        output.put(piece)
    if not output.size:
        return 0
    there.save(run_id, output.kept())
    if there.read(run_id) != output.text():
        raise StoreError(f"what run {run_id} has printed is not what was written: nothing else was copied")
    return sum(len(piece.text) for piece in output.kept())


class _Digests:
    """What records say, one after the other, in little room."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    @property
    def number(self) -> int:
        return len(self._bytes) // _DIGEST

    def of_each(self, records: Iterable[Record]) -> Iterator[Record]:
        """Give the records, and take down what each says."""
        for record in records:
            self._bytes += _digest(record)
            yield record

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._bytes[place * _DIGEST : (place + 1) * _DIGEST])


def _digest(record: Record) -> bytes:
    name, data = encode(record)
    return blake2b(name + b" " + data, digest_size=_DIGEST).digest()


async def _check_is_the_same(target: Open, written: _Digests) -> None:
    """Read all of it anew, record by record."""
    place = 0
    async with _owned(target) as (there, _):
        async for batch in there.store.load():
            for record in batch.records:
                if _digest(record) != written[place]:
                    which = f"record {place + 1} in {there.name}, a {kind(type(record))},"
                    raise StoreError(f"{which} is not what was written: it is no copy")
                place += 1
    if place < written.number:
        raise StoreError(f"{there.name} has {place} records of {written.number}: it is no copy")
