"""Runs the Python of a page as its readers would: in a process of its own, against a real server."""

import os
import subprocess
import sys
from pathlib import Path

_PLUGIN = ("-p", "kala_server.pytest_plugin")
"""Ours alone, which users have by itself."""


def run(text: str, url: str, folder: Path) -> str:
    """Run a block, a file of tests by pytest, and return what it prints; fails where it does, or where it warns."""
    path = folder / "test_of_the_page.py"
    path.write_text(text, encoding="utf-8")
    by_pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *_PLUGIN]
    done = subprocess.run(
        [sys.executable, "-W", "error", *(by_pytest if "def test_" in text else []), str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "KALA_URL": url, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout
