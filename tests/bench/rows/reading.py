"""How fast a server answers what people and programs look at: one job, the figures, the list."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from time import perf_counter, sleep

from kala_client.clock import utc_now
from tests.bench import load
from tests.bench.bench import Bench
from tests.bench.row import Row, Target, a_hold
from tests.bench.servers import API, Address

_DAY = timedelta(days=1)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def get(bench: Bench) -> Iterator[Row]:
    """Compare one job with as many bytes of nothing."""
    path = f"{API}/job/{bench.loaded.ids[0]}/"
    size = len(bench.loaded.address.fetch("GET", path))
    seconds = bench.size.seconds
    plans = {
        "bare": load.request(bench.bare, "GET", f"/{size}", seconds=seconds),
        "ours": load.request(bench.loaded.address, "GET", path, seconds=seconds),
    }
    if bench.live is not None:
        plans["live"] = load.request(bench.live, "GET", f"{API}/job/{bench.live_ids[0]}/", seconds=seconds)
    rates = bench.in_turns(plans)
    yield Row(
        name="get",
        what="get one job, 16 connections",
        figure=rates["ours"],
        unit="/s",
        limit=rates["bare"],
        limit_is="a bare Tornado GET",
        target=Target(at_least=0.85),
        live=rates.get("live"),
    )


def stats(bench: Bench) -> Iterator[Row]:
    """Compare the figures of a server without jobs with those of one that has many."""
    where = {"empty": bench.empty, "loaded": bench.loaded.address}
    if bench.live is not None and bench.live_ids:
        where["live"] = bench.live
    seconds = bench.size.seconds
    rates = bench.in_turns(
        {name: load.request(each, "GET", f"{API}/stats/", seconds=seconds) for name, each in where.items()}
    )
    yield Row(
        name="stats",
        what=f"server statistics of {bench.size.jobs:,} jobs",
        figure=rates["loaded"],
        unit="/s",
        limit=rates["empty"],
        limit_is="the same of 0 jobs",
        target=Target(at_least=0.85, at_most=1.15),
        live=rates.get("live"),
    )


def finding(bench: Bench) -> Iterator[Row]:
    """Look for a job that is not there among all, and ask meanwhile whether the loop is held."""
    path = "/job/?q=no-such-report&limit=50"
    yield from _looked_at(
        bench, bench.loaded.address, "find", "looking for a part of a name among", path, most=50, held=20
    )


def glances(bench: Bench) -> Iterator[Row]:
    """Ask a busy server for what its page shows of all jobs, and meanwhile whether the loop is held."""
    by_state = "/job/?view=row&sort=state&limit=100"
    now, two_days = utc_now(), f"from={{:{_TIME}}}&to={{:{_TIME}}}"
    day = two_days.format(now - _DAY, now + _DAY)
    for name, what, path, most in (
        ("rows", "100 rows of the list by state, of", by_state, 50),
        (
            "rows-far",
            "100 rows from the midst of it, of",
            f"{by_state}&offset={bench.size.jobs * 6 // 10}",
            50,
        ),
        ("timeline", "100 rows of a timeline of", f"/timeline/?limit=100&width=1000&{day}", 50),
        ("summary", "the summary of two days of", f"/summary/?{day}", 20),
    ):
        yield from _looked_at(bench, bench.busy, name, what, path, most=most, held=5)


def _looked_at(
    bench: Bench, ours: Address, name: str, what: str, path: str, *, most: float, held: float
) -> Iterator[Row]:
    """Compare an answer about all jobs with as many bytes of nothing: how long it takes, and the loop is held by it."""
    size = len(ours.fetch("GET", API + path))
    took, bare = [], []
    for _ in range(bench.size.repeats):
        took.append(_download(ours, API + path)[0])
        bare.append(_download(bench.bare, f"/{size}")[0])
    yield Row(
        name=name,
        what=f"{what} {bench.size.jobs:,} jobs",
        figure=min(took) * 1000,
        unit="ms",
        limit=min(bare) * 1000,
        limit_is="a bare Tornado GET",
        target=Target(at_most=most, of="figure"),
    )
    _, for_seconds = load.longest_hold(
        ours, bench.size.seconds, lambda: _download(ours, API + path), f"{API}/stats/"
    )
    _, bare_held = load.longest_hold(
        bench.bare, bench.size.seconds, lambda: _download(bench.bare, f"/{size}"), "/100"
    )
    yield a_hold(
        name,
        "longest hold of the loop meanwhile",
        figure=for_seconds,
        limit=bare_held,
        limit_is="the same beside the bare GET",
        at_most=held,
    )


def listing(bench: Bench) -> Iterator[Row]:
    """List every job, for the first time after a start and again, and ask meanwhile whether the loop is held."""
    loaded, jobs = bench.loaded, bench.size.jobs
    idle = load.asking(loaded.address, bench.size.seconds).result()
    started = loaded.again()
    for name, when, before, most in (
        ("list-first", "the first, start included", started, 3.25),
        ("list", "and the next", 0.0, 0.25),
    ):
        asking = load.asking(loaded.address, 2 * bench.size.seconds)
        sleep(0.1)
        took, size = _download(loaded.address, f"{API}/job/")
        held = asking.result().longest - idle.p50
        limit, bare_held = _bare_list(bench, size)
        yield Row(
            name=name,
            what=f"list of {jobs:,} jobs ({size / 1e6:,.0f} MB), {when}",
            figure=before + took,
            unit="s",
            limit=limit,
            limit_is="a bare Tornado stream",
            target=Target(at_most=most, of="figure"),
            live=_live_list(bench) if name == "list" else None,
        )
        yield a_hold(
            name,
            f"longest hold of the loop meanwhile, {when}",
            figure=held,
            limit=bare_held,
            limit_is="the same beside the bare stream",
        )
    yield Row(
        name="memory-listed",
        what=f"memory for each of {jobs:,} jobs, with the JSON of the list",
        figure=(loaded.server.memory() - loaded.memory_empty) / jobs,
        unit="bytes",
        limit=size / jobs,
        limit_is="its JSON",
        target=Target(at_most=2_500, of="figure"),
    )


def _bare_list(bench: Bench, size: int) -> tuple[float, float]:
    """Return how long it takes to stream as many bytes ready-made, and how long the loop is held by that."""
    path = f"/{bench.size.jobs}/{size // bench.size.jobs}"
    (took, _), held = load.longest_hold(
        bench.bare, bench.size.seconds, lambda: _download(bench.bare, path), "/100"
    )
    return took, held


def _live_list(bench: Bench) -> float | None:
    if bench.live is None or not bench.live_ids:
        return None
    took, _ = _download(bench.live, f"{API}/job/")
    return took


def _download(address: Address, path: str) -> tuple[float, int]:
    """Return how many seconds an answer takes, and how many bytes it has."""
    head = f"GET {path} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\nConnection: close\r\n\r\n"
    buffer = bytearray(1 << 20)
    size = 0
    with socket.create_connection((address.host, address.port)) as connection:
        began = perf_counter()
        connection.sendall(head.encode())
        while received := connection.recv_into(buffer):
            if not size:
                assert buffer[9:12] == b"200", bytes(buffer[:200])
            size += received
        return perf_counter() - began, size
