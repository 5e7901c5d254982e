"""A machine on which nothing is installed yet, so far as commands as root can tell: run as root, within `unshare`.

    unshare --mount --net --pid --fork --kill-child --mount-proc python tests/deploy/new_machine.py FOLDER SCRIPT

FOLDER is a place for what is mounted elsewhere, and is as before at the end.
What is written to /etc, /opt and /var/lib stays within it, and so do ports. /opt/kala/bin/kala is there as pip would
leave it, and `systemctl` is systemctl.py: systemd itself is not at work here.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def let_everybody_reach(places: list[Path], scratch: str) -> None:
    """Let every user run our interpreter, which may be in a folder that is closed to others, such as root's home."""
    kept = {place: Path(tempfile.mkdtemp(dir=scratch)) for place in places}
    for place, aside in kept.items():
        mount("--bind", place, aside)
    for place in sorted(places, key=lambda place: len(place.parts)):  # one may lie within another
        if closed := first_closed(place):
            mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", closed)
        if not place.exists():
            place.mkdir(parents=True)
            mount("--bind", kept[place], place)


def first_closed(place: Path) -> Path | None:
    there = [each for each in reversed([place, *place.parents]) if each.exists()]
    return next((each for each in there if not each.stat().st_mode & 0o001), None)


def change_only_a_copy(folder: str, scratch: str) -> None:
    copy = tempfile.mkdtemp(dir=scratch)
    shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
    Path(copy).chmod(0o755)
    mount("--bind", copy, folder)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP).ljust(40, b"\0"))


def main(scratch: str, script: str) -> int:
    for folder in (scratch, "/opt", "/var/lib"):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    let_everybody_reach([Path(sys.base_prefix), Path(sys.prefix), ROOT], scratch)
    change_only_a_copy("/etc", scratch)
    bring_up_loopback()
    program(Path("/opt/kala/bin/kala"), f'PYTHONPATH={ROOT} exec {sys.executable} -m kala_server "$@"')
    program(
        Path("/opt/systemd/systemctl"),
        f'exec {sys.executable} {Path(__file__).with_name("systemctl.py")} "$@"',
    )
    path = f"/opt/systemd:{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
    return subprocess.run(["bash", "-euc", script], check=False, cwd=ROOT, env={"PATH": path}).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
