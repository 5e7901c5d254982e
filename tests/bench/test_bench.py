"""The suite works: every row is there, with figures that can be. No time is judged here."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.__main__ import GROUPS
from tests.bench.sizes import SMALL

ROWS = {
    "create", "create-loaded", "batch", "get", "stats", "find", "find-held", "list", "list-held", "list-first",
    "list-first-held", "memory-listed", "rows", "rows-held", "rows-far", "rows-far-held", "timeline",
    "timeline-held", "summary", "summary-held",
    "start", "memory", "memory-started", "late-p50", "late-p99", "slots-run", "memory-flat", "year-state",
    "year-journal", "virtual-year", "compaction-held", "append-postgres", "load-postgres", "take-over",
    "hand-over", "decode", "call", "import", "import-client", "import-models",
    "cpu-run", "cpu-batch", "cpu-start",
    *(f"burst-{count}" for count in SMALL.bursts),
    *(f"burst-{count}-order" for count in SMALL.bursts),
    f"burst-{min(SMALL.bursts)}-held",
    *(("page-jobs", "page-jump", "page-filter", "page-now") if shutil.which("chromium") else ()),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let all that is started here share its compiled modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("compiled")))
        yield


def bench(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--width", "240", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The table of a small run, and the file with its figures."""
    file = tmp_path_factory.mktemp("small") / "now.json"
    return bench("--small", "--json", str(file)), file


def test_a_small_run_fills_every_row_of_the_table(small: tuple[str, Path]) -> None:
    table, file = small
    rows = json.loads(file.read_text())["rows"]
    assert rows.keys() == ROWS
    for name, row in rows.items():
        assert row["what"] in table
        for number in ("figure", "limit", "ratio"):
            assert math.isfinite(row[number]), name
            # So few jobs and runs may take less than one start differs from the next.
            assert row[number] > 0 or name.startswith(("memory", "cpu")), name
    assert rows["slots-run"]["figure"] == rows["slots-run"]["limit"]


def test_two_runs_stand_beside_each_other(small: tuple[str, Path]) -> None:
    table = bench("--small", "--only", "import", "--compare", str(small[1]))
    assert "before" in table


def test_what_is_no_row_is_an_error() -> None:
    with pytest.raises(AssertionError, match="invalid choice"):
        bench("--only", "nothing")
    assert "nothing" not in GROUPS
