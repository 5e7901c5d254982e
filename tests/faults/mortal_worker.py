"""A worker to be planted in a server: when it has spawned so many commands, it kills whom it was told to.

It is run in place of `kala_server.runners.local.worker`.
"""

import os
import signal

from kala_server.runners.local import worker
from kala_server.runners.local.spawn import Command, Spawner


def main(number: int, *victims: str) -> None:
    left = number
    pids = {"server": os.getppid(), "worker": os.getpid()}
    spawn = Spawner.spawn

    def spawned(spawner: Spawner, command: Command) -> tuple[int, int]:
        nonlocal left
        process = spawn(spawner, command)
        left -= 1
        if left == 0:
            for victim in victims:
                os.kill(pids[victim], signal.SIGKILL)
        return process

    setattr(Spawner, "spawn", spawned)  # noqa: B010 - a method in place of a method
    worker.main()
