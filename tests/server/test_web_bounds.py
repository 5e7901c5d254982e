"""What is refused costs little: what is in a body is counted while it comes in, and the jobs of a batch are asked about
before one of them is kept.
"""

import http.client
import json
import os
import time
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.faults.server_child import server_child
from tests.server.turns_of_the_loop import watched

LARGE = 24 << 20
LONGEST_TURN = 0.1
"""Seconds of processor time: five times what is promised, as other threads of the test take part of it."""


def sent(url: str, path: str, body: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("POST", f"/api/v1{path}", body=body)
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, told


def filled(begin: bytes, unit: bytes) -> bytes:
    return begin + unit * ((LARGE - len(begin)) // len(unit))


BODIES = {
    "arrays beside each other": (b"", b"[],"),
    "arrays": (b'{"jobs":[', b"[],"),
    "objects": (b'{"jobs":[', b"{},"),
    "numbers": (b'{"jobs":[', b"0,"),
    "one number": (b'{"jobs":[', b"1"),
    "texts": (b'{"jobs":[', b'"a",'),
    "one text": (b'{"jobs":["', b"\\ud83d\\ude00"),
    "texts without commas": (b'{"jobs":[', b'"a"'),
    "an environment of arrays": (b'{"jobs":[{"env":[', b"[],"),
    "nothing but depth": (b"", b"["),
    "depth again and again": (b'{"jobs":[', b"[[[[]]]],"),
    "an unknown member": (b'{"x":[', b"[],"),
    "one name twice": (b"{", b'"a":1,'),
    "space": (b"", b" "),
    "space before the end": (b'{"jobs":[]', b"\n"),
    "no JSON": (b"", b"\0"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_large_body_of_little_is_refused_in_words_and_costs_no_memory(kind: str, tmp_path: Path) -> None:
    body = filled(*BODIES[kind])
    with server_child(tmp_path / "data") as server:
        before = server.memory()
        status, told = sent(server.url, "/job/batch/", body)
        assert status == 400
        assert '"detail":"' in told
        assert most_memory(server.pid) - before < 2 * LARGE
        eventually(lambda: server.memory() - before < LARGE)  # once the connection is gone


def most_memory(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) << 10


A_JOB = {"name": "a job", "command": "true", "schedule": "R/2035-06-04T19:25:16Z/P1D"}
DENSE: dict[str, tuple[int, dict[str, object]]] = {
    "many tags": (900, {"tags": [str(number) for number in range(900)]}),
    "many variables": (900, {"env": {f"A{number}": "" for number in range(900)}}),
    "many codes": (
        900,
        {"type": 1, "remote_properties": {"url": "http://h/", "expected_response_codes": [200] * 900}},
    ),
    "many parents": (900, {"parent_jobs": ["none"] * 900}),
    "many jobs": (9_900, {}),
    "wide texts": (1_500, {"description": "x" * 5_000 + "\N{GRINNING FACE}"}),
}
ENDS = {"wrong in kind": {"name": 1}, "wrong in what it means": {**A_JOB, "epsilon": "x"}, "no JSON": None}
"""The last job of a batch."""
A_LITTLE = 2 << 20
"""Bytes that the server may take for anything that it does first: a document of some hundred kilobytes is small."""


def dense(kind: str, end: str) -> bytes:
    count, more = DENSE[kind]
    jobs = [{**A_JOB, **more, "name": f"job {number}"} for number in range(count)]
    body = json.dumps({"jobs": [*jobs, ENDS[end]]}, ensure_ascii=False).encode()
    return body if ENDS[end] else body.removesuffix(b"null]}")


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("end", ENDS)
def test_a_batch_that_is_refused_for_its_last_job_keeps_none_of_the_others(
    kind: str, end: str, tmp_path: Path
) -> None:
    body = dense(kind, end)
    with server_child(tmp_path / "data") as server:
        before = server.memory()
        status, told = sent(server.url, "/job/batch/", body)
        assert status == 400
        assert "jobs[" in told
        assert most_memory(server.pid) - before < 2 * len(body) + A_LITTLE


@pytest.mark.parametrize("kind", BODIES)
def test_a_large_body_of_little_holds_up_nobody(kind: str) -> None:
    with watched() as there:
        there.begin()
        assert sent(there.server.url, "/job/batch/", filled(*BODIES[kind]))[0] == 400
        assert there.longest < LONGEST_TURN


@pytest.mark.parametrize("unit", ["[],", "{},", "0,", '"a",', '"a"', "\\ud83d\\ude00", "\\\\"])
def test_a_mebibyte_for_one_job_holds_up_nobody(unit: str) -> None:
    begin = '{"name": "x", "command": "true", "tags": ['
    with watched() as there:
        there.begin()
        body = (begin + unit * (((1 << 20) - len(begin)) // len(unit))).encode()
        assert sent(there.server.url, "/job/", body)[0] == 400
        assert there.longest < LONGEST_TURN


def test_a_server_that_reads_a_large_body_ends_as_it_is_asked(tmp_path: Path) -> None:
    with server_child(tmp_path / "data") as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        connection.putrequest("POST", "/api/v1/job/batch/")
        connection.putheader("Content-Length", str(LARGE))
        connection.endheaders(b'{"jobs":[' + b"[]," * (1 << 20))
        began = time.monotonic()
        os.kill(server.pid, 15)
        server.gone()
        assert time.monotonic() - began < 10
        connection.close()
