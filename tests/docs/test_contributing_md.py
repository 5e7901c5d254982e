"""docs/contributing.md: who follows "Add a field" has it everywhere, and is told of each step that was left out.

The store of "Add a store" keeps what a store promises, and a server can be on it.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kala_client import AsyncKalaClient
from kala_server.config import Settings
from kala_server.server import Server
from kala_server.testing.contracts import StoreContract
from tests.docs import with_a_priority
from tests.docs.blocks import DOCS, ROOT, blocks, read
from tests.unit.server import places

WALK = blocks(read(DOCS / "contributing.md").partition("## Add a field")[2], "diff")


@dataclass(frozen=True, slots=True)
class Step:
    """What is changed in one file: texts that stand in it once, and what comes in their places."""

    path: str
    changes: tuple[tuple[str, str], ...]


def step(text: str) -> Step:
    """Read a step of the page."""
    head, _, body = text.partition("\n")
    hunks = [hunk.splitlines(keepends=True) for hunk in body.split("@@\n")]
    return Step(head.removeprefix("--- "), tuple((side(hunk, "-"), side(hunk, "+")) for hunk in hunks))


def side(hunk: list[str], sign: str) -> str:
    return "".join(line[1:] for line in hunk if line[0] in {" ", sign})


STEPS = [step(block.text) for block in WALK]


def followed(steps: Iterable[Step], folder: Path) -> None:
    """Make a copy of the packages in the folder, with these steps taken."""
    for package in places.PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for taken in steps:
        file = folder / taken.path
        text = read(file)
        for before, after in taken.changes:
            assert text.count(before) == 1, f"{taken.path} does not hold once:\n{before}"
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")


def ran(program: str, folder: Path) -> str:
    """Run a program of ours with the packages of the folder, and return what it prints."""
    ended = subprocess.run(
        [sys.executable, program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_walk_has_five_steps_in_five_files() -> None:
    assert len({each.path for each in STEPS}) == len(STEPS) == 5
    assert all((ROOT / each.path).is_file() for each in STEPS)


def test_who_takes_every_step_has_the_field_from_the_command_line_to_the_order_of_runs(
    tmp_path: Path,
) -> None:
    followed(STEPS, tmp_path)
    assert ran(places.__file__, tmp_path) == ""
    assert ran(with_a_priority.__file__, tmp_path) == "all of it"


@pytest.mark.parametrize("left_out", STEPS, ids=lambda each: each.path)
def test_a_step_that_is_left_out_is_named(tmp_path: Path, left_out: Step) -> None:
    followed((each for each in STEPS if each is not left_out), tmp_path)
    [told] = ran(places.__file__, tmp_path).splitlines()
    assert told.startswith("priority lacks ")
    assert left_out.path in told or told.endswith("nothing reads it")


# -- add a store

WHOLE = "\n\n".join(
    block.text for block in blocks(read(DOCS / "contributing.md").partition("## Add a store")[2], "python")
)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the page's two blocks define."""
    defined: dict[str, Any] = {"pytest": pytest, "__name__": "tests.docs.of_the_page"}
    exec(compile(WHOLE, "docs/contributing.md", "exec"), defined)
    return defined


PROMISES = [name for name in dir(StoreContract) if name.startswith("test_")]


@pytest.mark.parametrize("promise", PROMISES)
def test_the_store_of_the_page_keeps_what_stores_promise(
    page: dict[str, Any], tmp_path: Path, promise: str
) -> None:
    suite = page["TestSqlite"]()
    suite.path = tmp_path / "kala.sqlite"
    getattr(suite, promise)()


def test_a_server_on_the_store_of_the_page_finds_what_was_acknowledged(
    page: dict[str, Any], tmp_path: Path
) -> None:
    async def with_a_server(ask: Callable[[AsyncKalaClient], Awaitable[Any]]) -> Any:
        settings = Settings(port=0, data_dir=None)
        server = Server(settings, store=page["SqliteStore"](tmp_path / "kala.sqlite"))
        await server.start()
        try:
            async with AsyncKalaClient(server.url) as kala:
                return await ask(kala)
        finally:
            await server.stop()

    job_id = asyncio.run(
        with_a_server(lambda kala: kala.create_job(name="kept", schedule="never", command="true"))
    )
    assert list(asyncio.run(with_a_server(lambda kala: kala.get_all_jobs()))) == [job_id]
