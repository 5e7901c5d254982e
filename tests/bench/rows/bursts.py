"""Many commands that are due at one instant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import sleep
from typing import Any

from tests.bench import documents, limits
from tests.bench.bench import MOST_A_CALL, Bench
from tests.bench.row import Row, Target
from tests.bench.servers import Address

_READ_AT = 2_000
"""Jobs a second that a server is sure to take in before they are due."""


def bursts(bench: Bench) -> Iterator[Row]:
    """Let many jobs be due at once, and compare with how fast the machine can spawn."""
    for count in bench.size.bursts:
        yield from _burst(bench, count)


def _burst(bench: Bench, count: int) -> Iterator[Row]:
    rates, shares = [], []
    spawns = []
    for _ in range(min(3, bench.size.rounds) if count <= MOST_A_CALL / 10 else 1):
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
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3 + count // _READ_AT)
    ids = []
    for begin in range(0, count, bench.size.batch):
        numbers = range(begin, min(begin + bench.size.batch, count))
        jobs = [documents.runs_true(number, documents.at(due)) for number in numbers]
        ids += server.address.call("POST", "/job/batch/", {"jobs": jobs})["ids"]
    sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    _wait_for(server.address, count)
    jobs = server.address.call("GET", "/job/?stats=true")["jobs"]
    server.stop()
    runs = [jobs[job_id]["stats"][0] for job_id in ids]
    begins = [datetime.fromisoformat(run["ran_at"]) for run in runs]
    ends = [begin + _length(run) for begin, run in zip(begins, runs, strict=True)]
    in_turn = 1 + sum(before <= after for before, after in pairwise(begins))
    return count / (max(ends) - due).total_seconds(), in_turn / count


def _length(run: dict[str, Any]) -> timedelta:
    return timedelta(microseconds=run["execution_duration"] // 1000)


def _wait_for(address: Address, count: int) -> None:
    while True:
        stats = address.call("GET", "/stats/")["Stats"]
        assert not stats["error_count"], stats
        if stats["success_count"] == count:
            return
        sleep(0.25)
