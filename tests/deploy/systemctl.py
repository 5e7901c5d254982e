"""Stands in for systemctl where systemd does not run: of a unit it does what has to do with users and folders.

It starts nothing that systemd would not take, and tells where the unit is wrong. How closed a unit is it passes over.
"""

import configparser
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS = Path("/etc/systemd/system")
PIDS = Path("/opt/systemd")


def start(name: str) -> None:
    file = UNITS / f"{name}.service"
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "verify", file], check=True)
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(file)
    service = unit["Service"]
    user = pwd.getpwnam(service["User"])
    if state := service.get("StateDirectory"):
        folder = Path("/var/lib") / state
        folder.mkdir(exist_ok=True)
        folder.chmod(int(service.get("StateDirectoryMode", "0755"), 8))
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = subprocess.Popen(
        shlex.split(service["ExecStart"]),
        stdout=subprocess.PIPE,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        umask=int(service.get("UMask", "0022"), 8),
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "HOME": user.pw_dir},
        start_new_session=True,
    )
    assert server.stdout is not None
    sys.stdout.write(server.stdout.readline().decode())
    (PIDS / name).write_text(str(server.pid))


def stop(name: str) -> None:
    pid = int((PIDS / name).read_text())
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.02)


def main(words: list[str]) -> None:
    match words:
        case ["daemon-reload"]:
            pass
        case ["enable", "--now", name]:
            start(name)
        case ["restart", name]:
            stop(name)
            start(name)
        case ["disable", "--now", name]:
            stop(name)
        case _:
            sys.exit(f"systemctl {shlex.join(words)}: not known here")


if __name__ == "__main__":
    main(sys.argv[1:])
