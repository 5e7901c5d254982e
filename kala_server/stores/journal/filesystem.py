"""The calls to the file system that the store needs, and nothing besides: a simulated disk can stand in for them.

Every call of the store that changes or reads the disk goes through here. This module knows nothing of records,
decides nothing and retries nothing: what the system refuses is an `OSError` for the caller to judge.
"""

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Protocol

from kala_server.stores.journal import folder_rights

FILE_MODE = 0o600
FOLDER_MODE = 0o700


class FileSystem(Protocol):
    """What a journal asks of a disk. A file is named by the number that opening it gave."""

    def make_directory(self, path: Path) -> None:
        """Make the folder, for its owner only, and those above it, so that they outlive a power cut."""
        ...

    def danger(self, path: Path) -> str:
        """Say, in words, why the folder cannot be trusted with commands; nothing where it can."""
        ...

    def list_directory(self, path: Path) -> list[str]:
        """Name what is in the folder."""
        ...

    def lock(self, path: Path) -> int:
        """Own the file at `path`, which is made if need be, until it is closed. Raises BlockingIOError."""
        ...

    def identity(self, fd: int) -> str:
        """Name an open file as no other file of the machine is named while it is open; a copy is another file."""
        ...

    def create(self, path: Path) -> int:
        """Make a file that must not exist yet, for its owner only."""
        ...

    def open(self, path: Path) -> int:
        """Open a file to read and write it; it is its owner's only from then on."""
        ...

    def open_to_read(self, path: Path) -> int:
        """Open a file to read it, changing nothing."""
        ...

    def read(self, fd: int, size: int, offset: int) -> bytes:
        """Read up to `size` bytes; nothing at the end of the file."""
        ...

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write at a place of the file and say how many bytes it took."""
        ...

    def status(self, fd: int) -> tuple[int, int]:
        """Tell the file's size and how many names it has."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file down to a size."""
        ...

    def sync(self, fd: int) -> None:
        """Return when the file's bytes and its size would outlive a power cut. A failure must not be tried again."""
        ...

    def close(self, fd: int) -> None:
        """Let go of a file, and of the lock on it."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of what had it."""
        ...

    def unlink(self, path: Path) -> None:
        """Take a name out of its folder."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Return when the names in the folder would outlive a power cut."""
        ...


class RealFileSystem:
    """The machine's own file system."""

    def make_directory(self, path: Path) -> None:
        """Make what is missing; a folder that is there keeps the rights that its owner gave it."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            folder.chmod(FOLDER_MODE)  # whatever the umask took of it, from its owner too
            self.sync_directory(folder.parent)

    def danger(self, path: Path) -> str:
        """Say who else could change what is in the folder."""
        return folder_rights.danger(path)

    def list_directory(self, path: Path) -> list[str]:
        """Name what is in the folder."""
        return [entry.name for entry in path.iterdir()]

    def lock(self, path: Path) -> int:
        """Take the lock, or say at once that another process has it."""
        # The file is never unlinked: whoever had it open would lock one that has no name any more.
        fd = _opened(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return _private(fd)

    def identity(self, fd: int) -> str:
        """Return its device and inode: they are nobody else's while the file is open."""
        status = os.fstat(fd)
        return f"{status.st_dev}:{status.st_ino}"

    def create(self, path: Path) -> int:
        """Make a file; never one that a link put in its way."""
        return _private(_opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))

    def open(self, path: Path) -> int:
        """Open a file to read and write it."""
        return _private(_opened(path, os.O_RDWR))

    def open_to_read(self, path: Path) -> int:
        """Open a file to read it."""
        return _opened(path, os.O_RDONLY)

    def read(self, fd: int, size: int, offset: int) -> bytes:
        """Read up to `size` bytes."""
        return os.pread(fd, size, offset)

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        """Write at a place of the file."""
        return os.pwrite(fd, data, offset)

    def status(self, fd: int) -> tuple[int, int]:
        """Tell the file's size and how many names it has."""
        status = os.fstat(fd)
        return status.st_size, status.st_nlink

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file down to a size."""
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """Sync the bytes, and with them the size; times of change may be lost."""
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        """Let go of a file."""
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """Take a name out of its folder."""
        path.unlink()

    def sync_directory(self, path: Path) -> None:
        """Sync the names in the folder."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _opened(path: Path, flags: int) -> int:
    """Open a regular file at this very place, not wherever a link leads, and wait for nobody, as a pipe would.

    A second name for the file (a hard link) is no harm: who may not write to a file cannot do so by another name.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, and none is followed here", str(path)) from error
        raise
    owner = folder_rights.stranger_of(fd) if flags & os.O_RDWR else ""
    if stat.S_ISREG(os.fstat(fd).st_mode) and not owner:
        return fd
    os.close(fd)
    if owner:
        raise OSError(errno.EPERM, f"it belongs to {owner}, who could change it: chown it", str(path))
    raise OSError(errno.EINVAL, "it is no file", str(path))


def _private(fd: int) -> int:
    """Set the rights by hand, as a process's umask or an earlier owner may have left others."""
    try:
        os.fchmod(fd, FILE_MODE)
    except OSError:
        os.close(fd)
        raise
    return fd


def write_all(filesystem: FileSystem, fd: int, data: bytes, offset: int) -> None:
    """Write the whole of `data`: after a short write, asking for the rest tells why it was short."""
    rest = memoryview(data)
    while rest:
        written = filesystem.write(fd, rest, offset)
        rest = rest[written:]
        offset += written
