"""Where a set comes from, for people who ask later: the commit of its files where there is one."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

_PATIENCE = 5
"""Seconds that git may take: what it says is good to know, and nothing depends on it."""


def source_of(files: Sequence[str]) -> str:
    """Return the names of the files, and which commit is checked out where they are."""
    names = ", ".join(Path(file).name for file in files)
    commit = _commit(Path(files[0]).parent)
    return f"{names}, commit {commit}" if commit else names


def _commit(folder: Path) -> str:
    try:
        asked = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
