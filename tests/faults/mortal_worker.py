"""A worker to be planted in a server: when it has spawned so many commands, it kills whom it was told to.

It is run in place of `kala_server.runner.worker`.
"""

import os
import signal
from typing import Any

import kala_server.runner.shell
from kala_server.runner import worker
from kala_server.runner.spawn import spawn


def main() -> None:
    number, *victims = os.environ.pop("MORTAL_WORKER").split()
    left = int(number)
    pids = {"server": os.getppid(), "worker": os.getpid()}

    def spawned(*arguments: Any) -> tuple[int, int]:
        nonlocal left
        process = spawn(*arguments)
        left -= 1
        if left == 0:
            for victim in victims:
                os.kill(pids[victim], signal.SIGKILL)
        return process

    setattr(kala_server.runner.shell, "spawn", spawned)  # noqa: B010 - a function in place of a function
    worker.main()
