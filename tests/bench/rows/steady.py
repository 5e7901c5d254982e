"""Many runs each second, beside many jobs that wait: how late they are, and whether all of them happen."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

from tests.bench import documents, limits
from tests.bench.bench import Bench
from tests.bench.row import Row, Target
from tests.bench.servers import Address

_KEPT = 30
"""Runs that each job keeps: the ledger is read before any of them falls out."""
_POLLED = 20
"""Seconds between two looks at the ledger."""


def steady(bench: Bench) -> Iterator[Row]:
    """Let jobs run each second, their starts spread over it evenly."""
    size, loaded = bench.size, bench.loaded
    bare = asyncio.run(limits.bare_lateness(size.rate, min(10.0, size.steady)))
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    ids = _create(loaded.address, begin, size.rate, size.steady)
    runs: dict[str, dict[str, Any]] = {}
    memory_early = 0.0
    for second in range(size.steady + 2):
        sleep(max(0.0, (begin + timedelta(seconds=second) - datetime.now(UTC)).total_seconds()))
        if second == min(_KEPT + 5, size.steady // 2):
            memory_early = loaded.server.memory()
        if second and second % _POLLED == 0:
            _look(loaded.address, ids, runs)
    memory_late = loaded.server.memory()
    _look(loaded.address, ids, runs)
    for job_id in ids:
        loaded.address.call("DELETE", f"/job/{job_id}/")
    succeeded = sum(run["state"] == "succeeded" for run in runs.values())
    late = sorted(_lateness(run) for run in runs.values() if run["started_at"])
    beside = f"beside {size.jobs:,} jobs"
    for name, share, target in (("p50", 0.5, 3), ("p99", 0.99, 20)):
        yield Row(
            name=f"late-{name}",
            what=f"lateness of {size.rate} runs/s {beside}, {name}",
            figure=_at(late, share) * 1000,
            unit="ms",
            limit=_at(bare, share) * 1000,
            limit_is="a bare loop that spawns as often",
            target=Target(at_most=target, of="figure"),
        )
    yield Row(
        name="slots-run",
        what=f"slots of {size.steady} s that ran, each once",
        figure=succeeded,
        unit="runs",
        limit=size.rate * size.steady,
        limit_is="all",
        target=Target(at_least=1, at_most=1),
    )
    yield Row(
        name="memory-flat",
        what="memory at the end of that",
        figure=memory_late / 1e6,
        unit="MB",
        limit=memory_early / 1e6,
        limit_is="the same when the ledgers were just full",
        target=Target(at_most=1.05),
    )


def _create(address: Address, begin: datetime, rate: int, seconds: int) -> list[str]:
    jobs = [
        documents.runs_true(
            number,
            documents.at(begin + timedelta(seconds=1) * number / rate, repeats=seconds - 1),
            keep_runs=_KEPT,
        )
        for number in range(rate)
    ]
    ids: list[str] = address.call("POST", "/job/batch/", {"jobs": jobs})["ids"]
    return ids


def _look(address: Address, ids: list[str], runs: dict[str, dict[str, Any]]) -> None:
    """Take down the runs that the ledger has, without getting in the way."""
    for job_id in ids:
        for run in address.call("GET", f"/job/{job_id}/runs/?limit={_KEPT}")["runs"]:
            runs[run["id"]] = run
        sleep(0.005)


def _lateness(run: dict[str, Any]) -> float:
    begun, due = (datetime.fromisoformat(run[name]) for name in ("started_at", "scheduled_at"))
    return (begun - due).total_seconds()


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
