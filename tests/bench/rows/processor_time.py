"""What a run and a job cost: processor time of our own processes, without what the commands themselves take."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import median
from time import sleep

from tests.bench import documents, limits, processor
from tests.bench.bench import Bench
from tests.bench.row import Row, Target
from tests.bench.rows import bursts
from tests.bench.servers import API, Server

_AT_REST = 0.5
"""Seconds in which a server comes to rest."""

Pair = tuple[float, float]
"""Seconds that we took, and the limit."""


def a_run(bench: Bench) -> Iterator[Row]:
    """Compare what runs take of server and worker with the same commands, started and waited for."""
    count = min(bench.size.bursts)
    pairs = []
    for _ in range(bench.size.rounds):
        spawning = processor.used_here(lambda: limits.spawn_rate(count))
        pairs.append((_runs(bench, count), spawning))
    yield _row(
        "cpu-run",
        f"processor time of server and worker for each of {count:,} × true",
        pairs,
        count,
        limit_is="posix_spawn and wait",
        at_most=450,
    )


def _runs(bench: Bench, count: int) -> float:
    server = bench.new_server()
    due, _ = bursts.prepare(bench, server.address, count)
    sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - _AT_REST))
    before = processor.used_by_all(server.pid)
    bursts.wait_for(server.address, count)
    after = processor.used_by_all(server.pid)
    server.stop()
    return after - before


def a_job(bench: Bench) -> Iterator[Row]:
    """Compare what each job of a batch takes with the reading of its JSON."""
    count = bench.size.batch
    body = documents.to_bytes({"jobs": [documents.waiting(number) for number in range(count)]})
    server = bench.new_server()
    pairs = []
    for _ in range(bench.size.rounds):
        reading = processor.used_here(lambda: json.loads(body))
        pairs.append((_batch(server, body), reading))
    server.stop()
    yield _row(
        "cpu-batch",
        f"processor time of the server for each job of a batch of {count:,}",
        pairs,
        count,
        limit_is="json.loads of the body",
        at_most=35,
    )


def _batch(server: Server, body: bytes) -> float:
    before = processor.used(server.pid)
    server.address.fetch("POST", f"{API}/job/batch/", body)
    sleep(_AT_REST)  # some of it is done after the answer
    return processor.used(server.pid) - before


def a_start(bench: Bench) -> Iterator[Row]:
    """Compare what each job takes at a start with the reading of its line; what any start takes is taken off."""
    lines = bench.loaded.journal.read_bytes().splitlines()
    pairs = []
    for _ in range(min(3, bench.size.rounds)):
        reading = processor.used_here(lambda: [json.loads(line) for line in lines])
        empty = bench.new_server()
        any_start = _at_rest(empty)
        empty.stop()
        bench.loaded.again()
        pairs.append((_at_rest(bench.loaded.server) - any_start, reading))
    yield _row(
        "cpu-start",
        f"processor time of the server for each of {bench.size.jobs:,} jobs at its start",
        pairs,
        bench.size.jobs,
        limit_is="json.loads of its line",
        at_most=22,
    )


def _at_rest(server: Server) -> float:
    sleep(_AT_REST)
    return processor.used(server.pid)


def _row(name: str, what: str, pairs: Sequence[Pair], each: int, *, limit_is: str, at_most: float) -> Row:
    """Return the median of what each took, and of the limits."""
    ours, limit = (median(taken) / each * 1e6 for taken in zip(*pairs, strict=True))
    return Row(
        name=name,
        what=what,
        figure=ours,
        unit="µs",
        limit=limit,
        limit_is=limit_is,
        target=Target(at_most=at_most, of="figure"),
    )
