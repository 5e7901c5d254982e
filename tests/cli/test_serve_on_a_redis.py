"""`kala serve --jobDB=redis` as Kala documents it: a Redis that is no place for jobs is refused in words."""

from pathlib import Path

import pytest

from tests.cli.command_line import kala
from tests.redis_server import RedisServer

UNSAFE = {
    "appendonly is not yes": {"appendonly": "no"},
    "appendfsync is not always": {"appendfsync": "everysec"},
    "is in use by process": {},
    "does not let us in": {},
}


@pytest.mark.parametrize("words", UNSAFE)
def test_a_server_does_not_start_on_a_redis_that_is_no_place_for_jobs(
    redis: RedisServer, tmp_path: Path, words: str
) -> None:
    redis.set(**UNSAFE[words])
    if words == "is in use by process":
        redis.ask("SET", "kala:holder", "x process 1 of elsewhere")
    password = "a-canary" if words == "does not let us in" else ""
    there = f"127.0.0.1:{redis.address.port}"
    refused = kala(
        *("serve", "-p", "0", "--jobDB=redis", f"--jobDBAddress={there}"),
        cwd=tmp_path,
        env={"KALA_JOBDB_PASSWORD": password},
    )
    assert refused.code == 1
    assert refused.out == ""
    assert refused.err.startswith(f"Error: redis://{there}/0 ")
    assert words in refused.err
    assert "canary" not in refused.err
    assert list(tmp_path.iterdir()) == []
