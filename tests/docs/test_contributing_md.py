"""docs/contributing.md: who follows "Add a field" has it everywhere, and is told of each step that was left out."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

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
