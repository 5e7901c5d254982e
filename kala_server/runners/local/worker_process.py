"""A worker as its server sees it: a process at the other end of a socket. It knows nothing of what they talk about."""

import asyncio
import contextlib
import errno
import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO

from kala_server.runners.local.environment import Surroundings, for_interpreter
from kala_server.runners.local.messages import PIECE, Listener, Message, group_of
from kala_server.runners.text import all_to_system

PROGRAM = "import sys; sys.path[:] = sys.argv[4:]; from kala_server.runners.local.worker import main; main()"


def _where_modules_are() -> list[str]:
    """Return where this process looks for modules, in full: its own directory may be another one later."""
    found = []
    for entry in sys.path:
        if isinstance(entry, str):
            with contextlib.suppress(OSError):  # our directory is gone, and nothing is found in it
                found.append(os.path.abspath(entry))  # noqa: PTH100 - a Path("") would be "."
    return found


_PATH = _where_modules_are()


class WorkerProcess:
    """A worker, from its start until it is closed."""

    def __init__(
        self,
        *,
        kill_grace: float,
        found: Surroundings,
        held: Sequence[int],
        left: str,
        on_message: Callable[[Message], None],
        on_gone: Callable[[], None],
    ) -> None:
        """Start it, with descriptors that it is to hold, for commands that are to find this. Raises OSError.

        `left` says what becomes of them when this process is gone (`worker.LEAVE`, `worker.END`).

        `on_gone` is called once if it ends by itself: nothing can come from it any more, and it is to be closed.
        """
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_gone = on_gone
        self._listener = Listener()
        self._untold: list[Message] = []
        self._unsent = bytearray()
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _started(
                    [str(theirs.fileno()), str(kill_grace), left], found, (theirs.fileno(), *held)
                )
            self._pidfd = _watched(self._process)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)

    @property
    def pid(self) -> int:
        """Which process it is."""
        return self._process.pid

    def tell(self, message: Message) -> None:
        """Send the message, in one group with what else is said in this turn of the loop. Never waits."""
        if not self._untold:
            self._loop.call_soon(self._group)
        self._untold.append(message)

    async def close(self) -> int:
        """End it at once, and return its exit code, or the signal as a negative one, when it is gone."""
        self._let_go()
        self._process.kill()
        ended = asyncio.Event()
        self._loop.add_reader(self._pidfd, ended.set)
        await ended.wait()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        return self._process.wait()

    def _let_go(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # a fork of this process may hold it, too
            self._socket.close()

    def _group(self) -> None:
        waits_already = bool(self._unsent)
        self._unsent += group_of(self._untold)
        self._untold.clear()
        if not waits_already:
            self._send()

    def _send(self) -> None:
        """Send what the socket takes; the rest goes when it takes more."""
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            return  # it is gone: to read says so too
        if self._unsent:
            self._loop.add_writer(self._socket, self._send)
        else:
            self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            piece = self._socket.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._let_go()
            self._on_gone()
            return
        for message in self._listener.hear(piece):
            try:
                self._on_message(message)
            except Exception as error:  # noqa: BLE001 - a fault about one command must not cost the others theirs
                told = {"message": "could not take in what became of a command", "exception": error}
                self._loop.call_exception_handler(told)


def _started(arguments: Sequence[str], found: Surroundings, kept: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Start the program, in a session of its own, as signals of a terminal are for the server alone."""
    if not sys.executable:
        raise FileNotFoundError(errno.ENOENT, "this Python does not know its own program")
    # As multiprocessing does: what this interpreter was told to believe, and not to believe, holds for the worker.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    with _file_of(found) as file:
        return subprocess.Popen(
            [sys.executable, *flags, "-P", "-c", PROGRAM, *arguments, *_PATH],
            stdin=file,
            stdout=subprocess.DEVNULL,
            env=all_to_system(for_interpreter(found.variables)),
            pass_fds=kept,
            start_new_session=True,
        )


def _file_of(found: Surroundings) -> IO[bytes]:
    """Return a file in memory that says what commands are to find: not all of it is for the worker itself."""
    file = os.fdopen(os.memfd_create("kala"), "w+b")
    file.write(marshal.dumps((dict(found.variables), found.open_files, found.mark)))
    file.seek(0)
    return file


def _watched(process: "subprocess.Popen[bytes]") -> int:
    """Return a pidfd, so that its end can be waited for when there may be no descriptor left."""
    try:
        return os.pidfd_open(process.pid)
    except OSError:
        process.kill()
        process.wait()
        raise
