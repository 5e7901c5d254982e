"""What was acknowledged survives a kill -9 of the whole server, under load, again and again.

This does not show that anything is synced, as what a killed process has written is the kernel's: see the tests of
power cuts. What it shows is that no answer comes before the write, and that every start finds its way back.
"""

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from kala_server.config import Database
from tests.faults import planted
from tests.faults.conftest import Tell
from tests.faults.figures import KILLS, REDIS_KILLS
from tests.faults.promises import Promises, a_moment, kept_over
from tests.faults.server_child import Plant, server_child
from tests.redis_server import RedisServer

LONGEST = 0.1
"""Seconds of load before a kill."""


def after_kills(folder: Path, kills: int, plant: Plant, dice: Random, **options: Any) -> Promises:
    """Kill one server after the other on the same folder, or in the same database, each under load."""
    promises = Promises()
    for _ in range(kills):
        with server_child(folder, plant, **options) as server:
            promises.check(server.url)
            with promises.asked_for(server.url):
                a_moment(dice.uniform(0, LONGEST))
                server.kill()
    with server_child(folder, **options) as last:
        promises.check(last.url)
    return promises


def test_acknowledged_survives_a_kill(tmp_path: Path, tell: Tell) -> None:
    acknowledged = kept_over(after_kills, tmp_path, KILLS)
    assert acknowledged > KILLS
    tell(f"{KILLS:,} kills, {acknowledged:,} acknowledged, 0 lost")


def test_acknowledged_on_a_redis_survives_a_kill_of_its_server(
    redis: RedisServer, tmp_path: Path, tell: Tell
) -> None:
    there = Database(kind="redis", address=f"127.0.0.1:{redis.address.port}")
    promises = after_kills(
        tmp_path, REDIS_KILLS, planted.nothing, Random(4), database=there, lease=timedelta(seconds=0.5)
    )
    assert promises.broken == []
    assert promises.acknowledged > REDIS_KILLS
    tell(f"{REDIS_KILLS:,} kills, {promises.acknowledged:,} acknowledged, 0 lost")


def test_a_server_that_answers_before_it_writes_is_noticed(tmp_path: Path) -> None:
    promises = after_kills(tmp_path / "data", 5, planted.answers_before_it_writes, Random(4))
    assert any(broken.endswith("is lost") for broken in promises.broken)
