"""What many jobs cost while nothing happens: the time of a start, and memory."""

import json
from collections.abc import Iterator

from tests.bench import limits, servers
from tests.bench.bench import Bench
from tests.bench.row import Row, Target


def memory(bench: Bench) -> Iterator[Row]:
    """Compare what the jobs take in memory with what they take in the journal."""
    yield _memory(bench, "memory", "after their creation", bench.loaded.memory_filled)


def start(bench: Bench) -> Iterator[Row]:
    """Start the loaded server again, and compare with a bare server and the plain reading of the journal."""
    loaded = bench.loaded
    lines = loaded.journal.read_bytes().splitlines()
    loads = limits.best(lambda: [json.loads(line) for line in lines], 1)
    took = loaded.again()
    memory_after = loaded.server.memory()
    bare = servers.bare(bench.folder, bench.compiled)
    bare.address.fetch("GET", "/100")
    bare_took = limits.since(bare.began)
    bare.stop()
    yield Row(
        name="start",
        what=f"start with {bench.size.jobs:,} jobs, to the first answer",
        figure=took,
        unit="s",
        limit=bare_took + loads,
        limit_is="a bare Tornado's start + json.loads of each line",
        target=Target(at_most=3, of="figure"),
    )
    yield _memory(bench, "memory-started", "after that start", memory_after)


def _memory(bench: Bench, name: str, when: str, memory: float) -> Row:
    loaded = bench.loaded
    return Row(
        name=name,
        what=f"memory for each of {bench.size.jobs:,} jobs, {when}",
        figure=(memory - loaded.memory_empty) / bench.size.jobs,
        unit="bytes",
        limit=loaded.journal.stat().st_size / bench.size.jobs,
        limit_is="its line in the journal",
        target=Target(at_most=2_500, of="figure"),
    )
