"""The store in a Redis, held against the contract that is shipped, and against what only a Redis can do to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kala_server.boot_time import boot_time
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    RemoteStore,
    Store,
    StoreAwayError,
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreNewerError,
    StoreUnsafeError,
)
from kala_server.stores.redis import entries, scripts
from kala_server.stores.redis.address import Address
from kala_server.stores.redis.link import Link
from kala_server.stores.redis.store import RedisStore
from kala_server.testing.contracts import StoreContract
from tests.contract.journals import numbers, started
from tests.eventually import eventually
from tests.free_port import free_port
from tests.losing_proxy import losing_proxy
from tests.redis_server import RedisServer, a_redis

LEASE = 0.5


def of(server: RedisServer | Address) -> RedisStore:
    return RedisStore(server if isinstance(server, Address) else server.address, lease=LEASE)


@asynccontextmanager
async def owned(store: RedisStore) -> AsyncIterator[tuple[RedisStore, Fence, list[int]]]:
    """Own a store for a while, and what it had when it was loaded."""
    try:
        fence = await store.acquire()
        yield store, fence, numbers([record async for batch in store.load() for record in batch.records])
    finally:
        await store.close()


async def found(server: RedisServer) -> list[int]:
    """What the next owner finds."""
    async with owned(of(server)) as (_, _, there):
        return there


class TestRedis(StoreContract):
    """The store in a Redis."""

    @pytest.fixture(autouse=True)
    def _of_one(self, redis: RedisServer) -> None:
        self.redis = redis

    def store(self) -> Store:
        return of(self.redis)


def test_it_is_reached_over_a_connection(redis: RedisServer) -> None:
    assert isinstance(of(redis), RemoteStore)


def test_jobs_of_kala_itself_are_named_and_let_alone(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis.ask("HSET", "kala:jobs", "an id", "a job")
    for _ in range(2):
        asyncio.run(found(redis))
    assert [line.partition(",")[0] for line in caplog.messages] == [
        f"{redis.address} has jobs of Kala itself (kala:jobs)"
    ] * 2
    assert redis.ask("HGETALL", "kala:jobs") == [b"an id", b"a job"]


# -- one server


def test_a_server_that_is_there_is_named_and_one_that_is_gone_is_waited_for(redis: RedisServer) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (_, fence, _):
            with pytest.raises(StoreLockedError, match=r"in use by process \d+ of "):
                await of(redis).acquire()
        redis.ask("SET", scripts.HOLDER, "x process 1 of elsewhere", "PX", 300)
        async with owned(of(redis)) as (_, later, _):
            assert later.epoch == fence.epoch + 1

    asyncio.run(scene())


async def taken_over(server: RedisServer) -> tuple[RedisStore, Fence]:
    """Acquire it as if nothing had been heard of its holder for longer than its lease."""
    while True:
        server.ask("DEL", scripts.HOLDER)
        store = of(server)
        try:
            return store, await store.acquire()
        except StoreLockedError:
            await store.close()


async def who_was_away_changes_nothing(redis: RedisServer) -> None:
    async with owned(of(redis)) as (store, fence, _):
        await store.append(fence, [started(1)])
        other, newer = await taken_over(redis)
        try:
            with pytest.raises(FenceLostError):
                await store.append(fence, [started(2)])
            with pytest.raises(FenceLostError):
                await store.compact(fence, [])
            await other.append(newer, [started(3)])
        finally:
            await other.close()
    assert await found(redis) == [1, 3]


def test_who_was_away_for_too_long_changes_nothing_any_more(redis: RedisServer) -> None:
    asyncio.run(who_was_away_changes_nothing(redis))


@pytest.mark.parametrize("unfenced", [["APPEND"], ["BEGIN", "ADD", "CHANGE_OVER"]])
def test_scripts_that_do_not_look_at_who_asks_are_noticed(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, unfenced: list[str]
) -> None:
    for script in unfenced:
        whole: str = getattr(scripts, script)
        assert "~= ARGV[1] then" in whole
        monkeypatch.setattr(scripts, script, whole.replace("~= ARGV[1] then", "~= ARGV[1] and false then"))
    with pytest.raises((AssertionError, pytest.fail.Exception, StoreError)):
        asyncio.run(who_was_away_changes_nothing(redis))


def test_a_mark_is_believed_in_the_same_life_of_a_redis_alone() -> None:
    async def mark(server: RedisServer) -> str:
        async with owned(of(server)) as (_, fence, _):
            return fence.mark

    with a_redis() as server:
        first = asyncio.run(mark(server))
        assert asyncio.run(mark(server)) == first
        server.kill()
        server.start()
        assert asyncio.run(mark(server)) != first


def test_a_redis_that_is_started_again_under_a_server_is_the_same_to_its_commands() -> None:
    async def scene(server: RedisServer) -> None:
        async with owned(of(server)) as (_, fence, _):
            server.kill()
            server.start()
            run_id = _run_id(server)
            eventually(lambda: server.ask("HGET", scripts.OWNER, "run") == run_id)
        async with owned(of(server)) as (_, later, _):
            assert later.mark == fence.mark

    with a_redis() as server:
        asyncio.run(scene(server))


def _run_id(server: RedisServer) -> bytes:
    [line] = [line for line in server.ask("INFO", "server").splitlines() if line.startswith(b"run_id:")]
    run_id: bytes = line.removeprefix(b"run_id:")
    return run_id


def test_it_is_held_for_certain_while_redis_is_there_and_again_when_it_is_back() -> None:
    async def scene(server: RedisServer) -> None:
        async with owned(of(server)) as (store, fence, _):
            assert store.held_until(fence) > boot_time()
            await store.until_held(fence)
            server.kill()
            eventually(lambda: store.held_until(fence) < boot_time())
            waiting = asyncio.ensure_future(store.until_held(fence))
            await asyncio.sleep(0)
            assert not waiting.done()
            server.start()
            await waiting
            assert store.held_until(fence) > boot_time()
        assert store.held_until(fence) < boot_time()

    with a_redis() as server:
        asyncio.run(scene(server))


def test_whoever_lost_it_does_not_hold_it_for_certain(redis: RedisServer) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            other, _ = await taken_over(redis)
            try:
                eventually(lambda: store.held_until(fence) < boot_time())
                with pytest.raises(FenceLostError, match=r"was taken by process \d+"):
                    await store.until_held(fence)
            finally:
                await other.close()

    asyncio.run(scene())


# -- a Redis that is no place to keep jobs in

UNSAFE = {
    "appendonly is not yes": {"appendonly": "no"},
    "appendfsync is not always": {"appendfsync": "everysec"},
    "no-appendfsync-on-rewrite is not no": {"no_appendfsync_on_rewrite": "yes"},
    "maxmemory-policy is not noeviction": {"maxmemory": "1gb", "maxmemory_policy": "allkeys-lru"},
}


@pytest.mark.parametrize("reason", UNSAFE)
def test_a_redis_that_may_lose_what_it_is_given_is_refused_with_what_mends_it(
    redis: RedisServer, reason: str
) -> None:
    redis.set(**UNSAFE[reason])
    setting = reason.partition(" ")[0]
    with pytest.raises(StoreUnsafeError, match=rf"{reason}, so .*CONFIG SET {setting}"):
        asyncio.run(found(redis))
    assert redis.ask("DBSIZE") == 0


def test_a_replica_and_a_cluster_are_refused(redis: RedisServer, tmp_path: Path) -> None:
    redis.ask("REPLICAOF", "127.0.0.1", 1)
    with pytest.raises(StoreUnsafeError, match="it is a replica"):
        asyncio.run(found(redis))
    redis.ask("REPLICAOF", "NO", "ONE")
    with (
        a_redis(tmp_path, cluster_enabled="yes", cluster_port=str(free_port())) as cluster,
        pytest.raises(StoreUnsafeError, match="runs as cluster"),
    ):
        asyncio.run(found(cluster))


def test_where_it_cannot_be_seen_whether_it_syncs_it_is_refused_and_the_right_is_named(
    redis: RedisServer,
) -> None:
    needed = ("~kala:*", "+@read", "+@write", "+@scripting", "+select", "+ping", "+info")
    redis.ask("ACL", "SETUSER", "kala", "reset", "on", ">secret", *needed)
    address = replace(redis.address, username="kala", password="secret")
    with pytest.raises(StoreUnsafeError, match=r"\+config\|get"):
        asyncio.run(of(address).acquire())
    redis.ask("ACL", "SETUSER", "kala", "+config|get")

    async def scene() -> None:
        async with owned(of(address)) as (store, fence, _):
            await store.append(fence, [started(1)])
            await store.compact(fence, [started(2)])

    asyncio.run(scene())
    assert asyncio.run(found(redis)) == [2]


def test_it_is_not_used_before_its_file_is_there() -> None:
    with a_redis(appendonly="no", rdb_key_save_delay="500000") as server:
        server.ask("MSET", "one", 1, "two", 2)
        server.set(appendonly="yes")
        with pytest.raises(StoreAwayError, match="writes its file anew"):
            asyncio.run(found(server))
        server.until_its_file_is_there()
        assert asyncio.run(found(server)) == []


def test_it_is_looked_at_again_when_it_is_connected_to_again(redis: RedisServer) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            redis.set(appendfsync="everysec")
            redis.ask("CLIENT", "KILL", "TYPE", "normal")
            with pytest.raises(StoreAwayError):
                await store.append(fence, [started(1)])
            with pytest.raises(StoreBrokenError, match="appendfsync is not always"):
                await store.settle(fence)

    asyncio.run(scene())


def test_a_wrong_password_is_told_of_and_not_shown(redis: RedisServer) -> None:
    for password in ("", "a-canary"):
        redis.set(requirepass="another")
        try:
            with pytest.raises(StoreUnsafeError, match="does not let us in") as refusal:
                asyncio.run(of(replace(redis.address, password=password)).acquire())
        finally:
            redis.ask("CONFIG", "SET", "requirepass", "", login=("AUTH", "another"))
        assert "canary" not in f"{refusal.value}{refusal.value!r}"


def test_where_there_is_no_redis_the_address_is_named() -> None:
    with pytest.raises(StoreAwayError, match=r"redis://127\.0\.0\.1:1/0 cannot be reached"):
        asyncio.run(of(Address(port=1)).acquire())


def test_who_is_not_let_in_or_refused_has_changed_nothing_and_can_be_closed(redis: RedisServer) -> None:
    async def scene() -> None:
        redis.set(appendfsync="no")
        store = of(redis)
        with pytest.raises(StoreUnsafeError):
            await store.acquire()
        await store.close()

    asyncio.run(scene())
    assert redis.ask("DBSIZE") == 0


# -- no room, and no answer


def test_without_memory_nothing_is_kept_and_it_goes_on_once_there_is(redis: RedisServer) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            await store.append(fence, [started(1)])
            redis.set(maxmemory="1")
            with pytest.raises(StoreFullError):
                await store.append(fence, [started(2)])
            with pytest.raises(StoreFullError):
                await store.compact(fence, [started(9)])
            redis.set(maxmemory="0")
            await store.append(fence, [started(3)])

    asyncio.run(scene())
    assert asyncio.run(found(redis)) == [1, 3]


def test_a_batch_whose_answer_was_lost_is_kept_once(redis: RedisServer) -> None:
    async def scene() -> None:
        with losing_proxy(redis.address.port) as proxy:
            async with owned(of(replace(redis.address, port=proxy.port))) as (store, fence, _):
                await store.append(fence, [started(1)])
                proxy.loses_the_answer_to = b"RPUSH"
                with pytest.raises(StoreAwayError):
                    await store.append(fence, [started(2)])
                with pytest.raises(StoreAwayError, match="not known yet"):
                    await store.append(fence, [started(3)])
                assert await store.settle(fence)
                assert not await store.settle(fence)
                await store.append(fence, [started(4)])

    asyncio.run(scene())
    assert asyncio.run(found(redis)) == [1, 2, 4]


def test_a_batch_that_comes_after_it_was_given_up_is_refused(redis: RedisServer) -> None:
    async def scene() -> None:
        with losing_proxy(redis.address.port) as proxy:
            async with owned(of(replace(redis.address, port=proxy.port))) as (store, fence, _):
                await store.append(fence, [started(1)])
                proxy.holds_back = b"RPUSH"
                with pytest.raises(StoreAwayError):
                    await store.append(fence, [started(2)])
                assert not await store.settle(fence)
                assert scripts.REFUSED.encode() in proxy.let_go()
                await store.append(fence, [started(3)])

    asyncio.run(scene())
    assert asyncio.run(found(redis)) == [1, 3]


@pytest.mark.parametrize("loss", ["emptied", "put back"])
def test_a_redis_that_has_lost_what_it_acknowledged_ends_it(redis: RedisServer, loss: str) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            await store.append(fence, [started(1)])
            await store.append(fence, [started(2)])
            if loss == "emptied":
                redis.ask("FLUSHALL")
            else:
                redis.ask("RPOP", scripts.LOG)
                redis.ask("HINCRBY", scripts.OWNER, "number", -1)
            with pytest.raises(StoreBrokenError, match=loss):
                await store.append(fence, [started(3)])

    asyncio.run(scene())


def test_who_was_there_before_a_redis_was_emptied_is_not_taken_for_the_next_of_the_same_epoch(
    redis: RedisServer,
) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            await store.append(fence, [started(1)])
            redis.ask("FLUSHALL")
            other, newer = await taken_over(redis)
            try:
                assert newer.epoch == fence.epoch
                await other.append(newer, [started(2)])
                with pytest.raises(FenceLostError):
                    await store.append(fence, [started(3)])
            finally:
                await other.close()

    asyncio.run(scene())
    assert asyncio.run(found(redis)) == [2]


def test_closing_waits_for_no_redis_that_is_away() -> None:
    async def scene(server: RedisServer) -> None:
        async with owned(of(server)) as (store, fence, _):
            server.kill()
            with pytest.raises(StoreAwayError):
                await store.append(fence, [started(1)])
            settling = asyncio.ensure_future(store.settle(fence))
            await asyncio.sleep(0)
            await store.close()
            with pytest.raises(StoreError, match="was closed"):
                await settling
            with pytest.raises(StoreError, match="is closed"):
                await store.append(fence, [started(2)])

    with a_redis() as server:
        asyncio.run(scene(server))


# -- what is there


def test_batches_and_snapshots_of_any_size_are_given_back(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "PART", 10_000)
    many = [started(number) for number in range(2_000)]

    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            await store.append(fence, [started(1)])
            await store.compact(fence, iter(many))
            assert store.size == sum(len(part) for part in redis.ask("LRANGE", scripts.SNAPSHOT, 0, -1))
            for number in range(1_500):
                await store.append(fence, [started(number)])
            await store.append(fence, many * 10)
        async with owned(of(redis)) as (again, _, there):
            assert there == [*range(2_000), *range(1_500), *[*range(2_000)] * 10]
            assert again.size == store.size

    assert redis.ask("LLEN", scripts.SNAPSHOT) == 0
    asyncio.run(scene())
    assert redis.ask("LLEN", scripts.SNAPSHOT) > 3


def test_numbers_of_batches_grow_from_a_snapshot_into_the_log(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "PART", 1)

    async def batches() -> Sequence[Batch]:
        async with owned(of(redis)) as (store, fence, _):
            await store.append(fence, [started(0)])
            await store.compact(fence, [started(number) for number in range(3)])
            await store.append(fence, [started(3)])
        async with owned(of(redis)) as (store, fence, _):
            found = [batch async for batch in store.load()]
            assert found[-1].number == fence.number
            return found

    found = [batch.number for batch in asyncio.run(batches())]
    assert len(found) == 4
    assert found == sorted(set(found))


def test_what_a_compaction_that_was_cut_off_has_left_is_removed(redis: RedisServer) -> None:
    async def scene() -> None:
        async with owned(of(redis)) as (store, fence, _):
            await store.append(fence, [started(1)])
            link = Link(redis.address)
            who = redis.ask("HGET", scripts.OWNER, "who")
            compaction = link.run(scripts.BEGIN, (scripts.OWNER, scripts.NEW), (who,))
            [part] = entries.parts_of([started(9)])
            link.run(scripts.ADD, (scripts.OWNER, scripts.NEW), (who, compaction, 0, part.text))
            link.close()
            assert redis.ask("LLEN", scripts.NEW) == 1

    asyncio.run(scene())
    assert asyncio.run(found(redis)) == [1]
    assert redis.ask("EXISTS", scripts.NEW) == 0


def test_what_was_changed_or_is_missing_is_damage_and_says_where(redis: RedisServer) -> None:
    async def written() -> None:
        async with owned(of(redis)) as (store, fence, _):
            for number in range(3):
                await store.append(fence, [started(number), started(number)])

    asyncio.run(written())
    whole = redis.ask("LINDEX", scripts.LOG, 1)
    line, *_ = whole.splitlines(keepends=True)
    damages = {
        rb"line 1 of entry 2 of kala:log .* is not what was written": whole.replace(b"run-1", b"run-7", 1),
        rb"ends in the middle of a line": whole[:-9],
        rb"line 1 of entry 2 .* belongs elsewhere": line,
    }
    for words, damaged in damages.items():
        redis.ask("LSET", scripts.LOG, 1, damaged)
        with pytest.raises(StoreDamagedError, match=words.decode()):
            asyncio.run(found(redis))
    redis.ask("LSET", scripts.LOG, 1, whole)
    redis.ask("RPOP", scripts.LOG)
    with pytest.raises(StoreDamagedError, match="2 batches, and not 3"):
        asyncio.run(found(redis))


def test_what_a_newer_version_wrote_is_left_alone(redis: RedisServer) -> None:
    assert asyncio.run(found(redis)) == []
    redis.ask("HSET", scripts.OWNER, "format", scripts.FORMAT + 1)
    before = redis.ask("HGETALL", scripts.OWNER)
    with pytest.raises(StoreNewerError, match="newer version"):
        asyncio.run(found(redis))
    assert redis.ask("HGETALL", scripts.OWNER) == before
