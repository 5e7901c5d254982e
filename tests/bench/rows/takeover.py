"""Two servers of one PostgreSQL with many jobs: for how long no change is accepted when the one that leads goes."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from time import perf_counter, sleep

from tests.bench import documents, servers
from tests.bench.bench import Bench
from tests.bench.limits import since
from tests.bench.row import Row, Target
from tests.bench.servers import Address, Server
from tests.postgres import a_postgres

_LEASE = 3.0
_BETWEEN = 0.01
_STOPPED = 0.5


def take_over(bench: Bench) -> Iterator[Row]:
    """Kill the one that leads, and then stop the next one."""
    with a_postgres() as postgres:
        database = postgres.database()
        first, second = (servers.kala_of(database, bench.folder, bench.compiled) for _ in range(2))
        for each in (first, second):
            bench.exit.callback(each.stop)
        _fill(first.address, bench)
        _until_it_has_all(second, bench)
        os.kill(first.pid, signal.SIGKILL)
        yield _row(
            "take-over",
            f"leader of {bench.size.jobs:,} jobs killed: to the next accepted change",
            figure=_accepted(second.address),
            limit=_LEASE,
            limit_is="the lease",
            at_most=_LEASE + 1,
        )
        third = servers.kala_of(database, bench.folder, bench.compiled)
        bench.exit.callback(third.stop)
        _until_it_has_all(third, bench)
        alone = _accepted(second.address)
        os.kill(second.pid, signal.SIGTERM)
        yield _row(
            "hand-over",
            "leader stopped: the same",
            figure=_accepted(third.address),
            limit=alone,
            limit_is="a change while nothing happens",
            at_most=_STOPPED,
        )
        for each in (second, third):
            each.stop()


def _fill(leader: Address, bench: Bench) -> None:
    _accepted(leader)
    for begin in range(0, bench.size.jobs, bench.size.batch):
        numbers = range(begin, begin + bench.size.batch)
        leader.call("POST", "/job/batch/", {"jobs": [documents.waiting(number) for number in numbers]})


def _until_it_has_all(follower: Server, bench: Bench) -> None:
    while follower.address.call("GET", "/stats/")["Stats"]["jobs"] < bench.size.jobs:
        sleep(_BETWEEN)


def _accepted(server: Address) -> float:
    """Ask for a change until it is accepted; return how many seconds that took."""
    began = perf_counter()
    for number in count():
        with suppress(AssertionError, OSError):
            server.call("POST", "/job/", documents.waiting(number))
            break
        sleep(_BETWEEN)
    return since(began)


def _row(name: str, what: str, *, figure: float, limit: float, limit_is: str, at_most: float) -> Row:
    target = Target(at_most=at_most, of="figure")
    return Row(name=name, what=what, figure=figure, unit="s", limit=limit, limit_is=limit_is, target=target)
