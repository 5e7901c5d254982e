"""A whole server in a process of its own, to be stopped, killed or lied to, with faults planted on request.

It is forked from a process that has everything imported, so that a thousand of them take minutes. `python -m
tests.faults.server_child` is the same as a program, for tests that need an environment of its own.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kala_server.config import Settings
from kala_server.ports.store import StoreError
from kala_server.server import Server
from tests.eventually import eventually

Plant = Callable[[], None]
"""Called in the new process before there is a server; can be pickled."""

ROOT = Path(__file__).parents[2]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["kala_server.server", "kala_client"])


def nothing() -> None:
    """Plant no fault."""


async def _serve(folder: Path, options: dict[str, Any], ready: Callable[[str], None]) -> None:
    server = Server(Settings(port=0, data_dir=folder, **options))
    await server.start()
    ready(server.url)
    raise await server.ended


def _child(folder: Path, options: dict[str, Any], plant: Plant, ready: Connection) -> None:
    plant()
    try:
        asyncio.run(_serve(folder, options, ready.send))
    except StoreError as error:
        with suppress(OSError):  # nobody may be listening any more
            ready.send(type(error).__name__)
        sys.exit(3)


class ServerChild:
    """A running server: where it answers, and what can be done to it.

    Without a URL it ended during its start; `refusal` is then the error of its store, if that was the reason.
    """

    def __init__(self, pid: int, said: str, join: Callable[[float], None]) -> None:
        self.pid = pid
        self.url = said if said.startswith("http") else ""
        self.refusal = "" if self.url else said
        self._join = join

    def kill(self) -> None:
        """End it as the kernel does, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.gone()

    def gone(self) -> None:
        """Wait for its end."""
        self._join(30)

    def freeze(self) -> None:
        """Stop every one of its threads where it is; one in the middle of a write to a disk is waited for."""
        os.kill(self.pid, signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        eventually(lambda: all(_stopped(task) for task in tasks.iterdir()), every=0.001)

    def memory(self) -> int:
        """Return how many bytes of memory it has."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def _stopped(task: Path) -> bool:
    return (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextmanager
def server_child(folder: Path, plant: Plant = nothing, **options: Any) -> Iterator[ServerChild]:
    """Run a server on the folder, and kill it at the end where it still runs. `options` are of `Settings`."""
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_child, args=(folder, options, plant, theirs))
    process.start()
    theirs.close()
    assert process.pid is not None
    try:
        assert ours.poll(30), "the server did not start"
        yield ServerChild(process.pid, _received(ours), partial(_join, process))
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _received(url: Connection) -> str:
    try:
        return str(url.recv())
    except EOFError:
        return ""


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    process.wait(seconds)


def _join(process: Any, seconds: float) -> None:
    process.join(seconds)
    assert process.exitcode is not None, "the server is still there"


@contextmanager
def server_program(
    folder: Path, *, plant: str = "nothing", environment: dict[str, str], **options: Any
) -> Iterator[ServerChild]:
    """Run a server as a program, with more in its environment; `plant` is the name of a function of `planted`."""
    arguments = [sys.executable, "-m", "tests.faults.server_child", str(folder), plant, json.dumps(options)]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the server did not start"
        yield ServerChild(process.pid, url, partial(_wait, process))
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    from tests.faults import planted

    getattr(planted, sys.argv[2], nothing)()
    asyncio.run(_serve(Path(sys.argv[1]), json.loads(sys.argv[3]), partial(print, flush=True)))
