"""A leader that stops: its commands get their grace, and the next one hears how they end."""

import asyncio
import os
from datetime import timedelta
from math import inf
from pathlib import Path

import httpx

from kala_server.core.model.job import RunState
from tests.eventually import PATIENCE
from tests.server.cluster import (
    Cluster,
    a_run,
    leads,
    play,
    until,
)


def test_what_runs_where_a_leader_stops_runs_for_the_next_one_until_word_comes_of_its_end(
    tmp_path: Path,
) -> None:
    async def scene(there: Cluster) -> None:
        os.mkfifo(tmp_path / "go")
        first = await there.leader(grace=timedelta(seconds=PATIENCE))
        run = await a_run(first, f"read line < {tmp_path}/go; echo $line; exit 3")
        second = await there.join()
        stopping = asyncio.ensure_future(there.leave(first))
        await leads(second)
        assert second.service.state.runs[run.id].state is RunState.RUNNING
        await asyncio.to_thread((tmp_path / "go").write_text, "the last words\n")
        await until(lambda: second.service.state.runs[run.id].state is RunState.FAILED)
        over = second.service.state.runs[run.id]
        assert (over.exit_code, over.output_size) == (3, len("the last words\n"))
        await stopping
        await until(lambda: not there.log.words)

    play(scene)


def test_in_the_grace_of_a_leader_that_stops_whoever_still_speaks_to_it_is_sent_to_the_next_one(
    tmp_path: Path,
) -> None:
    async def scene(there: Cluster) -> None:
        os.mkfifo(tmp_path / "go")
        first = await there.leader(grace=timedelta(seconds=PATIENCE))
        await a_run(first, f"read line < {tmp_path}/go")
        second = await there.join()
        async with httpx.AsyncClient(base_url=first.url) as http:
            await http.get("/api/v1/stats/")
            stopping = asyncio.ensure_future(there.leave(first))
            await leads(second)
            answer = await http.post("/api/v1/pause/")
        assert (answer.status_code, answer.headers["kala-leader"]) == (503, second.url)
        await asyncio.to_thread((tmp_path / "go").write_text, "\n")
        await stopping

    play(scene)


def test_what_does_not_end_in_the_grace_of_a_leader_that_stops_is_interrupted() -> None:
    async def scene(there: Cluster) -> None:
        first = await there.leader()
        run = await a_run(first, "exec sleep 1000")
        second = await there.join()
        await there.leave(first)
        await until(lambda: second.service.state.runs[run.id].state is RunState.INTERRUPTED)
        assert second.service.state.runs[run.id].reason == "the server was stopped"

    play(scene)


def test_a_run_of_which_no_word_came_is_interrupted_and_one_that_nobody_knows_is_let_go() -> None:
    async def scene(there: Cluster) -> None:
        first = await there.leader()
        run = await a_run(first, "exec sleep 1000")
        there.log.words = {
            run.handle: (0.0, ""),
            "nobody.1": (inf, "[]"),
        }  # of a server that was killed meanwhile
        second = await there.join()
        there.log.let_go()
        await leads(second)
        await until(lambda: second.service.state.runs[run.id].state is RunState.INTERRUPTED)
        assert "left no word of its end" in second.service.state.runs[run.id].reason
        await until(lambda: not there.log.words)

    play(scene)
