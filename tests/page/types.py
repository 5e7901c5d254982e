"""Has TypeScript look at what the page's modules say of their types, where npm is: `python -m tests.page.types`."""

import shutil
import subprocess
import sys
from pathlib import Path

_COMPILER = "typescript@7.0.2"
_PROJECT = Path(__file__).with_name("tsconfig.json")


def main() -> int:
    """Return what the compiler does; nothing is written."""
    if shutil.which("npx") is None:
        sys.stdout.write("the page's types are not looked at: there is no npx here\n")
        return 0
    command = ["npx", "--yes", "--package", _COMPILER, "--", "tsc", "--project", str(_PROJECT)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
