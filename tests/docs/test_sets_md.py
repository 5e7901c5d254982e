"""docs/sets.md: the script runs, the fields are all there are."""

import ast
from pathlib import Path

import pytest

from kala_client import set_files
from kala_server.core.decide.sets import BY_ID
from kala_server.core.questions.plan import MOST_SLOTS
from kala_server.testing import Kit
from kala_server.wire.sets import MOST_JOBS
from tests.cli.command_line import kala_here
from tests.docs import scripts
from tests.docs.blocks import DOCS, blocks, codes, read, rows

PAGE = read(DOCS / "sets.md")
[FILE] = blocks(PAGE, "toml")
MODULE, SCRIPT = blocks(PAGE, "python")


def test_the_script_runs(url: str, tmp_path: Path) -> None:
    printed = scripts.run(SCRIPT.text, url, tmp_path).splitlines()
    assert [line.split()[:2] for line in printed] == [["create", "dump"], ["create", "verify"]]
    assert scripts.run(SCRIPT.text, url, tmp_path) == ""
    assert ast.parse(SCRIPT.text)


def test_the_file_is_a_set_and_what_is_wrong_with_it_is_told_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.toml").write_text(FILE.text)
    assert kala_here("check", "jobs.toml").out == "billing: 4 jobs, nothing is wrong\n"
    Path("jobs.toml").write_text(FILE.text.replace("0 3 * * *", "0 3 * *"))
    assert kala_here("check", "jobs.toml").err in PAGE


def test_a_plan_looks_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = '[job.old-report]\ncommand = "report"\nschedule = "0 6 * * *"\n'
    Path("jobs.toml").write_text(FILE.text.replace("0 3 * * *", "0 4 * * *") + before)
    with Kit("2035-03-24T00:00Z") as kit:
        url = {"KALA_URL": kit.url}
        kala_here("apply", "jobs.toml", "--yes", env=url)
        Path("jobs.toml").write_text(FILE.text)
        told = kala_here("plan", "jobs.toml", "--prune", env=url).out
        assert told.replace(kit.url, "http://127.0.0.1:8000") in PAGE, told


def test_the_module_says_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("said_in_the_docs.py").write_text(MODULE.text)
    assert kala_here("check", "said_in_the_docs:jobs").out == "billing: 3 jobs, nothing is wrong\n"
    jobs = set_files.read(["said_in_the_docs:jobs"])
    with Kit("2035-03-24T00:00Z") as kit:
        kit.client.apply_set(jobs.name, jobs.jobs)
        kit.advance("P1D")
        assert [len(kit.runs_of(name)) for name in ("dump", "verify.rows", "verify.sums")] == [1, 1, 1]


def test_what_only_a_job_of_a_set_says_is_documented() -> None:
    told = {name for (cell,) in rows(PAGE, "of a job in a set") for name in codes(cell)}
    assert {"key", "was", "adopt", "disabled", "schedule"} <= told


def test_limits_are_the_documented_ones() -> None:
    assert f"up to {MOST_JOBS:,} jobs" in PAGE
    assert f"beyond {MOST_SLOTS:,} of one job" in PAGE
    assert f"`{BY_ID}ID`" in PAGE
