"""axe-core, which looks for what keeps somebody from using a page. It comes from npm, and is kept among caches."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

VERSION = "4.14.1"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kala-tests"


def source() -> str:
    """Return the script; skip where it is not there and npm cannot bring it."""
    pack = _CACHE / f"axe-core-{VERSION}.tgz"
    if not pack.exists():
        if shutil.which("npm") is None:
            pytest.skip("no axe-core here, and no npm to bring it: apt install npm")
        _CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
        subprocess.run(command, cwd=_CACHE, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(pack) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def faults(tab: Page) -> list[str]:
    """Return what is in somebody's way on the page as it is now, each with its first place."""
    tab.evaluate(source())
    found: dict[str, Any] = tab.evaluate("(rules) => axe.run(document, {runOnly: rules})", _RULES)
    return [
        f"{fault['id']}: {fault['help']} ({fault['nodes'][0]['html'][:160]})" for fault in found["violations"]
    ]
