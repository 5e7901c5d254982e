"""docs/stores.md: which stores there are, what a Redis must say of itself, and how to get from one to another."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.core.model.records import Record
from kala_server.outputs.bounded import Piece
from kala_server.stores.redis.address import Address
from kala_server.stores.redis.store import LEASE, RedisStore
from kala_server.testing import running_server
from tests.contract.journals import started
from tests.docs.blocks import DOCS, Block, blocks, read, rows
from tests.docs.console import Session
from tests.redis_server import RedisServer, a_redis

PAGE = read(DOCS / "stores.md")
IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def block(language: str) -> Block:
    [found] = blocks(PAGE, language)
    return found


async def used(address: Address, *batch: Record) -> Sequence[Record]:
    """Have a server's whole way with a store, and return what there was."""
    store = RedisStore(address)
    try:
        fence = await store.acquire()
        there = [record async for each in store.load() for record in each.records]
        await store.append(fence, batch)
        await store.compact(fence, [*there, *batch])
        store.outputs.save("a-run", [Piece(0, b"printed")])
        store.outputs.sweep(())
        return there
    finally:
        await store.close()


def test_every_store_has_a_row() -> None:
    assert [name for (name,) in rows(PAGE, "store")] == ["journal", "memory", "PostgreSQL", "Redis"]


def test_a_redis_with_the_settings_and_a_user_with_the_rights_of_the_page_can_be_used() -> None:
    settings = dict(line.split() for line in block("conf").text.splitlines())
    user = block("redis").text.split()
    with a_redis(None, **settings) as server:
        assert server.ask(*user) == "OK"
        address = replace(server.address, username="kala", password="PASSWORD")
        asyncio.run(used(address, started(1)))
        assert asyncio.run(used(address)) == [started(1)]
    assert f"goes by itself after {LEASE:g} seconds (`--lease`)" in PAGE


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="no redis-cli here: apt install redis-tools")
def test_a_backup_is_restored_as_documented(redis: RedisServer, tmp_path: Path) -> None:
    asyncio.run(used(redis.address, started(1)))
    redis.set(repl_diskless_sync_delay="0")  # it waits for others who want a copy, too
    file = tmp_path / "FILE"
    subprocess.run(
        ["redis-cli", "-p", str(redis.address.port), "--rdb", file], check=True, capture_output=True
    )
    copied, begun, switched = block("sh").text.splitlines()
    assert subprocess.run(copied, shell=True, cwd=tmp_path, check=False).returncode == 0
    setting, value = re.findall(r"redis-server --(\w+) (\w+) &", begun)[0]
    with a_redis(tmp_path, **{setting: value}) as server:
        assert server.ask(*switched.split()[1:]) == "OK"
        server.until_its_file_is_there()
        assert asyncio.run(used(server.address)) == [started(1)]


def test_the_session_is_answered_as_documented(redis: RedisServer, tmp_path: Path) -> None:
    with running_server(tmp_path / "kala-data") as server, KalaClient(server.url) as kala:
        kala.create_job(name="later", command="true", schedule=IN_2035)
        kala.wait(kala.run_job(kala.create_job(name="says", command="echo hello", schedule="never")))
    session = block("console")
    real = f"127.0.0.1:{redis.address.port}"
    Session("http://127.0.0.1:1", tmp_path).play(
        replace(session, text=session.text.replace("127.0.0.1:6379", real))
    )
