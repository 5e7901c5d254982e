"""A Unix socket to listen on, of which there may be one already: a live server's, a dead one's, or no socket at all.

One that nobody listens on was left by a server that was killed; it is taken over. Nothing else is ever removed, and a
server that ends removes only the socket that it has made itself. Two that start at once take turns: the folder is
locked meanwhile (no file is left for that), for some milliseconds.

This module knows nothing of what is said on a socket.
"""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from kala_server.config import ConfigError

_LONGEST = 107
"""Bytes of a path: struct sockaddr_un (unix(7)) has 108, the last of them NUL."""
_MODE = 0o600
_ITS_TURN = 5.0
"""Seconds that others may take to begin."""
_PEER = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""


class UnixSocket:
    """A socket that we listen on, until it is removed."""

    def __init__(self, path: Path, backlog: int) -> None:
        """Listen on it; from its first instant only its owner can open it. Raises ConfigError, which says why not."""
        if len(os.fsencode(path)) > _LONGEST:
            raise ConfigError(f"{path}: the path of a Unix socket has at most {_LONGEST} bytes")
        self.path = path
        with _refusals_in_words(path), _alone_in(path.parent):
            _make_room(path)
            self.listening = _listening(path, backlog)
            self._made = _identity(path)

    def remove(self) -> None:
        """Remove it from its folder, where it is still ours. To be called while we listen, or another may be there."""
        with contextlib.suppress(OSError):
            if _identity(self.path) == self._made:
                self.path.unlink()


def _listening(path: Path, backlog: int) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        os.fchmod(listening.fileno(), _MODE)  # which Linux gives to the file as well, less the umask
        listening.bind(str(path))
        path.chmod(_MODE)
        listening.listen(backlog)
    except BaseException:
        listening.close()
        raise
    return listening


def _make_room(path: Path) -> None:
    """Remove the socket of a server that is gone. Raises ConfigError where something else is in the way."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(
            f"{path} is {_kind(mode)}, no socket; it was left as it is. Choose another path for --unix-socket, "
            "or remove it"
        )
    if (holder := _who_listens(path)) is not None:
        raise ConfigError(f"{path} is in use by {holder}: one server for each socket")
    path.unlink()


def _who_listens(path: Path) -> str | None:
    """Name who listens on the socket, in words; None where nobody does any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except BlockingIOError:
            return "a process that takes no more connections"
        except OSError as error:
            if error.errno == errno.EPROTOTYPE:
                return "a program of another kind"
            raise
        pid, _, _ = _PEER.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return f"process {pid}" if pid else "a process of another container"


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other servers from making a socket in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + _ITS_TURN
        while not _locked(descriptor):
            if time.monotonic() > until:
                raise ConfigError(f"{folder} is locked by another process, so no socket can be made in it")
            time.sleep(0.01)  # noqa: TID251 - a lock cannot be waited for with a limit
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _refusals_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"no socket can be made at {path}: {error.strerror}") from error


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISLNK(mode):
        return "a link"
    return "a file" if stat.S_ISREG(mode) else "a pipe or a device"
