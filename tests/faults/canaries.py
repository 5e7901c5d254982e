"""Secrets that can be recognized: they are put wherever a user may put one, and then looked for where none may be."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.eventually import PATIENCE
from tests.faults.server_child import ROOT

TOKEN = "canary-token-of-the-server"
READ_TOKEN = "canary-token-that-only-reads"
WRONG_TOKEN = "canary-token-that-is-wrong"
PASSWORD = "canary-password-in-the-url"
ENV = "canary-value-of-a-job"
SERVERS_ENV = "canary-value-of-the-server"
COMMAND = "canary-argument-of-a-command"
HEADER = "canary-header-of-an-http-job"
BODY = "canary-body-of-an-http-job"
OUTPUT = "canary-output"
CREDENTIALS = frozenset({TOKEN, READ_TOKEN, WRONG_TOKEN, PASSWORD, SERVERS_ENV})
"""What nobody may ever see again."""
OF_JOBS = frozenset({ENV, COMMAND, HEADER, BODY, OUTPUT})
"""What a job's owner has said and may read, where it was asked for."""
EVERY = CREDENTIALS | OF_JOBS

_PROGRAM = """
import runpy, sys
from tests.faults import planted
getattr(planted, sys.argv.pop(1))()
runpy.run_module("kala_server", run_name="__main__", alter_sys=True)
"""


def found(text: str, unwanted: frozenset[str]) -> set[str]:
    """Return the canaries in a text."""
    return {canary for canary in unwanted if canary in text}


class LoggingServer:
    """`kala serve` as users run it. After the block, `logged` is all that it wrote."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.logged = ""
        assert process.stdout is not None
        line = process.stdout.readline()
        self.url = line.strip().rpartition(" ")[2]
        assert self.url, "the server did not start"

    def stop(self) -> None:
        """Ask it to stop, and take what it has written."""
        self.process.terminate()
        self.logged = "".join(self.process.communicate(timeout=PATIENCE))


@contextmanager
def logging_server(
    folder: Path, *, arguments: list[str], environment: Mapping[str, str], plant: str
) -> Iterator[LoggingServer]:
    """Run `kala serve` with a token."""
    tokens = folder.with_suffix(".tokens")
    tokens.touch(mode=0o600)
    tokens.write_text(f"read {READ_TOKEN}\n")
    command = [sys.executable, "-c", _PROGRAM, plant, "serve", "-v", "-p", "0", "--grace", "0"]
    process = subprocess.Popen(
        [*command, "--data-dir", str(folder), "--token-file", str(tokens), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    try:
        server = LoggingServer(process)
        yield server
        server.stop()
    finally:
        process.kill()
        process.communicate()
