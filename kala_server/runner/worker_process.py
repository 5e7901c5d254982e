"""A worker as its server sees it: a process at the other end of a socket. It knows nothing of what they talk about."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence

from kala_server.runner.environment import inherited
from kala_server.runner.messages import PIECE, Listener, Message, group_of

_PROGRAM = "import sys; sys.path[:] = sys.argv[3:]; from kala_server.runner.worker import main; main()"
"""Modules are looked for where this process looks for them, and not in the directory that it was started in."""


class WorkerProcess:
    """A worker, from its start until it is closed."""

    def __init__(
        self,
        *,
        kill_grace: float,
        held: Sequence[int],
        on_message: Callable[[Message], None],
        on_gone: Callable[[], None],
    ) -> None:
        """Start it, with descriptors that it is to hold. Raises OSError.

        `on_gone` is called once if it ends by itself; it is to be closed then, too.
        """
        self._loop = asyncio.get_running_loop()
        self._kill_grace = kill_grace
        self._on_message = on_message
        self._on_gone = on_gone
        self._listener = Listener()
        self._untold: list[Message] = []
        self._unsent = bytearray()
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _started(kill_grace, theirs.fileno(), held)
            except BaseException:
                self._socket.close()
                raise
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)

    def tell(self, message: Message) -> None:
        """Send the message, in one group with what else is said in this turn of the loop. Never waits."""
        if not self._untold:
            self._loop.call_soon(self._group)
        self._untold.append(message)

    async def close(self) -> int:
        """Let go of it, which ends it, and return its exit code once it is gone. One that is stopped is killed."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
        try:
            return await asyncio.to_thread(self._process.wait, self._kill_grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return await asyncio.to_thread(self._process.wait)

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
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._on_gone()
        for message in self._listener.hear(piece):
            try:
                self._on_message(message)
            except Exception as error:  # noqa: BLE001 - a fault about one command must not cost the others theirs
                told = {"message": "could not take in what became of a command", "exception": error}
                self._loop.call_exception_handler(told)


def _started(kill_grace: float, connection: int, held: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Start the program, in a session of its own, as signals of a terminal are for the server alone."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, str(connection), str(kill_grace), *sys.path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=inherited(),
        pass_fds=(connection, *held),
        start_new_session=True,
    )
