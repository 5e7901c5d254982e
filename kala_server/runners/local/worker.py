"""The worker: the process in which commands are started and watched, beside the server that says which.

To load a program holds Python for a third of a millisecond. Here nobody else waits for that, and the server decides on
a second core meanwhile. The worker knows a ShellRunner and a socket. When the socket ends, its server is gone: then it
starts no more commands and ends at once, and leaves those that run to the server's next start, as a crash always does:
they can go on printing, to nobody. Where another server may take over at once, on another machine, it ends them: what
they do is not to go on beside the next slot.
"""

import asyncio
import marshal
import os
import signal
import socket
import sys
from functools import partial
from types import FrameType
from typing import NoReturn

from kala_server.ports.runner import Outcome
from kala_server.runners.local import inherited
from kala_server.runners.local.environment import Surroundings
from kala_server.runners.local.messages import PIECE, Listener, Message, Topic, attempt_of, group_of
from kala_server.runners.local.shell import ShellRunner
from kala_server.runners.room import want_in

LEAVE, END = "leave", "end"
"""What becomes of commands whose server is gone."""
_TOGETHER = 0.01
"""Seconds for which reports wait for others while there are commands to start: a server that is told of each end by
itself syncs its disk for each, and has no time for what is due."""
_MOST_BYTES = 1 << 20
"""Output after which reports do not wait."""


class Worker:
    """Does what is asked for on a connection, and reports."""

    def __init__(
        self, connection: socket.socket, kill_grace: float, found: Surroundings, *, leaves_commands: bool
    ) -> None:
        self._connection = connection
        self._leaves_commands = leaves_commands
        self._loop = asyncio.get_running_loop()
        self._listener = Listener()
        self._runner = ShellRunner(
            kill_grace=kill_grace, found=found, on_spawned=partial(self.report, Topic.SPAWNED)
        )
        self._runner.attach(self)
        self._reports: list[Message] = []
        self._bytes = 0
        self._reporting: asyncio.TimerHandle | None = None

    async def work(self) -> None:
        """Do what is asked for, until the server is gone; it does not return."""
        self.report(Topic.READY)
        self._loop.add_reader(self._connection, self._hear)
        await self._loop.create_future()

    def _hear(self) -> None:
        try:
            piece = self._connection.recv(PIECE)
        except OSError:
            piece = b""
        if not piece:
            self._end()
        for message in self._listener.hear(piece):
            self._obey(message)

    def _obey(self, message: Message) -> None:
        match message[0]:
            case Topic.START:
                self._runner.start(attempt_of(message))
            case Topic.END:
                self._runner.end(message[1])
            case Topic.KILL_ALL:
                self._runner.kill_all()

    def ended(self, handle: str, outcome: Outcome) -> None:
        """Report how a command went."""
        if outcome.put_off:
            self.report(Topic.PUT_OFF, handle, outcome.reason)
            return
        self.report(Topic.ENDED, handle, outcome.succeeded, outcome.exit_code, outcome.signal, outcome.reason)

    def printed(self, handle: str, chunk: bytes, missing: int = 0) -> None:  # noqa: ARG002 - nothing is
        """Report what a command has printed."""
        self._bytes += len(chunk)
        self.report(Topic.PRINTED, handle, chunk)
        if self._bytes > _MOST_BYTES:
            self._report_all()

    def report(self, topic: int, *what: object) -> None:
        """Let the server know, with what else there is to say soon."""
        self._reports.append((topic, *what))
        if self._reporting is None:
            delay = _TOGETHER if self._runner.has_more_to_start else 0
            self._reporting = self._loop.call_later(delay, self._report_all)

    def _report_all(self) -> None:
        """Send the reports. A server that does not take them holds the worker, and so, in the end, what is printed."""
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        reports, self._reports, self._bytes = self._reports, [], 0
        try:
            self._connection.sendall(group_of(reports))
        except OSError:
            self._end()

    def _end(self) -> NoReturn:
        if self._leaves_commands:
            self._runner.leave_all()
        else:
            self._runner.kill_groups()
        os._exit(0)


def main() -> None:
    """Work for the server at the other end of the socket that argv names, until it is gone.

    What commands are to find comes by stdin; argv also says how long they have to end, and whether they are left.
    """
    descriptor, kill_grace, leaves_commands = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == LEAVE
    found = Surroundings(*marshal.load(sys.stdin.buffer))  # noqa: S302 - our own program wrote it
    inherited.reset_signals(but=[signal.SIGHUP])  # after a `nohup` commands are to ignore it too
    inherited.raise_open_files()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        # By handlers, as commands inherit what is ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _left_to_the_server)
    try:
        asyncio.run(
            _work(socket.socket(fileno=descriptor), kill_grace, found, leaves_commands=leaves_commands)
        )
    except (OSError, MemoryError) as error:
        if want_in(error):
            sys.exit(os.EX_TEMPFAIL)
        raise


async def _work(
    connection: socket.socket, kill_grace: float, found: Surroundings, *, leaves_commands: bool
) -> None:
    await Worker(connection, kill_grace, found, leaves_commands=leaves_commands).work()


def _left_to_the_server(number: int, frame: FrameType | None) -> None:
    """Do nothing: the server decides what a signal means for commands, and a worker ends with its server."""
