"""A small ext4 file system that can be cut off from its disk at once, as by a loss of power. Needs root.

The shutdown ioctl lets the kernel forget what is in its page cache and in the file system's log buffers; what the
image holds then is what a disk would hold.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.eventually import eventually

_FS_IOC_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2
_SIZE = 24 << 20
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class CutOffDisk:
    """An image, and where it is mounted."""

    def __init__(self, place: Path) -> None:
        self._image = place / "image"
        self.folder = place / "mounted"
        self.folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Put the disk in place, as at the next start of the machine: the file system replays its log."""
        _run("mount", "-o", "loop", str(self._image), str(self.folder))

    def cut(self) -> None:
        """Lose the power: nothing reaches the disk any more."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _FS_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Take the disk out; nobody may have a file of it open."""
        eventually(
            lambda: subprocess.run(["umount", self.folder], check=False, capture_output=True).returncode == 0
        )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": _PATH})


@cache
def why_not() -> str:
    """Say why this machine cannot do it; empty where it can."""
    if os.geteuid() != 0:
        return "needs root, to mount a file system and to cut it off"
    missing = [tool for tool in ("mkfs.ext4", "mount", "umount") if shutil.which(tool, path=_PATH) is None]
    if missing:
        return f"needs {' and '.join(missing)} (e2fsprogs, mount)"
    with tempfile.TemporaryDirectory() as place:
        try:
            disk = CutOffDisk(Path(place))
        except subprocess.CalledProcessError as error:
            return f"needs ext4 on a loop device: {error.stderr.decode().strip()}"
        try:
            disk.cut()
        except OSError as error:
            return f"needs the ioctl that shuts a file system down: {error.strerror}"
        finally:
            disk.unmount()
    return ""
