"""How fast jobs are created, durably: one a request, and many."""

import json
from collections.abc import Iterator
from statistics import median

from tests.bench import documents, limits, load
from tests.bench.bench import Bench
from tests.bench.row import Row, Target
from tests.bench.servers import API, Address

_BODY = documents.to_bytes(documents.waiting(0))


def create(bench: Bench) -> Iterator[Row]:
    """Compare 16 connections that create with 16 that talk to a handler that does nothing."""
    plans = {
        "bare": load.request(bench.bare, "POST", "/", _BODY, seconds=bench.size.seconds),
        "ours": _creating(bench, bench.new_server().address),
    }
    if bench.live is not None:
        plans["live"] = _creating(bench, bench.live)
    rates = bench.in_turns(plans)
    if bench.live is not None:
        bench.live_ids  # noqa: B018 - they are deleted at the end
    yield Row(
        name="create",
        what="durable creation, 16 connections",
        figure=rates["ours"],
        unit="/s",
        limit=rates["bare"],
        limit_is="a bare Tornado POST",
        target=Target(at_least=0.6),
        live=rates.get("live"),
    )


def flat(bench: Bench) -> Iterator[Row]:
    """Compare a server without jobs with one that has many."""
    rates = bench.in_turns(
        {"empty": _creating(bench, bench.empty), "loaded": _creating(bench, bench.loaded.address)}
    )
    yield Row(
        name="create-loaded",
        what=f"durable creation beside {bench.size.jobs:,} jobs",
        figure=rates["loaded"],
        unit="/s",
        limit=rates["empty"],
        limit_is="the same from 0 jobs on",
        target=Target(at_least=0.85, at_most=1.15),
    )


def batch(bench: Bench) -> Iterator[Row]:
    """Compare the calls that filled the loaded server with what no server could leave out."""
    loaded = bench.loaded
    jobs = min(bench.size.batch, bench.size.jobs)
    lines = b"x" * (loaded.journal.stat().st_size // bench.size.jobs * jobs)
    least = limits.best(lambda: json.loads(loaded.batch_body), bench.size.repeats)
    least += limits.best(lambda: limits.append(bench.folder, lines), bench.size.repeats)
    yield Row(
        name="batch",
        what=f"batch creation, {jobs:,} a call",
        figure=jobs / median(loaded.batch_seconds),
        unit="jobs/s",
        limit=jobs / least,
        limit_is="json.loads of the body + append and fdatasync",
        target=Target(at_least=30_000, of="figure"),
    )


def _creating(bench: Bench, address: Address) -> load.Plan:
    return load.request(address, "POST", f"{API}/job/", _BODY, seconds=bench.size.seconds)
