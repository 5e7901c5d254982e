"""What clients get of runs and slots: the ledger as JSON, and what happens as events."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from kala_server.core.model import records as r
from kala_server.core.model.job import Run, RunState
from kala_server.core.questions.explain import Explanation, what_it_waits_for
from kala_server.core.state.state import State
from kala_server.wire.answers import nanoseconds

OF_THE_SERVER = (
    r.SetApplied,
    r.SetForgotten,
    r.ServerKept,
    r.ClockStepped,
    r.RunsPruned,
    r.KeyKept,
    r.KeysForgotten,
)
"""Records that tell an owner nothing."""
KEPT_BACK = {"begun_at", "offset"}
"""What records keep so that slots can be looked up anew."""


def run(state: State, run: Run, now: datetime) -> dict[str, Any]:
    """Return an entry of the ledger. What a waiting run waits for is its reason."""
    job = state.jobs.get(run.job_id)
    waits = run.state is RunState.WAITING and job is not None
    return {
        "id": run.id,
        "job_id": run.job_id,
        "job_name": job.spec.name if job else None,
        "scheduled_at": run.scheduled_at,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "state": run.state,
        "reason": what_it_waits_for(state, run, now) if waits else run.reason,
        "cause": run.cause or None,
        "trigger": run.trigger,
        "attempts": run.attempts,
        "retry_at": run.retry_at,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "duration": nanoseconds(run) / 1e9 if run.finished_at and run.started_at else None,
        "output_size": run.output_size,
        "output_cut": run.output_cut,
        "count": run.count,
        "last_scheduled_at": run.last_scheduled_at,
        "parent_runs": run.parents,
    }


def slot(explanation: Explanation) -> dict[str, Any]:
    """Return what became of a slot."""
    return {
        "at": explanation.at,
        "state": explanation.state,
        "sentence": explanation.sentence,
        "run_id": explanation.run.id if explanation.run else None,
    }


def event(state: State, record: r.Record) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the content of what happened, with the job and the run that it is about.

    None for what concerns no owner. A job's environment is left out, as it may hold secrets.
    """
    if isinstance(record, OF_THE_SERVER):
        return None
    said = {
        field.name: getattr(record, field.name) for field in fields(record) if field.name not in KEPT_BACK
    }
    if not said.get("set"):  # it was done by hand
        said.pop("set", None)
        said.pop("key", None)
    spec = said.pop("spec", None)
    job_id = said.pop("id", None) or said.pop("job_id", None)
    if job_id is None and (about := state.runs.get(said.get("run_id", ""))) is not None:
        job_id = about.job_id
    job = state.jobs.get(job_id or "")
    name = spec.name if spec is not None else job.spec.name if job is not None else None
    return r.kind(type(record)), {"job_id": job_id, "job_name": name, **said}
