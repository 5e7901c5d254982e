"""No input makes the server answer 500 or fall silent: pieces of HTTP in any order, and jobs of any shape."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kala_server.web.routes.jobs import Jobs
from tests.faults.conftest import Tell
from tests.faults.figures import MALFORMED_REQUESTS
from tests.server.door import Door, door

PIECES = [
    *(
        b"GET /api/v1/job/ HTTP/1.1\r\n",
        b"POST /api/v1/job/ HTTP/1.1\r\n",
        b"DELETE /api/v1/run/x/ HTTP/1.0\r\n",
    ),
    *(
        b"PATCH /api/v1/job/x/?a=%ff&limit=-1&limit=x HTTP/1.1\r\n",
        b"GET /api/v1/events/?after=x HTTP/1.1\r\n",
    ),
    *(
        b"Host: localhost\r\n",
        b"Origin: null\r\n",
        b"Content-Length: 7\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ),
    *(
        b"Expect: 100-continue\r\n",
        b"Idempotency-Key: \xff\r\n",
        b"Last-Event-ID: a-1\r\n",
        b"Connection: close\r\n",
    ),
    *(b"\r\n", b"\r\n\r\n", b'7\r\n{"a":1}\r\n', b"0\r\n\r\n", b'{"name"', b"\xff\xfe", b"\0", b" "),
]
NAMES = [
    *(
        "name",
        "command",
        "schedule",
        "epsilon",
        "retries",
        "owner",
        "parent_jobs",
        "type",
        "remote_properties",
    ),
    *(
        "timezone",
        "overlap",
        "catch_up",
        "timeout",
        "retry_delay",
        "retry_backoff",
        "env",
        "argv",
        "cwd",
        "tags",
    ),
    *(
        "misfire_grace",
        "wait_for",
        "shell",
        "keep_runs",
        "user",
        "on_failure_job",
        "disabled",
        "is_done",
        "zzz",
    ),
]
TEXTS = [
    *(
        "",
        "a",
        "true",
        "PT1S",
        "P1Y2M",
        "-PT1S",
        "R/2035-06-04T19:25:16Z/P1D",
        "R-1/2035-01-01T00:00:00Z/PT0S",
    ),
    *(
        "R99999999999999999999/2035-01-01T00:00:00Z/PT1S",
        "R/9999-12-31T23:59:59Z/P9999Y",
        "* * * * *",
        "61 * * * *",
    ),
    *(
        "Europe/Berlin",
        "../../etc/passwd",
        "\0",
        "\ud800",
        "\u202e",
        "🕰" * 300,
        "'",
        '"a',
        "a | b",
        "http://[",
        "%",
    ),
]
VALUES: list[Any] = [
    *TEXTS,
    None,
    True,
    0,
    -1,
    1,
    2**63,
    10**30,
    1e308,
    0.5,
    [],
    {},
    [None],
    [[]],
    {"a": "b"},
]


def requests(dice: Random) -> Iterator[bytes]:
    """Yield what a client may send that means no good."""
    while True:
        yield b"".join(dice.choices(PIECES, k=dice.randint(1, 8)))
        job = {name: _value(dice, 3) for name in dice.sample(NAMES, dice.randint(0, 6))}
        for method in (b"POST /api/v1/job/", b"POST /api/v1/job/batch/", b"PUT /api/v1/job/x/"):
            body = json.dumps({"jobs": [job]} if b"batch" in method else job).encode()
            head = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            yield method + head + body


def _value(dice: Random, depth: int) -> Any:
    if depth and dice.random() < 0.2:
        return [_value(dice, depth - 1) for _ in range(dice.randint(0, 3))]
    if depth and dice.random() < 0.2:
        return {dice.choice([*TEXTS, *NAMES]): _value(dice, depth - 1) for _ in range(dice.randint(0, 3))}
    return dice.choice(VALUES)


def faults(opened: Door, number: int) -> list[str]:
    """Send so many, and return what was answered with a fault."""
    wrong = []
    garbage = requests(Random(4))
    for _ in range(number):
        data = next(garbage)
        answer = opened.send(data, finish=True)
        if b"HTTP/1.1 5" in answer or (answer and not answer.startswith(b"HTTP/1.1 ")):
            wrong.append(f"{data!r}: {answer[:300]!r}")
    return wrong


def test_no_500_whatever_is_sent(tmp_path: Path, tell: Tell) -> None:
    with door(tmp_path) as opened:
        assert faults(opened, MALFORMED_REQUESTS) == []
        opened.http.delete("/api/v1/job/all/")
    tell(f"{MALFORMED_REQUESTS:,} malformed requests, 0 answered with a fault")


def test_a_handler_that_believes_what_it_reads_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Jobs.post

    async def trusting(handler: Jobs) -> None:
        json.loads(handler.raw_body())["name"].strip()
        await post(handler)

    monkeypatch.setattr(Jobs, "post", trusting)
    found = []
    with pytest.raises(AssertionError), door(tmp_path) as opened:  # the door itself fails for what is logged
        found += faults(opened, 100)
    assert found
