"""Many commands that are due at one instant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import sleep
from typing import Any

from tests.bench import documents, limits, load
from tests.bench.bench import Bench
from tests.bench.row import Row, Target, a_hold
from tests.bench.servers import Address

_READ_AT = 2_000
"""Jobs a second that a server is sure to take in before they are due."""
_DONE_AT = 200
"""Commands a second that it is sure to get done."""


def bursts(bench: Bench) -> Iterator[Row]:
    """Let many jobs be due at once, and compare with how fast the machine can spawn."""
    for count in bench.size.bursts:
        yield from _burst(bench, count)
    yield _held(bench, min(bench.size.bursts))


def _burst(bench: Bench, count: int) -> Iterator[Row]:
    rates, shares = [], []
    spawns = []
    for _ in range(min(3, bench.size.rounds)):
        spawns.append(limits.spawn_rate(count))
        rate, share = _once(bench, count)
        rates.append(rate)
        shares.append(share)
    yield Row(
        name=f"burst-{count}",
        what=f"{count:,} × true, due at one instant, until all are done",
        figure=sorted(rates)[len(rates) // 2],
        unit="/s",
        limit=sorted(spawns)[len(spawns) // 2],
        limit_is="posix_spawn and wait",
        target=Target(at_least=0.8),
    )
    yield Row(
        name=f"burst-{count}-order",
        what="of them started in the order in which they were due",
        figure=min(shares) * count,
        unit="runs",
        limit=count,
        limit_is="all",
        target=Target(at_least=1),
    )


def _once(bench: Bench, count: int) -> tuple[float, float]:
    """Return how many commands were done each second, and the share of them that started in their turn."""
    server = bench.new_server()
    due, ids = prepare(bench, server.address, count)
    sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    wait_for(server.address, count)
    jobs = server.address.call("GET", "/job/?stats=true")["jobs"]
    server.stop()
    runs = [jobs[job_id]["stats"][0] for job_id in ids]
    begins = [datetime.fromisoformat(run["ran_at"]) for run in runs]
    ends = [begin + _length(run) for begin, run in zip(begins, runs, strict=True)]
    in_turn = 1 + sum(before <= after for before, after in pairwise(begins))
    return count / (max(ends) - due).total_seconds(), in_turn / count


def prepare(bench: Bench, address: Address, count: int) -> tuple[datetime, list[str]]:
    """Create commands that are due at one instant; return when that is, and their ids."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3 + count // _READ_AT)
    ids = []
    for begin in range(0, count, bench.size.batch):
        numbers = range(begin, min(begin + bench.size.batch, count))
        jobs = [documents.runs_true(number, documents.at(due)) for number in numbers]
        ids += address.call("POST", "/job/batch/", {"jobs": jobs})["ids"]
    return due, ids


def _held(bench: Bench, count: int) -> Row:
    """Ask meanwhile whether the loop is held, in a burst of its own, as who asks takes time from the others."""
    server = bench.new_server()
    idle = load.asking(server.address, bench.size.seconds).result()
    due, _ = prepare(bench, server.address, count)
    seconds = (due - datetime.now(UTC)).total_seconds() + count / _DONE_AT
    asking = load.asking(server.address, seconds)
    wait_for(server.address, count)
    held = asking.result().longest - idle.p50
    server.stop()
    _, bare_held = load.longest_hold(bench.bare, bench.size.seconds, lambda: limits.spawn_rate(count), "/100")
    return a_hold(
        f"burst-{count}",
        "longest hold of the loop meanwhile",
        figure=held,
        limit=bare_held,
        limit_is="the same of a bare Tornado beside the machine's own spawning",
    )


def _length(run: dict[str, Any]) -> timedelta:
    return timedelta(microseconds=run["execution_duration"] // 1000)


def wait_for(address: Address, count: int) -> None:
    """Return when so many runs have succeeded."""
    while True:
        stats = address.call("GET", "/stats/")["Stats"]
        assert not stats["error_count"], stats
        if stats["success_count"] == count:
            return
        sleep(0.25)
