"""`kala store copy` moves a server to another store, with all that it knows."""

from dataclasses import replace
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.cli.command_line import kala, kala_here
from tests.redis_server import RedisServer

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def at(redis: RedisServer) -> str:
    return f"redis://127.0.0.1:{redis.address.port}"


def test_a_server_goes_on_where_it_was_copied_to(redis: RedisServer, tmp_path: Path) -> None:
    with running_server(tmp_path / "here") as server, KalaClient(server.url) as client:
        later = client.create_job(name="later", command="true", schedule=IN_2035, idempotency_key="a key")
        says = client.create_job(name="says", command="echo hello", schedule="never", parent_jobs=[later])
        run = client.wait(client.run_job(says))
        before = client.get_all_jobs()
        client.pause("for a while")
    there = kala_here("store", "copy", str(tmp_path / "here"), at(redis))
    assert there.code == 0, there.err
    assert there.out == (
        f"{at(redis)}/0 has all of {tmp_path}/here, read again and compared: 2 jobs, 1 runs, 6 bytes of output\n"
    )
    back = kala_here("store", "copy", at(redis), str(tmp_path / "back"))
    assert back.code == 0, back.err
    with running_server(tmp_path / "back") as server, KalaClient(server.url) as client:
        assert client.get_all_jobs() == before
        assert client.get_run(run) == run
        assert client.output(run) == "hello\n"
        assert client.get_pause().reason == "for a while"
        again = client.create_job(name="later", command="true", schedule=IN_2035, idempotency_key="a key")
        assert again == later


def test_what_cannot_be_copied_is_told_of_in_words(redis: RedisServer, tmp_path: Path) -> None:
    here = tmp_path / "here"
    with running_server(here):
        pass
    wrong = {
        (str(tmp_path / "nowhere"), at(redis)): "there is no journal in",
        (str(here), "http://127.0.0.1"): "nothing is kept at http://",
        (str(here), f"{at(redis)}/first"): "a database of Redis has a number",
        (str(here), "postgresql://a b"): "that is no address of a PostgreSQL",
        (str(here), str(here)): "is in use by process",
        (at(redis), str(tmp_path / "there")): f"nothing is kept in {at(redis)}/0",
        (str(here), "redis://127.0.0.1:1"): "redis://127.0.0.1:1/0 cannot be reached",
    }
    for (source, target), words in wrong.items():
        told = kala_here("store", "copy", source, target)
        assert told.code == 1
        assert words in told.err
        assert told.out == ""
    assert not (tmp_path / "nowhere").exists()


def test_a_password_comes_from_the_environment_or_the_address_and_is_shown_by_neither(
    redis: RedisServer, tmp_path: Path
) -> None:
    with running_server(tmp_path / "here"):
        pass
    redis.ask("ACL", "SETUSER", "kala", "reset", "on", ">a-canary", "~kala:*", "+@all")
    address = str(replace(redis.address, username="kala"))
    refused = kala_here("store", "copy", str(tmp_path / "here"), address.replace("@", ":no-canary@"))
    assert refused.code == 1
    assert "does not let us in" in refused.err
    done = kala_here(
        "store", "copy", str(tmp_path / "here"), address, env={"KALA_JOBDB_PASSWORD": "a-canary"}
    )
    assert done.code == 0, done.err
    back = kala_here("store", "copy", address.replace("@", ":a-canary@"), str(tmp_path / "back"))
    assert back.code == 0, back.err
    assert "canary" not in "".join(each.out + each.err for each in (refused, done, back))
    assert ["can see the password" in each.err for each in (refused, done, back)] == [True, False, True]


@pytest.mark.parametrize(
    ("extra", "package", "address"),
    [("redis", "redis", "redis://"), ("cluster", "psycopg", "postgresql://")],
)
def test_without_an_extra_it_says_which_is_to_be_installed(
    tmp_path: Path, extra: str, package: str, address: str
) -> None:
    with running_server(tmp_path / "here"):
        pass
    (tmp_path / f"{package}.py").write_text("raise ModuleNotFoundError")
    told = kala("store", "copy", "here", address, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert told.code == 1
    assert f'needs the extra: pip install "kala-client[{extra}]"' in told.err
