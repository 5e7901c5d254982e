"""Commands on other machines: servers of a PostgreSQL and real workers, which are killed, paused and cut off."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kala_client import __version__
from kala_server.config import Database
from kala_server.core.model.job import Run, RunState
from kala_server.server import Server
from kala_server.testing.running import settings_of
from tests.a_worker import WorkerProcess, a_worker
from tests.cli.command_line import kala_here
from tests.eventually import PATIENCE, eventually
from tests.left_behind import left_of
from tests.postgres import a_postgres
from tests.server.described import Described

pytestmark = pytest.mark.timeout(200)


async def a_leader(database: str, **settings: Any) -> Server:
    """Start a server and return it once it leads."""
    server = Server(settings_of(None, {"database": Database(kind="postgres", address=database), **settings}))
    await server.start()
    await until(lambda: server.role.name == "leader" and server.service.state.epochs)
    return server


@asynccontextmanager
async def leading(database: str, **settings: Any) -> AsyncIterator[Server]:
    server = await a_leader(database, **settings)
    try:
        yield server
    finally:
        await server.stop(timedelta(0))


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            await scene()

    asyncio.run(whole())


async def until(true: Callable[[], object]) -> None:
    """Return once it is so."""
    await asyncio.to_thread(eventually, true)


async def ask(server: Server, method: str, path: str, **what: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1") as http:
        return await http.request(method, path, **what)


async def start(server: Server, command: str, **job: Any) -> str:
    """Have a job run at once in the queue, and return its run."""
    said = {"name": "a job", "command": command, "shell": True, "queue": "db", **job}
    answer = await ask(server, "POST", "/job/", json=said)
    assert answer.status_code == 201, answer.text
    job_id = answer.json()["id"]
    await until(lambda: [run for run in list(server.service.state.runs.values()) if run.job_id == job_id])
    return next(run.id for run in server.service.state.runs.values() if run.job_id == job_id)


def run_of(server: Server, run_id: str) -> Run:
    return server.service.state.runs[run_id]


async def over(server: Server, run_id: str) -> Run:
    """Return a run once it is over, for good: what is decided is taken back where it cannot be kept."""
    while True:
        await until(lambda: run_of(server, run_id).state.final)
        run = await server.service.read(lambda state: state.runs[run_id])
        if run.state.final:
            return run


def printed(server: Server, run_id: str) -> bytes:
    output = server.executor.live_output(run_id)
    return b"" if output is None else output.text()


async def output(server: Server, run_id: str) -> str:
    return (await ask(server, "GET", f"/run/{run_id}/output/")).text


def test_a_job_of_a_queue_runs_at_a_worker_and_its_ledger_is_as_of_any_other(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            run_id = await start(server, "echo $PPID; echo $KALA_RUN_ID; exit 3")
            run = await over(server, run_id)
            assert (run.state, run.exit_code) == (RunState.FAILED, 3)
            parent, told = (await output(server, run_id)).split()
            assert told == run_id
            assert parent in worker.children()

    with a_worker(database) as worker:
        play(scene)


def test_a_job_waits_until_there_is_a_worker_of_its_queue_and_runs_once(
    database: str, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            run_id = await start(server, f"echo once >> {tmp_path}/ran")
            worker = WorkerProcess(database, queues=("other", "db"))
            await asyncio.to_thread(worker.start)
            assert (await over(server, run_id)).state is RunState.SUCCEEDED
            assert await asyncio.to_thread(worker.stop) == 0
            assert (tmp_path / "ran").read_text() == "once\n"

    play(scene)


def test_what_waits_for_a_worker_can_be_cancelled_and_is_never_started(database: str, tmp_path: Path) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            cancelled = await start(server, f"touch {tmp_path}/ran")
            assert (await ask(server, "POST", f"/run/{cancelled}/cancel/")).status_code == 204
            assert (await over(server, cancelled)).state is RunState.CANCELLED
            later = await start(server, "true")
            with a_worker(database):
                assert (await over(server, later)).state is RunState.SUCCEEDED
            assert not (tmp_path / "ran").exists()

    play(scene)


def test_a_command_outlives_its_leader_and_is_told_of_once_to_the_next_one(
    database: str, tmp_path: Path
) -> None:
    script = f"echo before; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo after >> {tmp_path}/ran; echo after"

    async def scene() -> None:
        first = await a_leader(database, lease=timedelta(seconds=1))
        run_id = await start(first, script)
        await until(lambda: b"before" in printed(first, run_id))
        await first.leave()
        async with leading(database, lease=timedelta(seconds=1)) as second:
            assert run_of(second, run_id).state is RunState.RUNNING
            (tmp_path / "go").touch()
            run = await over(second, run_id)
            assert (run.state, run.attempts) == (RunState.SUCCEEDED, 1)
            assert (await output(second, run_id)).endswith("after\n")
            assert (tmp_path / "ran").read_text() == "after\n"

    with a_worker(database):
        play(scene)


def test_a_stop_of_the_server_leaves_commands_of_workers_to_the_next_one(
    database: str, tmp_path: Path
) -> None:
    async def scene() -> None:
        first = await a_leader(database)
        run_id = await start(first, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
        await until(lambda: left_of(run_id))
        await first.stop(timedelta(0))
        async with leading(database) as second:
            (tmp_path / "go").touch()
            assert (await over(second, run_id)).state is RunState.SUCCEEDED

    with a_worker(database):
        play(scene)


def test_a_whole_tree_is_ended_at_the_worker_be_it_deaf_or_not(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            deaf = "trap '' TERM; sh -c \"trap '' TERM; sleep 100\" & sleep 100"
            run_id = await start(server, deaf)
            await until(lambda: len(left_of(run_id)) > 2)
            await ask(server, "POST", f"/run/{run_id}/cancel/")
            assert (await over(server, run_id)).state is RunState.CANCELLED
            assert left_of(run_id) == []
            run_id = await start(server, "sleep 100", timeout="PT0.2S")
            assert (await over(server, run_id)).state is RunState.TIMED_OUT
            assert left_of(run_id) == []

    with a_worker(database):
        play(scene)


def test_a_killed_worker_leaves_nothing_and_its_runs_are_interrupted_when_it_is_back(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            run_id = await start(server, "setsid sleep 1000 & sleep 1000")
            await until(lambda: len(left_of(run_id)) > 2)
            await asyncio.to_thread(worker.kill)
            await asyncio.to_thread(worker.start)
            run = await over(server, run_id)
            assert run.state is RunState.INTERRUPTED
            assert left_of(run_id) == []

    with a_worker(database) as worker:
        play(scene)


def test_a_worker_that_is_stopped_lets_commands_end_and_says_what_it_ended(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            good = await start(server, "sleep 0.5")
            await until(lambda: left_of(good))
            bad = await start(server, "sleep 1000")
            await until(lambda: left_of(bad))
            assert await asyncio.to_thread(worker.stop) == 0
            assert (await over(server, good)).state is RunState.SUCCEEDED
            assert (await over(server, bad)).state is RunState.INTERRUPTED
            assert left_of(bad) == []

    with a_worker(database, grace=1) as worker:
        play(scene)


def test_much_output_is_bounded_at_the_worker_and_its_size_is_told(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            run_id = await start(
                server, "echo first; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last"
            )
            run = await over(server, run_id)
            assert (run.state, run.output_size, run.output_cut) == (RunState.SUCCEEDED, 20000012, True)
            text = await output(server, run_id)
            assert text.startswith("first\n")
            assert text.endswith("x\nlast\n")
            assert len(text) < 140_000

    with a_worker(database):
        play(scene)


def test_a_database_that_is_away_interrupts_nothing_and_what_ended_meanwhile_is_told(tmp_path: Path) -> None:
    async def scene(address: str, stop: Callable[[], None], begin: Callable[[], None]) -> None:
        async with leading(address) as server:
            run_id = await start(server, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo done")
            await until(lambda: left_of(run_id))
            await asyncio.to_thread(stop)
            (tmp_path / "go").touch()
            await until(lambda: not left_of(run_id))
            await asyncio.to_thread(begin)
            run = await over(server, run_id)
            assert run.state is RunState.SUCCEEDED
            assert await output(server, run_id) == "done\n"

    with a_postgres() as server:
        address = server.database()
        with a_worker(address):
            play(lambda: scene(address, lambda: server.stop(immediate=True), server.start))


def test_a_second_worker_of_a_name_is_refused_and_the_first_one_goes_on(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            second = WorkerProcess(database)
            await asyncio.to_thread(second.start, wait=False)
            await until(lambda: not second.is_there)
            assert worker.is_there
            run_id = await start(server, "true")
            assert (await over(server, run_id)).state is RunState.SUCCEEDED

    with a_worker(database) as worker:
        play(scene)


def test_a_run_of_a_machine_that_is_gone_is_interrupted_and_corrected_when_it_is_heard_of(
    database: str, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            run_id = await start(server, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; exit 7")
            await until(lambda: left_of(run_id))
            worker.signal(signal.SIGSTOP)
            run = await over(server, run_id)
            assert run.state is RunState.INTERRUPTED
            assert "nothing was heard of the worker one since" in run.reason
            (tmp_path / "go").touch()
            await until(lambda: not left_of(run_id))
            worker.signal(signal.SIGCONT)
            await until(lambda: run_of(server, run_id).state is RunState.FAILED)
            assert run_of(server, run_id).exit_code == 7
            assert server.service.state.counts["errors"] == 1

    with a_worker(database) as worker:
        play(scene)


def test_workers_are_told_of_and_one_that_is_drained_takes_nothing_more(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            assert (await ask(server, "GET", "/workers/")).json() == {"workers": []}
            with a_worker(database, name="db-1", concurrency=3) as worker:
                run_id = await start(server, "sleep 1000")
                await until(lambda: left_of(run_id))
                await asyncio.to_thread(eventually, lambda: told(server)["running"] == 1)
                one = await asyncio.to_thread(told, server)
                assert one == {
                    "name": "db-1", "queues": ["db"], "state": "there", "running": 1, "free": 2,
                    "seen_at": one["seen_at"], "version": __version__,
                }  # fmt: skip
                await until(lambda: server.service.state.counts["running"] == 1)
                shown = await asyncio.to_thread(kala_here, "workers", "--url", server.url)
                assert shown.out.splitlines()[1].split()[:5] == ["db-1", "db", "there", "1", "2"]
                drained = await asyncio.to_thread(kala_here, "worker", "drain", "db-1", "--url", server.url)
                assert drained.out == "db-1 takes nothing more\n"
                await asyncio.to_thread(eventually, lambda: told(server)["state"] == "draining")
                waits = await start(server, "true")
                await until(lambda: "kala_queues_unattended 1.0" in figures(server))
                assert run_of(server, waits).state is RunState.RUNNING
                path = f"/job/{run_of(server, waits).job_id}/explain/"
                slot = (await ask(server, "GET", path)).json()["slots"][0]
                assert slot["sentence"].startswith("waits for a worker of 'db'; none since 20"), slot
                ready = (await asyncio.to_thread(httpx.get, f"{server.url}/readyz")).json()
                assert "runs wait in 1 queue that no worker takes from" in ready["notes"]
                await asyncio.to_thread(worker.kill)
                await asyncio.to_thread(worker.start)
                assert (await over(server, waits)).state is RunState.SUCCEEDED
            nobody = await ask(server, "POST", "/workers/nobody/drain/")
            assert nobody.status_code == 404

    play(scene)


def told(server: Server) -> dict[str, Any]:
    """Return what the server tells of its only worker, as described."""
    with httpx.Client(base_url=server.url) as http:
        answer = Described(http).ask("GET", "/workers/")
    [one] = answer.json()["workers"]
    return dict(one)


def figures(server: Server) -> str:
    return httpx.get(f"{server.url}/metrics").text


def test_a_job_whose_queue_no_worker_takes_from_is_created_with_a_warning(database: str) -> None:
    async def scene() -> None:
        async with leading(database) as server:
            job = {"name": "a job", "command": "true", "queue": "gpu", "schedule": "never"}
            created = await ask(server, "POST", "/job/", json=job)
            assert created.json()["warnings"] == [
                "no worker takes from the queue gpu for now: its runs wait for one"
            ]
            path = f"/job/{created.json()['id']}/"
            assert "warnings" not in (await ask(server, "PATCH", path, json={"name": "b"})).json()
            assert "warnings" in (await ask(server, "PATCH", path, json={"queue": "db"})).json()

    play(scene)


def test_what_is_not_to_go_on_unseen_is_ended_where_the_database_is_away_for_long(tmp_path: Path) -> None:
    async def scene(address: str, stop: Callable[[], None], begin: Callable[[], None]) -> None:
        async with leading(address) as server:
            wait = f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
            ended, goes_on = await start(server, wait, on_lost="end"), await start(server, wait)
            await until(lambda: left_of(ended) and left_of(goes_on))
            await asyncio.to_thread(stop)
            await until(lambda: not left_of(ended))
            assert left_of(goes_on)
            (tmp_path / "go").touch()
            await asyncio.to_thread(begin)
            run = await over(server, ended)
            assert run.state is RunState.INTERRUPTED
            assert "on_lost: end" in run.reason
            assert (await over(server, goes_on)).state is RunState.SUCCEEDED

    with a_postgres() as server:
        address = server.database()
        with a_worker(address):
            play(lambda: scene(address, lambda: server.stop(immediate=True), server.start))
