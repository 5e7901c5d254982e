"""What was acknowledged on a Redis is there once after its end, however it ends: killed, or its disk cut off.

A kill alone shows that each batch is settled: kept or not, and never twice. That it is synced before the answer comes
is shown by the disk: Redis is stopped first, so that what it has answered has arrived before the power goes.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from kala_server.ports.store import StoreAwayError, StoreBrokenError
from kala_server.stores.redis import link, scripts
from kala_server.stores.redis.store import RedisStore
from tests.contract.journals import numbers, started
from tests.eventually import eventually
from tests.faults.conftest import Tell
from tests.faults.cut_off_disk import CutOffDisk, why_not
from tests.faults.figures import REDIS_CUTS, REDIS_KILLS
from tests.faults.promises import LIFE, a_moment
from tests.redis_server import RedisServer, a_redis

LONGEST = 0.1
"""Seconds of appends before an end."""

End = Callable[[RedisServer], None]


async def kept_over(server: RedisServer, end: End, ends: int, dice: Random) -> tuple[int, list[int]]:
    """Append and compact while Redis comes to its end so often: how many were kept, and those that are there."""
    store = RedisStore(server.address)
    fence, number = await store.acquire(), 0
    try:
        for _ in range(ends):
            compaction = asyncio.ensure_future(
                store.compact(fence, [started(each) for each in range(number)])
            )
            ending = asyncio.ensure_future(asyncio.to_thread(_ended, server, end, dice.uniform(0, LONGEST)))
            while not ending.done():
                try:
                    await store.append(fence, [started(number)])
                except StoreAwayError:
                    if not await store.settle(fence):
                        continue
                number += 1
            [_, compacted] = await asyncio.gather(ending, compaction, return_exceptions=True)
            assert compacted is None or isinstance(compacted, StoreAwayError)
    finally:
        await store.close()
    return number, await _there(server)


def _ended(server: RedisServer, end: End, seconds: float) -> None:
    a_moment(seconds)
    end(server)
    server.start()


async def _there(server: RedisServer) -> list[int]:
    store = RedisStore(server.address)
    try:
        await store.acquire()
        return numbers([record async for batch in store.load() for record in batch.records])
    finally:
        await store.close()


def test_acknowledged_survives_a_kill_of_redis(tell: Tell) -> None:
    dice, acknowledged = Random(4), 0
    for begun in range(0, REDIS_KILLS, LIFE):
        with a_redis() as server:
            number, there = asyncio.run(
                kept_over(server, RedisServer.kill, min(LIFE, REDIS_KILLS - begun), dice)
            )
            assert there == [*range(number)]
            acknowledged += number
    assert acknowledged > REDIS_KILLS
    tell(f"{REDIS_KILLS:,} kills, {acknowledged:,} acknowledged, 0 lost, 0 doubled")


@contextmanager
def _on_a_disk(place: Path, **settings: str) -> Iterator[tuple[RedisServer, End]]:
    """Have a Redis on a disk, and what cuts that off."""
    if reason := why_not():
        pytest.skip(reason)
    place.mkdir()
    disk = CutOffDisk(place)

    def cut(server: RedisServer) -> None:
        server.signal(signal.SIGSTOP)
        a_moment(0.02)  # for the last answers, which are in the sockets, to be read
        disk.cut()
        server.kill()
        disk.unmount()
        disk.mount()

    try:
        with a_redis(disk.folder, **settings) as server:
            yield server, cut
    finally:
        disk.unmount()


@pytest.mark.needs("root, a loop device, mkfs.ext4")
def test_acknowledged_survives_a_cut_of_its_file_system(tmp_path: Path, tell: Tell) -> None:
    dice, acknowledged = Random(4), 0
    for begun in range(0, REDIS_CUTS, LIFE):
        with _on_a_disk(tmp_path / str(begun)) as (server, cut):
            number, there = asyncio.run(kept_over(server, cut, min(LIFE, REDIS_CUTS - begun), dice))
            assert there == [*range(number)]
            acknowledged += number
    assert acknowledged > REDIS_CUTS
    tell(f"{REDIS_CUTS:,} cuts, {acknowledged:,} acknowledged, 0 lost, 0 doubled")


def test_a_replica_that_takes_the_place_of_its_master_and_does_not_have_everything_is_noticed(
    tell: Tell, tmp_path: Path
) -> None:
    async def scene(master: RedisServer, replica: RedisServer) -> None:
        store = RedisStore(master.address)
        fence = await store.acquire()
        try:
            for number in range(100):
                if number == 10:
                    eventually(lambda: replica.ask("LLEN", scripts.LOG) == 10)
                    replica.signal(signal.SIGSTOP)  # as if the network between them was slow
                await store.append(fence, [started(number)])
            master.kill()
            replica.kill()
            replica.address = master.address
            replica.start(replicaof="no one")
            with pytest.raises(StoreAwayError):
                await store.append(fence, [started(100)])
            with pytest.raises(
                StoreBrokenError, match=r"is at batch \d+, and 100 is what it has acknowledged"
            ):
                await store.settle(fence)
        finally:
            await store.close()

    with a_redis(repl_diskless_sync_delay="0") as master:
        (tmp_path / "replica").mkdir()
        of_it = f"127.0.0.1 {master.address.port}"
        with a_redis(tmp_path / "replica", replicaof=of_it) as replica:
            eventually(lambda: b"master_link_status:up" in replica.ask("INFO", "replication"))
            replica.until_its_file_is_there()
            asyncio.run(scene(master, replica))
            lost = 100 - replica.ask("LLEN", scripts.LOG)
    tell(f"{lost} of 100 acknowledged were not on the replica, and the store said so")


@pytest.fixture
def believes_every_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug: nothing that a Redis says of itself is a reason not to use it."""
    monkeypatch.setattr(link, "dangers", lambda *_: iter(()))


@pytest.mark.usefixtures("believes_every_redis")
def test_a_redis_that_writes_no_file_is_noticed() -> None:
    with a_redis(appendonly="no") as server, pytest.raises(StoreBrokenError, match="emptied"):
        asyncio.run(kept_over(server, RedisServer.kill, 3, Random(4)))


@pytest.mark.needs("root, a loop device, mkfs.ext4")
@pytest.mark.usefixtures("believes_every_redis")
def test_a_redis_that_syncs_later_is_noticed(tmp_path: Path) -> None:
    with (
        _on_a_disk(tmp_path / "everysec", appendfsync="everysec") as (server, cut),
        pytest.raises(StoreBrokenError, match=r"emptied|is at batch"),
    ):
        asyncio.run(kept_over(server, cut, 5, Random(4)))
