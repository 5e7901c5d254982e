"""Commands on other machines, whose workers, servers and database are killed: none starts twice, each has an end."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from kala_client.clock import utc_now
from kala_server.config import Database
from kala_server.core import reasons
from kala_server.core.frozen import replace
from kala_server.core.model.job import JobSpec, Run, RunState, Trigger
from kala_server.ports.runner import Attempt
from kala_server.runners.procrastinate import bench, desk
from kala_server.runners.procrastinate.bench import Badge
from kala_server.runners.procrastinate.schema import prepare
from kala_server.server import Server
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.connection import Database as DatabaseOfServers
from kala_server.testing.running import settings_of
from tests.a_worker import WorkerProcess
from tests.eventually import PATIENCE
from tests.faults.conftest import Tell
from tests.faults.figures import (
    LEADERS_OVER_WORKERS_KILLED,
    OUTAGES_OVER_WORKERS,
    RUNS_AT_WORKERS,
    WORKERS_OF_A_QUEUE_KILLED,
)
from tests.left_behind import left_of
from tests.postgres import Postgres, a_postgres
from tests.server.cluster import ask, until

_WHILE = 0.3
"""Seconds between two of what goes wrong; nothing depends on them."""


class Account:
    """What commands have done, by their runs: each writes a line when it begins, and one at its end."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "account"
        self._file.touch()

    @property
    def command(self) -> str:
        """A command that takes a moment."""
        return f"echo begins $KALA_RUN_ID >> {self._file}; sleep 0.4; echo ends $KALA_RUN_ID >> {self._file}"

    def begun(self, run: Run) -> bool:
        """Whether the command of a run has begun."""
        return f"begins {run.id}\n" in self._file.read_text()

    def check(self, runs: list[Run]) -> None:
        """Fail where a run began more than once, or the ledger says what is not so."""
        lines = Counter(tuple(line.split()) for line in self._file.read_text().splitlines())
        assert [line for line, times in lines.items() if times > 1] == [], "doubled"
        assert [run for run in runs if not run.state.final] == [], "without a final word"
        for run in runs:
            if run.state is RunState.SUCCEEDED:
                assert lines["ends", run.id] == 1
            else:
                assert run.state is RunState.INTERRUPTED, run


@contextmanager
def two_workers(database: str) -> Iterator[list[WorkerProcess]]:
    workers = [WorkerProcess(database, name=name, concurrency=4) for name in ("one", "other")]
    try:
        for worker in workers:
            worker.start()
        yield workers
    finally:
        for worker in workers:
            if worker.is_there:
                worker.kill()


@asynccontextmanager
async def leading(database: str) -> AsyncIterator[list[Server]]:
    """Have a server that leads, in a list: the next one may take its place."""
    servers = [await _a_leader(database)]
    try:
        yield servers
    finally:
        await servers[0].stop(timedelta(0))


async def _a_leader(database: str) -> Server:
    said = {"database": Database(kind="postgres", address=database), "lease": timedelta(seconds=1)}
    server = Server(settings_of(None, said))
    await server.start()
    await until(lambda: server.role.name == "leader" and server.service.state.epochs)
    return server


async def _killed(servers: list[Server], database: str) -> None:
    await servers[0].leave()
    servers[0] = await _a_leader(database)


async def begun(server: Server, account: Account) -> None:
    """Have as many runs begin as the figures say."""
    job = {"command": account.command, "shell": True, "queue": "db"}
    jobs = [{"name": f"job {number}", **job} for number in range(RUNS_AT_WORKERS)]
    answer = await ask(server, "POST", "/api/v1/job/batch/", json={"jobs": jobs})
    assert answer.status_code == 201, answer.text


async def all_over(servers: list[Server]) -> list[Run]:
    """Return the runs once all are over."""
    await until(lambda: len(servers[0].service.state.runs) == RUNS_AT_WORKERS)
    await until(lambda: all(run.state.final for run in list(servers[0].service.state.runs.values())))
    return list(servers[0].service.state.runs.values())


def play(scene: Callable[[], Any]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE + RUNS_AT_WORKERS):
            await scene()

    asyncio.run(whole())


def test_workers_that_are_killed(database: str, tmp_path: Path, tell: Tell) -> None:
    account = Account(tmp_path)

    async def scene() -> None:
        async with leading(database) as servers:
            await begun(servers[0], account)
            for number in range(WORKERS_OF_A_QUEUE_KILLED):
                await asyncio.sleep(_WHILE)
                await asyncio.to_thread(workers[number % 2].kill)
                await asyncio.to_thread(workers[number % 2].start)
            runs = await all_over(servers)
            account.check(runs)
            assert [run.id for run in runs if left_of(run.id)] == []
            cut_off = sum(run.state is RunState.INTERRUPTED for run in runs)
            tell(
                f"{WORKERS_OF_A_QUEUE_KILLED} workers killed: {len(runs)} runs, {cut_off} cut off, 0 doubled"
            )

    with two_workers(database) as workers:
        play(scene)


def test_servers_and_a_database_that_are_killed_cut_off_nothing_that_has_begun(
    tmp_path: Path, tell: Tell
) -> None:
    account = Account(tmp_path)

    async def scene(postgres: Postgres, database: str) -> None:
        async with leading(database) as servers:
            await begun(servers[0], account)
            for _ in range(LEADERS_OVER_WORKERS_KILLED):
                await asyncio.sleep(_WHILE)
                await _killed(servers, database)
            for _ in range(OUTAGES_OVER_WORKERS):
                await asyncio.sleep(_WHILE)
                await asyncio.to_thread(lambda: postgres.stop(immediate=True))
                await asyncio.sleep(_WHILE)
                await asyncio.to_thread(postgres.start)
            runs = await all_over(servers)
            account.check(runs)
            # A server that is killed between the record of a start and the handing over has started nothing.
            others = [run for run in runs if run.state is not RunState.SUCCEEDED]
            assert [run for run in others if account.begun(run) or run.reason != reasons.INTERRUPTED] == []
            tell(
                f"{LEADERS_OVER_WORKERS_KILLED} servers killed, {OUTAGES_OVER_WORKERS} outages: {len(runs)} runs, "
                f"0 cut off, {len(others)} not begun, 0 doubled"
            )

    with a_postgres() as postgres:
        database = postgres.database()
        with two_workers(database):
            play(lambda: scene(postgres, database))


# -- the rules themselves, and what they keep off


@contextmanager
def led_by_7(database: str) -> Iterator[Connection]:
    """Have a connection to a database of which epoch 7 leads, with a worker that has not begun to take."""
    where = DatabaseOfServers(database, patience=10, now=utc_now)
    where.prepare()
    with where.connect("a test", statement=10) as connection:
        prepare(connection)
        connection.execute("UPDATE kala_lease SET epoch = 7, expires = 'infinity'")
        yield connection


def hand_over(connection: Connection, epoch: int) -> bool:
    """Hand the very same attempt over under an epoch; whether that counts."""
    spec = JobSpec(name="a", command="true", queue="db")
    attempt = Attempt(handle="r.1", run_id="r", job_id="j", number=1, scheduled_at=utc_now(), spec=spec)
    return desk.hand_over(connection, epoch, [attempt])


def taken(connection: Connection, life: int) -> list[str]:
    """Return what a worker that holds nothing is given now."""
    who = Badge("one", ("db",), 4)
    return [handle for handle, _ in bench.turn(connection, who, life, held=["r.1"], room=4)]


def a_life(connection: Connection) -> int:
    life = bench.begin(connection, Badge("one", ("db",), 4), 0.0)
    assert life is not None
    return life.number


def passed_over(connection: Connection) -> None:
    """A server that does not lead any more hands nothing over."""
    assert not hand_over(connection, 6)
    assert taken(connection, a_life(connection)) == []


def twice(connection: Connection) -> None:
    """What is handed over twice is there once."""
    assert hand_over(connection, 7)
    assert hand_over(connection, 7)
    assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (1,)
    assert taken(connection, a_life(connection)) == ["r.1"]


def there_again(connection: Connection) -> None:
    """What somebody puts back into the queue by Procrastinate's own means is not taken again."""
    assert hand_over(connection, 7)
    life = a_life(connection)
    assert taken(connection, life) == ["r.1"]
    connection.execute("SELECT procrastinate_retry_job_v2(id, now(), 0, 'db', NULL) FROM procrastinate_jobs")
    assert taken(connection, life) == []


RULES: dict[str, tuple[Callable[[Connection], None], str, str]] = {
    "a server that was passed over may hand over": (
        passed_over,
        " AND epoch = in_epoch AND expires",
        " AND expires",
    ),
    "what is handed over twice is there twice": (
        twice,
        "CONTINUE WHEN EXISTS (SELECT 1 FROM kala_attempt WHERE handle = handles[i]);",
        "DELETE FROM kala_attempt WHERE handle = handles[i]; UPDATE procrastinate_jobs SET queueing_lock = NULL;",
    ),
    "what is there again is taken again": (
        there_again,
        " AND worker IS NULL AND outcome IS NULL RETURNING",
        " RETURNING",
    ),
}


@pytest.mark.parametrize("rule", [rule for rule, _, _ in RULES.values()], ids=lambda rule: rule.__name__)
def test_the_database_itself_sees_to_it(database: str, rule: Callable[[Connection], None]) -> None:
    with led_by_7(database) as connection:
        rule(connection)


@pytest.mark.parametrize("fault", RULES)
def test_without_it_that_is_noticed(database: str, fault: str) -> None:
    rule, right, wrong = RULES[fault]
    schema = files("kala_server.runners.procrastinate").joinpath("schema.sql").read_text()
    [function] = [one for one in re.findall(r"CREATE FUNCTION.*?\$\$;", schema, re.DOTALL) if right in one]
    planted = function.replace(right, wrong).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    with led_by_7(database) as connection:
        connection.execute(planted.encode())
        with pytest.raises(AssertionError):
            rule(connection)


def test_a_ledger_that_says_what_is_not_so_is_noticed(tmp_path: Path) -> None:
    account = Account(tmp_path)
    (tmp_path / "account").write_text("begins a\nends a\nbegins b\nbegins b\n")
    run = Run(
        id="c",
        job_id="j",
        scheduled_at=utc_now(),
        queued_at=utc_now(),
        trigger=Trigger.SCHEDULE,
        state=RunState.SUCCEEDED,
    )
    with pytest.raises(AssertionError, match="doubled"):
        account.check([])
    (tmp_path / "account").write_text("begins a\n")
    for state in (RunState.SUCCEEDED, RunState.RUNNING, RunState.FAILED):
        with pytest.raises(AssertionError):
            account.check([replace(run, state=state)])
