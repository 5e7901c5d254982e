"""A journal with a snapshot and batches of all sizes, as bytes, and what a start on any other bytes gives."""

import asyncio
import json
from functools import cache

from kala_server.ports.store import StoreError
from tests.faults.simulated_disk import SimulatedDisk
from tests.faults.witness import Names, Witness, load

JOURNAL = "journal.jsonl"


@cache
def content() -> bytes:
    """Return a whole journal."""
    witness = Witness(SimulatedDisk(), every=10_000)

    async def life() -> None:
        await witness.append("a1")
        await witness.compact("s1", "s2")
        await witness.append("b1")
        await witness.append("c1", "c2", "c3")
        await witness.append("d1")
        await witness.append("e1", "e2")

    witness.start()
    asyncio.run(life())
    witness.store.close()
    assert witness.violations == []
    return witness.disk.seen()[JOURNAL]


@cache
def ends() -> list[tuple[int, Names]]:
    """Return where the snapshot and then each batch ends, and all that is kept up to there."""
    found: list[tuple[int, Names]] = []
    position, kept = 0, ()
    for line in content().splitlines(keepends=True):
        position += len(line)
        record = json.loads(line)
        kept = (*kept, *([record["data"]["run_id"]] if record["type"] == "run_started" else []))
        whole_snapshot = found or record["type"] == "snapshot_ended"
        if whole_snapshot and record["left"] == 0:
            found.append((position, kept))
    return found


def start_on(journal: bytes) -> tuple[Names | None, bytes]:
    """Return what a start gives, None where it refuses, and the journal afterwards."""
    try:
        found, disk = load({JOURNAL: journal})
    except StoreError:
        return None, journal
    return found, disk.seen()[JOURNAL]
