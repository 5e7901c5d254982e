"""What a server and its worker say to each other: groups of messages, each with its length before it.

A message is a tuple of plain values, written by marshal: both ends are this very program, and nobody else is heard.
"""

import marshal
from collections.abc import Iterator
from datetime import datetime
from struct import Struct
from typing import Any

from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt

Message = tuple[Any, ...]
"""One of `Topic`, and what belongs to it."""

PIECE = 1 << 18
"""How much is read at once."""
_LENGTH = Struct("!I")


class Topic:
    """What a message is about, as plain numbers: the first three are for the worker, the others come from it."""

    START = 0
    """handle, run id, job id, number, scheduled at, name, command, argv, shell, cwd, env, user, not after"""
    END = 1
    """handle"""
    KILL_ALL = 2
    READY = 3
    """nothing; the first that comes from a worker: what ends before has started nothing"""
    SPAWNED = 4
    """handle, pid, start time in clock ticks since boot"""
    PRINTED = 5
    """handle, bytes"""
    ENDED = 6
    """handle, succeeded, exit code, signal, reason"""
    PUT_OFF = 7
    """handle, reason"""


def start_of(attempt: Attempt) -> Message:
    """Return the message that has an attempt's command started."""
    spec = attempt.spec
    return (
        Topic.START,
        attempt.handle,
        attempt.run_id,
        attempt.job_id,
        attempt.number,
        attempt.scheduled_at.isoformat(),
        spec.name,
        spec.command,
        spec.argv,
        spec.shell,
        spec.cwd,
        dict(spec.env),
        spec.user,
        attempt.not_after,
    )


def attempt_of(start: Message) -> Attempt:
    """Return the attempt that such a message is about: of its job, what a command can depend on."""
    _, handle, run_id, job_id, number, scheduled_at, name, command, argv, shell, cwd, env, user, until = start
    return Attempt(
        handle=handle,
        run_id=run_id,
        job_id=job_id,
        number=number,
        scheduled_at=datetime.fromisoformat(scheduled_at),
        spec=JobSpec(name=name, command=command, argv=argv, shell=shell, cwd=cwd, env=env, user=user),
        not_after=until,
    )


def group_of(messages: list[Message]) -> bytes:
    """Return the messages as they are sent."""
    text = marshal.dumps(messages)
    return _LENGTH.pack(len(text)) + text


class Listener:
    """Puts messages together again from the pieces in which they come."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def hear(self, piece: bytes) -> Iterator[Message]:
        """Yield what has come in full."""
        self._heard += piece
        while len(self._heard) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._heard)[0]
            if len(self._heard) < end:
                return
            messages = marshal.loads(self._heard[_LENGTH.size : end])  # noqa: S302 - our own program wrote it
            del self._heard[:end]
            yield from messages
