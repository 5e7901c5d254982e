"""Processes under strace, which can refuse and delay what they ask the kernel for."""

import os
import shutil
import subprocess
from functools import cache


@cache
def why_not() -> str:
    """Say why this machine cannot do it; empty where it can."""
    if shutil.which("strace") is None:
        return "needs strace"
    traced = subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True)
    return "needs the right to trace a process" if traced.returncode else ""


def strace(call: str, fault: str) -> tuple[str, ...]:
    """Return the beginning of a command line: with `-p PID` or a command, that call has that fault."""
    return ("strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{fault}")
