"""What each record does to the state: `apply(state, record)` is the only way to change it.

State is a fold of records: the same ones give the same state, at start and in operation. Nothing here decides. What is
about jobs and about runs has files of its own (`apply_jobs.py`, `apply_runs.py`).
"""

from collections.abc import Callable
from typing import Any

from kala_server.core.model import records as r
from kala_server.core.state.apply_jobs import OF_JOBS
from kala_server.core.state.apply_runs import OF_RUNS
from kala_server.core.state.state import State
from kala_server.core.steps import Steps, to_the_end


def apply(state: State, record: r.Record) -> None:
    """Change the state as the record says."""
    steps = _APPLY[type(record)](state, record)
    if steps is not None:
        to_the_end(steps)


def applying(state: State, record: r.Record) -> Steps[None]:
    """Do the same step by step, where there are many."""
    steps = _APPLY[type(record)](state, record)
    if steps is not None:
        yield from steps


def _server_paused(state: State, record: r.ServerPaused) -> Steps[None]:
    state.undo.put(state.pauses, "server", record)
    yield from _placing_all(state)


def _server_resumed(state: State, _record: r.ServerResumed) -> Steps[None]:
    state.undo.drop(state.pauses, "server")
    yield from _placing_all(state)


def _placing_all(state: State) -> Steps[None]:
    """Look anew which of the runs that are not over are held back."""
    for run_ids in list(state.active.values()):
        for run_id in run_ids:
            state.place(state.runs[run_id])
        yield


def _server_kept(state: State, record: r.ServerKept) -> None:
    state.undo.put(state.times, "created_at", record.created_at)
    if record.last_attempted_run is not None:
        state.undo.put(state.times, "last_attempted_run", record.last_attempted_run)
    state.undo.put(state.epochs, "server", record.epoch)


def _key_kept(state: State, record: r.KeyKept) -> None:
    state.undo.put(state.keys, record.key, record)


def _keys_forgotten(state: State, record: r.KeysForgotten) -> None:
    for key, kept in list(state.keys.items()):
        if kept.at < record.before:
            state.undo.drop(state.keys, key)


_APPLY: dict[type, Callable[[State, Any], Steps[None] | None]] = {
    **OF_JOBS,
    **OF_RUNS,
    r.KeysForgotten: _keys_forgotten,
    r.ServerPaused: _server_paused,
    r.ServerResumed: _server_resumed,
    r.ServerKept: _server_kept,
    r.KeyKept: _key_kept,
}
