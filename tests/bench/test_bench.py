"""The suite works: every row is there, with figures that can be. No time is judged here."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import GROUPS
from tests.bench.sizes import SMALL

ROWS = {
    "create", "create-loaded", "batch", "get", "stats", "list", "list-held", "list-at-once",
    "list-at-once-held", "memory-listed",
    "start", "memory", "memory-started", "late-p50", "late-p99", "slots-run", "memory-flat", "year-state",
    "year-journal", "compaction-held", "decode", "call", "import",
    "import-client", "import-models",
    *(f"burst-{count}" for count in SMALL.bursts),
    *(f"burst-{count}-order" for count in SMALL.bursts),
    f"burst-{min(SMALL.bursts)}-held",
}  # fmt: skip


def bench(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--width", "200", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_small_run_fills_every_row_of_the_table(tmp_path: Path) -> None:
    table = bench("--small", "--json", str(tmp_path / "now.json"))
    rows = json.loads((tmp_path / "now.json").read_text())["rows"]
    assert rows.keys() == ROWS
    for name, row in rows.items():
        assert row["what"] in table
        for number in ("figure", "limit", "ratio"):
            assert math.isfinite(row[number]), name
            # So few jobs may take less memory than one start differs from the next.
            assert row[number] > 0 or name in {"memory", "memory-started", "memory-listed"}, name
    assert rows["slots-run"]["figure"] == rows["slots-run"]["limit"]


def test_two_runs_stand_beside_each_other(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    bench("--small", "--only", "import", "--json", str(old))
    table = bench("--small", "--only", "import", "--compare", str(old))
    assert "before" in table


def test_what_is_no_row_is_an_error() -> None:
    with pytest.raises(AssertionError, match="invalid choice"):
        bench("--only", "nothing")
    assert "nothing" not in GROUPS
