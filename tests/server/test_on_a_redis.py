"""A whole server that keeps everything in a Redis: it needs no folder, and outlives the end of the Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kala_client import KalaClient, RetryPolicy
from kala_server.config import Database
from kala_server.stores.redis import scripts
from kala_server.testing import running_server
from tests.eventually import PATIENCE, eventually
from tests.redis_server import RedisServer, a_redis

LATER = "R/2035-06-04T19:25:16Z/P1D"


@contextmanager
def server_on(redis: RedisServer) -> Iterator[tuple[KalaClient, str]]:
    """Run a server, and ask it as often as it takes."""
    database = Database(kind="redis", address=f"127.0.0.1:{redis.address.port}")
    with (
        running_server(database=database) as server,
        KalaClient(server.url, retry=RetryPolicy(attempts=100), timeout=PATIENCE) as client,
    ):
        yield client, server.url


def test_a_server_on_a_redis_goes_on_where_the_last_one_ended_and_leaves_nothing_elsewhere(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with server_on(redis) as (client, _):
        later = client.create_job(name="later", command="true", schedule=LATER, idempotency_key="a key")
        says = client.create_job(name="says", command="echo hello; seq 100000", shell=True, schedule="never")
        run = client.wait(client.run_job(says))
        printed = client.output(run)
        jobs = client.get_all_jobs()
    with server_on(redis) as (client, _):
        assert client.get_all_jobs() == jobs
        assert client.get_run(run) == run
        assert client.output(run) == printed
        again = client.create_job(name="later", command="true", schedule=LATER, idempotency_key="a key")
        assert again == later
        client.delete_job(says)
        eventually(lambda: not redis.ask("KEYS", "kala:output:*"))
    assert list(tmp_path.iterdir()) == []
    assert {key.decode() for key in redis.ask("KEYS", "*")} == {scripts.OWNER, scripts.LOG}


def test_a_command_goes_on_while_its_redis_is_away_and_its_end_is_recorded_when_that_is_back(
    tmp_path: Path,
) -> None:
    here = tmp_path / "it may end"
    with a_redis() as redis, server_on(redis) as (client, url):
        over = client.wait(
            client.run_job(client.create_job(name="over", command="echo over", schedule="never"))
        )
        wait = f"until [ -e '{here}' ]; do sleep 0.02; done; echo done"
        run = client.run_job(client.create_job(name="waits", command=wait, shell=True, schedule="never"))
        eventually(lambda: client.get_run(run).state == "running")
        redis.kill()
        here.touch()
        once = client.with_options(retry=RetryPolicy(attempts=1))
        for refused in (
            httpx.post(f"{url}/api/v1/job/", json={"name": "new", "command": "true", "schedule": "never"}),
            httpx.get(f"{url}/api/v1/run/{over.id}/output/"),
        ):
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
        assert once.get_all_jobs().keys()
        redis.start()
        ended = client.wait(run)
        assert ended.state == "succeeded"
        assert client.output(ended) == "done\n"
        assert client.output(over) == "over\n"
        created = client.create_job(name="after it", command="true", schedule="never")
        assert created in client.get_all_jobs()
