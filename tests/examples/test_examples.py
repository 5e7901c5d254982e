"""Every example runs against a real server, says what it promises, and leaves nothing behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.testing import running_server

EXAMPLES = Path(__file__).parents[2] / "examples"

_ID = r"[0-9a-f-]{36}"
_TIME = r"\d\d:\d\d:\d\d"
SAYS = {
    "basic.py": [
        rf"created ({_ID}); without a schedule it runs at once",
        rf"ran at {_TIME}, succeeded after \d\.\d{{3}} s",
        r"deleted \1",
    ],
    "dependent_jobs.py": [
        rf"created the parent {_ID}, due at {_TIME}, and the child {_ID}",
        rf"fetch ran 1 time, at {_TIME}",
        rf"report ran 1 time, at {_TIME}",
        "deleted the parent, and with it the child, which has no other",
    ],
    "asynchronous.py": [
        *(rf"{city} was greeted at {_TIME}" for city in ("Berlin", "Lagos", "Lima", "Osaka", "Oslo")),
        "deleted 5 jobs",
    ],
}
"""What each example prints, line by line."""


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.name != "__pycache__"} == SAYS.keys()


@pytest.mark.parametrize("name", SAYS)
def test_an_example_does_what_it_says(name: str, tmp_path: Path) -> None:
    with running_server() as server:
        ended = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / name)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "KALA_URL": server.url},
            timeout=60,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert re.fullmatch("".join(rf"{line}\n" for line in SAYS[name]), ended.stdout), ended.stdout
        with KalaClient(server.url) as kala:
            assert kala.get_all_jobs() == {}
    assert list(tmp_path.iterdir()) == []
