"""What a run has printed: as it is kept, a range of it, or as it comes; and nobody is held up by a slow reader."""

import asyncio
import socket
import tracemalloc
from pathlib import Path

import httpx
import pytest

from tests.eventually import PATIENCE
from tests.server.at_home import LATER, Home, at_home, fault_in, others, play

NOT_A_RANGE = [
    "bytes=-",
    "bytes=3-1",
    "bytes=0-1,3-4",
    "bytes=a-b",
    "bytes=0 - 1",
    "bytes 0-1",
    "lines=0-1",
    "0-1",
    "",
    f"bytes=0-{'9' * 500}",
    "bytes=٠-١".encode().decode("latin-1"),
]
RANGES = {
    "bytes=0-1": (0, 2),
    "bytes=0-0": (0, 1),
    "bytes=2-4": (2, 5),
    "bytes=3-": (3, 6),
    "bytes=-2": (4, 6),
    "bytes=-99": (0, 6),
    "bytes=5-99": (5, 6),
    "BYTES=0-1": (0, 2),
}
BEYOND = ["bytes=6-", "bytes=6-7", "bytes=99-100", "bytes=-0"]


async def output(home: Home, run_id: str, wanted: str | None = None) -> httpx.Response:
    headers = {} if wanted is None else {b"Range": wanted.encode("latin-1")}
    return await home.http.get(f"/run/{run_id}/output/", headers=headers)


def until(file: Path) -> str:
    """A shell's words that wait for a file."""
    return f"until [ -e {file} ]; do sleep 0.02; done"


# -- as it is kept


def test_the_output_of_a_run_that_is_over_is_text_and_never_a_page() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("echo '<script>' 1>&2; echo ä", shell=True)
        await home.ends(run_id)
        answer = await output(home, run_id)
        assert answer.status_code == 200
        assert answer.content == "<script>\nä\n".encode()
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["accept-ranges"] == "bytes"

    play(scene)


def test_the_output_so_far_of_a_run_that_goes_on_is_there(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start(f"echo one; {until(tmp_path / 'end')}", shell=True)
        await home.prints(run_id, b"one\n")
        assert (await output(home, run_id)).content == b"one\n"
        assert (await output(home, run_id, "bytes=0-0")).content == b"o"
        (tmp_path / "end").touch()
        await home.ends(run_id)

    play(scene)


def test_a_run_that_waits_or_printed_nothing_has_an_empty_output() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100", schedule=LATER)
        first, waiting = await home.start_job(job_id), await home.start_job(job_id)
        silent = await home.start("true")
        await home.ends(silent)
        for run_id in (first, waiting, silent):
            answer = await output(home, run_id)
            assert (answer.status_code, answer.content) == (200, b"")
            for wanted in ("bytes=0-", "bytes=-5"):
                assert (await output(home, run_id, wanted)).status_code == 416

    play(scene)


def test_output_that_is_no_text_comes_byte_for_byte() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start(r"printf '\377\000\200\n'", shell=True)
        await home.ends(run_id)
        assert (await output(home, run_id)).content == b"\xff\x00\x80\n"
        assert (await output(home, run_id, "bytes=1-2")).content == b"\x00\x80"

    play(scene)


def test_output_of_all_attempts_is_kept_together() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("echo $KALA_ATTEMPT; exit 1", shell=True, retries=2)
        await home.ends(run_id)
        assert (await output(home, run_id)).text == "1\n2\n3\n"

    play(scene)


def test_what_is_more_than_is_kept_is_cut_in_the_middle_and_says_so() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("printf 0123456789abcdefghij")
        await home.ends(run_id)
        text = (await output(home, run_id)).text
        assert text.startswith("0123")
        assert text.endswith("ghij")
        assert "12 bytes" in text
        run = await home.run(run_id)
        assert (run["output_size"], run["output_cut"]) == (20, True)

    play(scene, output_head=4, output_tail=4)


def test_text_is_cut_between_its_characters_also_for_who_follows_it(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        words = "for n in 1 2 3 4 5 6 7 8 9; do printf é€😀; done"
        run_id = await home.start(f"{words}; {until(tmp_path / 'end')}", shell=True)
        await home.prints(run_id, "😀".encode())
        async with home.http.stream("GET", f"/run/{run_id}/output/?follow=true") as answer:
            (tmp_path / "end").touch()
            followed = await answer.aread()
        assert followed.decode().endswith("€😀")
        assert (await output(home, run_id)).content.decode() == "é\n[… 72 bytes cut …]\n€😀"
        assert (await home.run(run_id))["output_size"] == 81

    play(scene, output_head=4, output_tail=8)


# -- a range of it


def test_one_range_is_sent_as_it_is_asked_for_and_what_is_none_is_passed_over() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("printf abcdef")
        await home.ends(run_id)
        for wanted, (first, end) in RANGES.items():
            answer = await output(home, run_id, wanted)
            assert (answer.status_code, answer.content) == (206, b"abcdef"[first:end]), wanted
            assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/6"
        for wanted in NOT_A_RANGE:
            answer = await output(home, run_id, wanted)
            assert (answer.status_code, answer.content) == (200, b"abcdef"), wanted
            assert "content-range" not in answer.headers
        for wanted in BEYOND:
            answer = await output(home, run_id, wanted)
            assert answer.status_code == 416, wanted
            assert answer.headers["content-range"] == "bytes */6"
            assert "6 bytes" in answer.json()["detail"]

    play(scene)


# -- as it comes


def test_a_follower_of_a_waiting_run_hears_it_from_its_start_to_its_end(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(
            f"echo $KALA_RUN_ID; {until(tmp_path / 'go')}; echo end", shell=True, schedule=LATER
        )
        first, second = await home.start_job(job_id), await home.start_job(job_id)
        async with home.http.stream("GET", f"/run/{second}/output/?follow=true") as answer:
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            assert (await home.run(second))["state"] == "waiting"
            (tmp_path / "go").touch()
            heard = [line async for line in answer.aiter_lines()]
        assert heard == [second, "end"]
        assert (await home.run(second))["state"] == "succeeded"
        assert (await home.run(first))["state"] == "succeeded"

    play(scene)


def test_a_follower_hears_each_line_when_it_comes(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        command = f"for n in 1 2 3; do echo $n; {until(tmp_path / '$n')}; done"
        run_id = await home.start(command, shell=True)
        heard = []
        async with home.http.stream("GET", f"/run/{run_id}/output/?follow=true") as answer:
            async for line in answer.aiter_lines():
                heard.append(line)
                assert (await home.run(run_id))["state"] == "running"
                (tmp_path / line).touch()
        assert heard == ["1", "2", "3"]

    play(scene)


@pytest.mark.parametrize("command", ["echo done", "true"])
def test_a_follower_of_a_run_that_is_over_gets_what_it_printed_and_the_end(command: str) -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start(command)
        await home.ends(run_id)
        answer = await home.http.get(f"/run/{run_id}/output/?follow=1")
        assert answer.text == command.removeprefix("true").replace("echo done", "done\n")

    play(scene)


def test_a_follower_hears_every_attempt_of_a_run() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("echo $KALA_ATTEMPT; exit 1", shell=True, retries=2, retry_delay="PT0.05S")
        answer = await home.http.get(f"/run/{run_id}/output/?follow=true")
        assert answer.text == "1\n2\n3\n"

    play(scene)


@pytest.mark.parametrize("end", ["cancel", "delete"])
def test_a_follower_of_a_waiting_run_that_never_starts_comes_to_its_end(end: str) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100", schedule=LATER)
        await home.start_job(job_id)
        waiting = await home.start_job(job_id)
        async with home.http.stream("GET", f"/run/{waiting}/output/?follow=true") as answer:
            if end == "cancel":
                await home.http.post(f"/run/{waiting}/cancel/")
            else:
                await home.http.delete(f"/job/{job_id}/")
            assert await answer.aread() == b""

    play(scene)


def test_followers_are_let_go_with_the_server() -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            async with at_home() as home:
                job_id = await home.create("echo hello; sleep 100", shell=True, schedule=LATER)
                running, waiting = await home.start_job(job_id), await home.start_job(job_id)
                followers = [await connected(home, run_id) for run_id in (running, waiting)]
                await followers[0][0].readuntil(b"hello\n\r\n")
            for reader, writer in followers:
                await reader.read()
                writer.close()
                await writer.wait_closed()

    asyncio.run(whole())


def test_a_follower_that_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(f"echo hello; {until(tmp_path / 'end')}", shell=True, schedule=LATER)
        running, waiting = await home.start_job(job_id), await home.start_job(job_id)
        await home.starts(running)
        before = asyncio.all_tasks()
        for run_id in (running, waiting):
            for _ in range(5):
                reader, writer = await connected(home, run_id)
                await reader.readuntil(b"\r\n\r\n")
                assert asyncio.all_tasks() - before
                writer.close()
        assert await others(before) == set()
        (tmp_path / "end").touch()
        await home.ends(waiting)

    play(scene)


async def connected(home: Home, run_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Follow a run over a connection of the test's own, which takes no more than it is read."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", home.server.port))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=4096)
    writer.write(f"GET /api/v1/run/{run_id}/output/?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


def test_a_follower_that_does_not_read_holds_up_neither_the_run_nor_others_and_costs_no_memory() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start(
            "sleep 0.1; head -c 30M /dev/zero | tr '\\0' x; echo; echo last", shell=True
        )
        before, (memory, _) = asyncio.all_tasks(), tracemalloc.get_traced_memory()
        _, writer = await connected(home, run_id)
        async with home.http.stream("GET", f"/run/{run_id}/output/?follow=true") as answer:
            end = b""
            async for chunk in answer.aiter_bytes():
                end = (end + chunk)[-6:]
        assert end == b"\nlast\n"
        await home.ends(run_id)
        assert (await home.run(run_id))["output_size"] == 30 * (1 << 20) + 6
        # It still waits for its reader, with no more at hand than what is kept of the output.
        assert asyncio.all_tasks() - before
        assert tracemalloc.get_traced_memory()[0] - memory < 3 << 20
        writer.close()
        assert await others(before) == set()

    tracemalloc.start()
    try:
        play(scene)
    finally:
        tracemalloc.stop()


def test_output_of_what_is_not_there_is_404_also_to_a_follower() -> None:
    async def scene(home: Home) -> None:
        for query in ("", "?follow=true"):
            answer = await home.http.get(f"/run/93b65499-b211-49ce-57e0-19e735cc5abd/output/{query}")
            assert answer.status_code == 404
            assert "there is no run" in answer.json()["detail"]
        run_id = await home.start("true")
        assert fault_in(await home.http.get(f"/run/{run_id}/output/?follow=perhaps"))["field"] == "follow"

    play(scene)
