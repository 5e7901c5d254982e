"""What the machine and Python can do at the most, measured beside what we do."""

import asyncio
import os
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

Work = Callable[[], object]

_AT_A_TIME = 64
"""As many commands as a server runs at the same time."""
_TICK = 0.001


def since(began: float) -> float:
    return perf_counter() - began


def best(work: Work, repeats: int) -> float:
    """Return how many seconds it takes at the least."""
    return best_in_turns([work], repeats)[0]


def best_in_turns(works: Sequence[Work], repeats: int) -> list[float]:
    """Return how many seconds each takes at the least; a machine that is busy is so for all of them."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            began = perf_counter()
            work()
            taken.append(since(began))
    return [min(taken) for taken in times]


def append(folder: Path, data: bytes) -> None:
    """Add to a file, and wait until it is on the disk."""
    fd = os.open(folder / "appended", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(fd, data)
        os.fdatasync(fd)
    finally:
        os.close(fd)


def spawn_rate(count: int) -> float:
    """Spawn `true` so often, each in a session of its own with a pipe, and return how many are done each second."""
    began = perf_counter()
    pipes: deque[tuple[int, int]] = deque()
    for _ in range(count):
        if len(pipes) == _AT_A_TIME:
            _reap(*pipes.popleft())
        pipes.append(_spawn_true())
    for each in pipes:
        _reap(*each)
    return count / since(began)


def _spawn_true() -> tuple[int, int]:
    reading, writing = os.pipe()
    program = shutil.which("true") or "/bin/true"
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, writing, 2)]
    pid = os.posix_spawn(program, ["true"], os.environ, file_actions=actions, setsid=True)
    os.close(writing)
    return pid, reading


def _reap(pid: int, pipe: int) -> None:
    while os.read(pipe, 65_536):
        pass
    os.close(pipe)
    os.waitpid(pid, 0)


async def bare_lateness(rate: int, seconds: float) -> list[float]:
    """Spawn `true` so often each second, and return how late each was begun, the least first; in seconds."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    begin = loop.time() + 0.1
    children: deque[tuple[int, int]] = deque()

    def due(when: float) -> None:
        late.append(loop.time() - when)
        if len(children) == _AT_A_TIME:
            _reap(*children.popleft())
        children.append(_spawn_true())

    count = int(rate * seconds)
    for number in range(count):
        loop.call_at(begin + number / rate, due, begin + number / rate)
    await asyncio.sleep(seconds + 0.5)
    for each in children:
        _reap(*each)
    return sorted(late)


class LoopWatch:
    """Notices how long the running loop is held, from now until `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._longest = 0.0
        self._expected = 0.0
        self._next()

    def stop(self) -> float:
        """Return the longest time that something was in the way, in seconds."""
        self._look()
        self._timer.cancel()
        return self._longest

    def _next(self) -> None:
        self._expected = self._loop.time() + _TICK
        self._timer = self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        self._look()
        self._next()

    def _look(self) -> None:
        self._longest = max(self._longest, self._loop.time() - self._expected)
