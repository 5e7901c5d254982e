"""The statements of the server that leads: it hands attempts over, has them ended, and hears what became of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, timedelta
from typing import NamedTuple

from kala_server.ports.machines import Machine, WorkerState
from kala_server.ports.runner import Attempt
from kala_server.runners.procrastinate.messages import text_of
from kala_server.runners.procrastinate.schema import are_there, prepare
from kala_server.stores.postgres.connection import Connection

_HAND_OVER = "SELECT kala_hand_over(%s, %s, %s, %s)"
_END = "SELECT kala_end(%s, %s)"
_KNOWN = "SELECT handle FROM kala_attempt WHERE handle = ANY(%s)"
_OVER = """
SELECT handle, outcome FROM kala_attempt
WHERE outcome IS NOT NULL AND (judged OR handle = ANY(%s)) AND handle <> ALL(%s)
"""
_PRINTED = (
    "SELECT handle, start, text FROM kala_printed WHERE handle = ANY(%s) ORDER BY handle, start LIMIT %s"
)
_HEARD = """
DELETE FROM kala_printed USING unnest(%s::text[], %s::bigint[]) AS heard (handle, start)
WHERE kala_printed.handle = heard.handle AND kala_printed.start = heard.start
"""
_MOST = 1_000
"""Pieces of output that are read at once."""
_FORGET_OTHERS = """
SELECT kala_forget(%s, ARRAY(
    SELECT handle FROM kala_attempt WHERE outcome IS NOT NULL AND NOT judged AND handle <> ALL(%s)))
"""
_FORGET = "SELECT kala_forget(%s, %s)"
_GONE = """
UPDATE kala_attempt SET judged = true FROM kala_worker
WHERE name = worker AND outcome IS NULL AND seen_at < clock_timestamp() - %(after)s
  AND pg_postmaster_start_time() < clock_timestamp() - %(after)s
RETURNING handle, worker, to_char(seen_at AT TIME ZONE 'UTC', 'HH24:MI:SS')
"""
_MACHINES = """
SELECT name, queues, concurrency, running, version, seen_at, stopped, seen_at < clock_timestamp() - %s, draining
FROM kala_worker ORDER BY name
"""
_WAITING = "SELECT handle, queue FROM kala_attempt WHERE worker IS NULL AND outcome IS NULL"
_DRAIN = "UPDATE kala_worker SET draining = true WHERE name = %s RETURNING 1"


class Printed(NamedTuple):
    """What an attempt has printed, from a place on."""

    handle: str
    start: int
    text: bytes


class Reports(NamedTuple):
    """What workers have told."""

    printed: Sequence[Printed]
    over: Mapping[str, str]
    """How attempts went of which all that they have printed is here, by their handles."""


class Gone(NamedTuple):
    """An attempt of whose worker nothing was heard for too long."""

    handle: str
    worker: str
    seen_at: str
    """The time of day, in UTC."""


def hand_over(connection: Connection, epoch: int, attempts: Sequence[Attempt]) -> bool:
    """Hand attempts over, each once; whether that epoch still holds the store, so that it counts.

    The first one makes the tables.
    """
    prepare(connection)
    handles = [attempt.handle for attempt in attempts]
    queues = [attempt.spec.queue for attempt in attempts]
    row = connection.execute(_HAND_OVER, (epoch, handles, queues, list(map(text_of, attempts)))).fetchone()
    return row is not None and bool(row[0])


def end(connection: Connection, handles: Collection[str], not_started: str) -> None:
    """Have attempts ended; those that nobody has taken come to that outcome."""
    connection.execute(_END, (list(handles), not_started))


def adopt(connection: Connection, epoch: int, handles: Collection[str]) -> frozenset[str] | None:
    """Return which of the attempts were handed over, be they over or not; None where none ever was.

    Of others nothing is kept, but for those that were judged.
    """
    if not are_there(connection):
        return None
    connection.execute(_FORGET_OTHERS, (epoch, list(handles)))
    return frozenset(handle for (handle,) in connection.execute(_KNOWN, (list(handles),)))


def reports(
    connection: Connection, *, known: Collection[str], told: Collection[str], heard: Sequence[Printed]
) -> Reports:
    """Return what is new of the known ones, and the end of others that were judged; what was heard may go."""
    if heard:
        connection.execute(_HEARD, ([one.handle for one in heard], [one.start for one in heard]))
    # What an attempt has printed is there before its end is: so it is looked for after that.
    over: dict[str, str] = dict(connection.execute(_OVER, (list(known), list(told))).fetchall())
    rows = connection.cursor(binary=True).execute(_PRINTED, (list(known), _MOST)).fetchall()
    printed = [Printed(*row) for row in rows]
    if len(printed) == _MOST:  # there may be more of the last of them, and of those that come after it
        over = {handle: outcome for handle, outcome in over.items() if handle < printed[-1].handle}
    return Reports(printed, over)


def forget(connection: Connection, epoch: int, handles: Collection[str]) -> bool:
    """Keep nothing more of attempts that are over; whether that epoch still holds the store."""
    row = connection.execute(_FORGET, (epoch, list(handles))).fetchone()
    return row is not None and bool(row[0])


def gone(connection: Connection, after: float) -> Sequence[Gone]:
    """Judge the attempts of workers of which nothing was heard for so many seconds while the database was there."""
    return [Gone(*row) for row in connection.execute(_GONE, {"after": timedelta(seconds=after)})]


def waiting(connection: Connection) -> Mapping[str, str]:
    """Return the queues in which attempts wait for a worker, by their handles."""
    return dict(connection.execute(_WAITING).fetchall())


def machines(connection: Connection, gone_after: float) -> Sequence[Machine]:
    """Return the workers."""
    if not are_there(connection):
        return ()
    rows = connection.execute(_MACHINES, (timedelta(seconds=gone_after),))
    return [
        Machine(
            name=name,
            queues=tuple(queues),
            concurrency=concurrency,
            running=running,
            version=version,
            seen_at=seen_at.astimezone(UTC),
            state=_state(stopped=stopped, gone=gone, draining=draining),
        )
        for name, queues, concurrency, running, version, seen_at, stopped, gone, draining in rows
    ]


def _state(*, stopped: bool, gone: bool, draining: bool) -> WorkerState:
    if stopped or gone:
        return WorkerState.STOPPED if stopped else WorkerState.GONE
    return WorkerState.DRAINING if draining else WorkerState.THERE


def drain(connection: Connection, name: str) -> bool:
    """Let a worker take nothing more; whether there is one of that name."""
    return are_there(connection) and connection.execute(_DRAIN, (name,)).fetchone() is not None
