"""What the client costs: reading a list, a call, the import."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from time import perf_counter

import httpx

from kala_client import KalaClient
from kala_client._calls import builders
from kala_client._calls.answers import Answer
from tests.bench import documents, limits, servers
from tests.bench.bench import Bench
from tests.bench.row import Row, Target
from tests.bench.servers import API

_CALLS_A_TURN = 50


def decode(bench: Bench) -> Iterator[Row]:
    """Compare the models of a list with the plain reading of its JSON."""
    server = bench.new_server()
    jobs = [documents.waiting(number) for number in range(bench.size.decoded)]
    server.address.call("POST", "/job/batch/", {"jobs": jobs})
    body = server.address.fetch("GET", f"{API}/job/")
    server.stop()
    # In a process of its own, as a program's is: what other rows left of the suite's memory is in nobody's way.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as program:
        jobs_read, *times = program.submit(_decoding, body, bench.size.repeats).result()
    assert jobs_read == bench.size.decoded
    yield Row(
        name="decode",
        what=f"SDK: decoding get_all_jobs of {bench.size.decoded:,} jobs",
        figure=times[0] * 1000,
        unit="ms",
        limit=times[1] * 1000,
        limit_is="json.loads of the same bytes",
        target=Target(at_most=2),
    )


def _decoding(body: bytes, repeats: int) -> tuple[int, float, float]:
    """Return how many jobs there are, and how many seconds the models and `json.loads` take."""
    answer = Answer(method="GET", url=servers.API, status=200, headers={}, body=body)
    call = builders.get_all_jobs()
    ours, plain = limits.best_in_turns([lambda: call.decode(answer), lambda: json.loads(body)], repeats)
    return len(call.decode(answer)), ours, plain


def call(bench: Bench) -> Iterator[Row]:
    """Compare a call with the same request by httpx alone, whose JSON is read too."""
    job_id = bench.empty.call("POST", "/job/", documents.waiting(0))["id"]
    url = f"{bench.empty.url}{API}/job/{job_id}/"
    ours, bare = [], []
    with KalaClient(bench.empty.url) as client, httpx.Client() as http:
        for _ in range(bench.size.repeats * 4):
            ours.append(_each(lambda: client.get_job(job_id)))
            bare.append(_each(lambda: http.get(url).json()))
    yield Row(
        name="call",
        what="SDK: one call, get_job",
        figure=median(ours) * 1000,
        unit="ms",
        limit=median(bare) * 1000,
        limit_is="httpx.Client.get(…).json()",
        target=Target(at_most=1.15),
    )


def importing(bench: Bench) -> Iterator[Row]:
    """Compare the import, and the lines that people write, with what they need: pydantic is lazy itself."""
    needed = "import httpx, pydantic"
    with_a_model = f"{needed}; pydantic.create_model('A', a=int)"
    lines = {
        "import": ("import kala_client", needed),
        "import-client": ("from kala_client import KalaClient", needed),
        "import-models": ("from kala_client import Job, KalaClient", with_a_model),
    }
    times: dict[str, list[float]] = {line: [] for pair in lines.values() for line in pair}
    for _ in range(bench.size.repeats):
        for line, taken in times.items():
            taken.append(_import(bench, line))
    for name, (ours, limit) in lines.items():
        yield Row(
            name=name,
            what=ours,
            figure=min(times[ours]) * 1000,
            unit="ms",
            limit=min(times[limit]) * 1000,
            limit_is=limit,
            target=Target(at_most=1.15),
        )


def _each(work: limits.Work) -> float:
    began = perf_counter()
    for _ in range(_CALLS_A_TURN):
        work()
    return (perf_counter() - began) / _CALLS_A_TURN


def _import(bench: Bench, line: str) -> float:
    """Return how many seconds of the processor an import takes in an interpreter of its own."""
    script = f"import time; began = time.process_time(); {line}; print(time.process_time() - began)"
    return float(
        subprocess.check_output([sys.executable, "-c", script], env=servers.environment(bench.compiled))
    )
