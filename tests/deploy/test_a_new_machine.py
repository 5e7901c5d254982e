"""docs/deploy/README.md: from a clone to a running service, every command in its order, as root."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, blocks, read

PAGE = read(DOCS / "deploy" / "README.md")
FROM_CLONE_TO_SERVICE, AS_A_CLIENT, NEWER, UNDONE = (block.text for block in blocks(PAGE, "sh"))
TOKEN = "$(awk '/^full/ {print $2}' /var/lib/kala/tokens)"
NEW_MACHINE = Path(__file__).with_name("new_machine.py")
APART = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
TOOLS = ("unshare", "mount", "useradd", "runuser", "install")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
CAN = os.geteuid() == 0 and all(shutil.which(tool, path=_PATH) for tool in TOOLS)

pytestmark = pytest.mark.skipif(
    not CAN, reason=f"needs root, {', '.join(TOOLS)} (Debian: util-linux, mount, passwd)"
)


def on_a_new_machine(script: str, folder: Path) -> str:
    """Run a script as root and return what it prints; its users, files and ports are gone at its end."""
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root have file systems and networks apart")
    done = subprocess.run(
        [*APART, sys.executable, NEW_MACHINE, folder, script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def without_pip(script: str) -> str:
    """What pip would install is there already."""
    return "".join(
        line for line in script.splitlines(keepends=True) if not re.search(r"-m venv |/bin/pip ", line)
    )


def test_every_command_from_a_clone_to_a_running_service_and_back_runs_in_its_order(tmp_path: Path) -> None:
    script = [
        without_pip(FROM_CLONE_TO_SERVICE),
        AS_A_CLIENT.replace("kala_…", TOKEN),
        without_pip(NEWER),
        'kala() { /opt/kala/bin/kala "$@"; }',
        "test $(kala job list | grep -c '^hello .* active') = 1",
        "test $(KALA_TOKEN= kala job list 2>&1 | grep -c 'wants a token') = 1",
        "stat -c 'is %U:%G %a %n' /var/lib/kala /var/lib/kala/data /var/lib/kala/tokens",
        UNDONE,
        "ls /var/lib/ /opt/kala /etc/systemd/system/kala.service || echo all is gone",
    ]
    out = on_a_new_machine("\n".join(script), tmp_path)
    assert re.match(r"kala_\S{43}\nlistening on http://127.0.0.1:8000\n", out)
    assert re.findall(r"^is .*", out, re.MULTILINE) == [
        "is kala:kala 700 /var/lib/kala",
        "is kala:kala 700 /var/lib/kala/data",
        "is kala:kala 600 /var/lib/kala/tokens",
    ]
    assert out.endswith("\n/var/lib/:\nall is gone\n")


def test_the_other_unit_is_started_by_the_same_commands(tmp_path: Path) -> None:
    script = without_pip(FROM_CLONE_TO_SERVICE).replace("/kala.service /", "/kala-relaxed.service /")
    assert "docs/deploy/kala-relaxed.service " in script
    assert "listening on http://127.0.0.1:8000\n" in on_a_new_machine(script, tmp_path)
