"""Options for one call, the last answer as it came, and what the `kala` logger is told; of both clients."""

import logging
import subprocess
import sys
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client import RetryPolicy
from kala_client._http import log
from tests.unit.client.answers import ID, JOB, answer

SECRETS = ("canary-token", "canary-env", "canary-url", "canary-body", "canary-header", "canary-cookie")


def test_a_call_can_have_options_of_its_own(connect: Any, serve: Any) -> None:
    server = serve(httpx.ReadError("cut"))
    client = connect(server)
    with pytest.raises(kala.KalaConnectionError):
        client.with_options(retry=RetryPolicy(attempts=1)).get_job(ID)
    assert len(server.requests) == 1
    with pytest.raises(kala.KalaConnectionError):
        client.with_options(timeout=5).get_job(ID)
    assert len(server.requests) == 1 + 3
    with pytest.raises(ValueError, match="a number of seconds above 0"):
        client.with_options(timeout=0)


def test_a_call_with_options_of_its_own_has_its_own_deadline(connect: Any, serve: Any) -> None:
    server = serve(answer({"job": JOB}))
    client = connect(server)
    client.with_options(timeout=5).get_job(ID)
    client.get_job(ID)
    assert [request.extensions["timeout"]["read"] for request in server.requests] == [5, 30]


def test_the_connections_are_those_of_the_first_client(connect: Any, serve: Any) -> None:
    server = serve(answer({"job": JOB}))
    client = connect(server)
    client.with_options(timeout=5).close()
    quick = client.with_options(timeout=5)
    assert client.get_job(ID) == quick.get_job(ID)
    client.close()
    with pytest.raises(kala.KalaConnectionError, match="closed"):
        quick.get_job(ID)


def test_what_is_known_of_the_server_is_known_to_a_client_with_other_options(
    connect: Any, serve: Any
) -> None:
    server = serve(httpx.Response(201, headers={"Kala-Server": "kala-python/1"}, json={"id": ID}))
    client = connect(server)
    client.create_job(name="a")
    client.with_options(timeout=5).create_job(name="a", shell=True)
    assert server.asked == ["POST /api/v1/job/"] * 2


def test_the_last_answer_is_there_as_it_came_after_an_error_too(connect: Any, serve: Any) -> None:
    body = b'{"job":  {"name": "a", "colour": "red"}}'
    server = serve(httpx.Response(200, headers={"X-Mine": "1"}, content=body), answer(status=409))
    client = connect(server)
    assert not client.last_answer
    client.get_job(ID)
    last: kala.Answer = client.last_answer
    assert (last.status, last.headers["x-mine"], last.body) == (200, "1", body)
    with pytest.raises(kala.ConflictError):
        client.with_options(timeout=5).start_job(ID)
    last = client.last_answer
    assert (last.method, last.status) == ("POST", 409)


def a_secret_job() -> kala.Job:
    call = {
        "url": "http://u:canary-url@x/y?k=canary-url",
        "body": "canary-body",
        "headers": {"A": "canary-header"},
    }
    return kala.Job.model_validate(
        {"name": "a", "env": {"PASSWORD": "canary-env"}, "remote_properties": call, "type": 1}
    )


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_the_logger_is_told_each_attempt_and_no_secret(
    connect: Any, serve: Any, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    told = {"Kala-Server": "kala-python/1", "Set-Cookie": "canary-cookie"}
    shown = {"job": a_secret_job().model_dump(mode="json"), "jobs": [5]}
    server = serve(httpx.ReadError("cut"), httpx.Response(200, headers=told, json={"id": ID, **shown}))
    with caplog.at_level(level, "kala"):
        connect(server, token="canary-token").create_job(a_secret_job())
    assert "GET http://kala.test/api/v1/stats/: KalaConnectionError: the connection broke off" in caplog.text
    assert "POST http://kala.test/api/v1/job/: 200 (attempt 1, 0 ms)" in caplog.text
    assert ('"PASSWORD": "***"' in caplog.text) is (level == logging.DEBUG)
    assert ("'Authorization': '***'" in caplog.text) is (level == logging.DEBUG)
    assert not [secret for secret in SECRETS if secret in caplog.text]


def test_what_a_run_has_printed_and_what_is_long_is_told_by_its_size(
    connect: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    printed = httpx.Response(200, content=b"canary")
    jobs = answer({"jobs": {ID: {"name": "canary" * 20_000}}})
    client = connect(serve(printed, jobs))
    with caplog.at_level(logging.DEBUG, "kala"):
        client.output("r1")
        client.get_all_jobs()
    assert "(6 bytes)" in caplog.text
    assert "canary" not in caplog.text


def test_what_is_no_address_and_no_object_is_masked_whole(
    connect: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {"jobs": {}, "url": 5, "env": ["canary"], "headers": {}, "body": ""}
    client = connect(serve(answer(odd), answer({"jobs": {}, "url": "http://[canary"})))
    with caplog.at_level(logging.DEBUG, "kala"):
        client.get_all_jobs()
        client.get_all_jobs()
    assert '{"jobs": {}, "url": "***", "env": "***", "headers": {}, "body": ""}' in caplog.text
    assert '{"jobs": {}, "url": "an address that is none"}' in caplog.text


def written(kala_log: str, before: str = "") -> str:
    """Return what a program with a client of nobody writes to stderr."""
    script = f"""
import httpx, os
{before}
from kala_client import KalaClient
for _ in range(2):
    with KalaClient("http://kala.test", transport=httpx.MockTransport(lambda _: httpx.Response(204))) as kala:
        kala.delete_all_jobs()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env={"KALA_LOG": kala_log}, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_kala_log_has_it_written_to_stderr() -> None:
    assert written("") == ""
    assert written("INFO").count("kala INFO DELETE http://kala.test/api/v1/job/all/: 204 (attempt 1") == 2
    assert written("debug").count("kala DEBUG got") == 2
    assert "KALA_LOG is debug or info, not 'loud'" in written("loud")


def test_a_program_that_says_where_logs_go_has_each_line_once() -> None:
    before = "import logging; logging.basicConfig(format='mine %(message)s')"
    assert written("info", before).count("mine DELETE") == 2
    assert written("info", before).count("DELETE") == 2


def test_kala_log_is_read_when_a_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.Logger("kala of this test")  # noqa: LOG001 - one that has no parent
    monkeypatch.setattr(log, "LOGGER", logger)
    for wish, level, handlers in (("", 0, 0), ("loud", 0, 0), ("info", 20, 1), ("Debug", 10, 1)):
        log.set_up({"KALA_LOG": wish})
        assert (logger.level, len(logger.handlers)) == (level, handlers)
