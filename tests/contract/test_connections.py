"""Whose connections are used: by children of a process, by loops and threads, after the end; and by which way."""

import asyncio
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from kala_client import AsyncKalaClient, KalaClient, KalaConnectionError, RetryPolicy
from kala_server.testing import running_server
from tests.blocking import Kind, client_of

CLIENTS: dict[Kind, type[Any]] = {"sync": KalaClient, "async": AsyncKalaClient}
GIVEN = {
    "ours": {"sync": "{}", "async": "{}"},
    "http_client": {
        "sync": "{'http_client': httpx.Client()}",
        "async": "{'http_client': httpx.AsyncClient()}",
    },
    "transport": {
        "sync": "{'transport': httpx.HTTPTransport()}",
        "async": "{'transport': httpx.AsyncHTTPTransport()}",
    },
}
FORKS = """
import asyncio, os, sys
import httpx
from kala_client import AsyncKalaClient, KalaClient, KalaConnectionError, RetryPolicy

kind, url, options = sys.argv[1], sys.argv[2], eval(sys.argv[3])
loop = asyncio.new_event_loop()
with KalaClient(url) as kala:
    ids = [kala.create_job(name=f"{n}", command="true", schedule="R/2035-06-04T03:00:00Z/P1D") for n in range(4)]
client = {"sync": KalaClient, "async": AsyncKalaClient}[kind](url, retry=RetryPolicy(attempts=1), **options)

def ask(job_id, run):
    made = client.get_job(job_id)
    return (made if kind == "sync" else run(made)).id

def child(job_id):
    for _ in range(20):
        try:
            if ask(job_id, asyncio.run) != job_id:
                return 1
        except KalaConnectionError as error:
            if "another event loop or process" not in str(error):
                return 2
            return 3
    return 0

assert ask(ids[0], loop.run_until_complete) == ids[0]
children = []
for job_id in ids:
    if (pid := os.fork()) == 0:
        os._exit(child(job_id))
    children.append(pid)
for _ in range(20):
    assert ask(ids[0], loop.run_until_complete) == ids[0]
print(sorted({os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children}))
closing = client.close()
if kind == "async":
    loop.run_until_complete(closing)
    if given := options.get("http_client"):
        loop.run_until_complete(given.aclose())
elif given := options.get("http_client"):
    given.close()
loop.close()
"""


@contextmanager
def encrypted(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a server over TLS; yields its address, and a file with the certificate to trust."""
    authority = trustme.CA()
    files = {name: str(folder / f"{name}.pem") for name in ("ca", "both")}
    authority.cert_pem.write_to_path(files["ca"])
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files["both"])
    with running_server(tls_cert=files["both"]) as server:
        yield server.url, files["ca"]


def forked(kind: Kind, url: str, given: str, **environment: str) -> str:
    """Run a program that forks while its client has a connection; return how its children have ended."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKS, kind, url, GIVEN[given][kind]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("given", ["ours", "http_client", "transport"])
def test_children_of_a_process_never_have_the_answers_of_others(kind: Kind, given: str) -> None:
    with running_server() as server:
        told = forked(kind, server.url, given)
    # asyncio's own connections can be dropped by nobody but their loop, so those that were given are refused.
    assert told == ("[3]" if kind == "async" and given != "ours" else "[0]")


def test_a_child_leaves_the_encrypted_connections_of_its_parent_as_they_are(
    kind: Kind, tmp_path: Path
) -> None:
    with encrypted(tmp_path) as (url, authority):
        assert forked(kind, url, "ours", SSL_CERT_FILE=authority) == "[0]"


def test_a_stream_is_not_read_on_by_a_child(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server() as server, client_of(kind, server.url) as kala:
        run = kala.run_job(
            kala.create_job(name="a", command="seq 100000", schedule="R/2035-06-04T03:00:00Z/P1D")
        )
        lines = kala.follow(run)
        assert next(lines) == "1"
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(KalaConnectionError, match="the process that opened it"):
            list(lines)
        monkeypatch.undo()


async def count(kala: AsyncKalaClient) -> int:
    return len(await kala.get_all_jobs())


def test_a_client_for_asyncio_works_in_one_loop_after_another() -> None:
    with running_server() as server:
        kala = AsyncKalaClient(server.url, retry=RetryPolicy(attempts=1))
        assert [asyncio.run(count(kala)) for _ in range(4)] == [0] * 4
        asyncio.run(kala.close())
        with pytest.raises(KalaConnectionError, match="closed"):
            asyncio.run(count(kala))


def test_a_client_for_asyncio_works_in_the_loops_of_many_threads_and_is_closed_from_any() -> None:
    with running_server() as server, asyncio.Runner() as first, asyncio.Runner() as second:
        kala = AsyncKalaClient(server.url, retry=RetryPolicy(attempts=1))

        def many(_: int) -> list[int]:
            with asyncio.Runner() as runner:
                return [runner.run(count(kala)) for _ in range(10)]

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(many, range(4))) == [[0] * 10] * 4
        assert first.run(count(kala)) == 0
        second.run(kala.close())
        with pytest.raises(KalaConnectionError, match="closed"):
            first.run(count(kala))


def test_what_was_given_for_one_loop_is_refused_in_another() -> None:
    with running_server() as server, asyncio.Runner() as first, asyncio.Runner() as second:
        mine = httpx.AsyncClient()
        both: list[dict[str, Any]] = [{"http_client": mine}, {"transport": httpx.AsyncHTTPTransport()}]
        for given in both:
            kala = AsyncKalaClient(server.url, **given)
            assert first.run(count(kala)) == 0
            with pytest.raises(KalaConnectionError, match="belongs to another event loop"):
                second.run(count(kala))
            first.run(kala.close())
        first.run(mine.aclose())


def test_a_transport_that_was_given_is_free_again_when_its_loop_has_ended() -> None:
    with running_server() as server:
        kala = AsyncKalaClient(server.url, transport=httpx.AsyncHTTPTransport())
        assert [asyncio.run(count(kala)) for _ in range(3)] == [0] * 3


def test_a_call_after_the_end_is_refused_in_words(kind: Kind) -> None:
    with running_server() as server:
        with client_of(kind, server.url) as kala:
            kala.get_all_jobs()
            kala.close()
            kala.close()
            with pytest.raises(KalaConnectionError, match="the client is closed") as raised:
                kala.get_all_jobs()
            assert raised.value.never_sent
            with pytest.raises(KalaConnectionError, match="the client is closed"):
                next(iter(kala.events()))
        mine: Any = httpx.Client() if kind == "sync" else httpx.AsyncClient()
        with client_of(kind, server.url, http_client=mine) as kala:
            if kind == "sync":
                mine.close()
            else:
                asyncio.run(mine.aclose())
            with pytest.raises(KalaConnectionError, match="the client is closed"):
                kala.get_all_jobs()


def test_an_https_address_of_a_port_that_speaks_http_is_told_at_once(kind: Kind) -> None:
    with (
        running_server() as server,
        client_of(kind, server.url.replace("http:", "https:"), timeout=60) as kala,
        pytest.raises(
            KalaConnectionError, match=f"speaks http, not https: {server.url} may be meant"
        ) as raised,
    ):
        kala.get_all_jobs()
    assert raised.value.never_sent
    assert raised.value.lasting


def test_a_proxy_is_named_where_it_fails_and_passed_by_for_loopback(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://kala:canary@127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", "fd00::/8")
    with running_server() as server, client_of(kind, server.url) as kala:
        assert kala.get_all_jobs() == {}
    for attempts in (1, 2):
        with (
            client_of(kind, "http://kala.invalid", retry=RetryPolicy(attempts=attempts, base=0)) as kala,
            pytest.raises(KalaConnectionError) as raised,
        ):
            kala.get_all_jobs()
        assert raised.value.proxy == f"http://127.0.0.1:{port} of http_proxy"
        assert f"through the proxy http://127.0.0.1:{port} of http_proxy" in str(raised.value)
        assert "canary" not in str(raised.value)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_client_is_not_pickled_and_says_what_to_do(client: type[Any]) -> None:
    with pytest.raises(TypeError, match=f"^{client.__name__} has connections.* make one in each process"):
        pickle.dumps(client())


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", ["http_client", "transport"])
def test_what_is_given_for_the_other_client_is_refused_when_it_is_given(kind: Kind, name: str) -> None:
    other = {
        ("sync", "http_client"): httpx.AsyncClient(),
        ("async", "http_client"): httpx.Client(),
        ("sync", "transport"): httpx.AsyncHTTPTransport(),
        ("async", "transport"): httpx.HTTPTransport(),
    }[kind, name]
    with pytest.raises(TypeError, match=rf"{name} must be of type httpx\.\w+, not httpx\.\w+"):
        CLIENTS[kind](**{name: other})
