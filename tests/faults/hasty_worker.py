"""A planted worker whose commands let go of what it holds before their program is loaded.

It is run in place of `kala_server.runners.local.worker`.
"""

import subprocess
from typing import Any

from kala_server.runners.local import worker


def main() -> None:
    popen: Any = subprocess.Popen

    def hasty(*arguments: Any, **options: Any) -> Any:
        return popen(*arguments, **options | {"close_fds": True})

    setattr(subprocess, "Popen", hasty)  # noqa: B010 - a function in place of a class
    worker.main()
