"""What a server and its workers say to each other, as it stands in the rows: attempts and outcomes, each a JSON text.

A worker may be one release older or newer than its server: what a text has beyond what is known here is passed over,
and a text of another version is refused. Text in text, as jsonb takes no NUL and no half of a character.
"""

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt, Outcome

VERSION = 1
_SPEC = TypeAdapter(JobSpec)
_KNOWN = {field.name for field in fields(JobSpec)}
_OF_AN_OUTCOME = {field.name for field in fields(Outcome)}


class OtherVersionError(ValueError):
    """An attempt of which this release cannot know what it means."""


def text_of(attempt: Attempt) -> str:
    """Return an attempt as it is handed over; until when it may be is the database's to say."""
    spec = _SPEC.dump_python(attempt.spec, mode="json", exclude_defaults=True)
    said = {
        "v": VERSION,
        "handle": attempt.handle,
        "run_id": attempt.run_id,
        "job_id": attempt.job_id,
        "number": attempt.number,
        "scheduled_at": attempt.scheduled_at.isoformat(),
        "spec": spec,
    }
    return json.dumps(said)


def attempt_of(text: str) -> Attempt:
    """Return the attempt. Raises OtherVersionError."""
    said = json.loads(text)
    if said["v"] != VERSION:
        raise OtherVersionError(
            f"what it was handed has version {said['v']}, and this worker knows {VERSION}: run the server's release"
        )
    spec = {name: value for name, value in said["spec"].items() if name in _KNOWN}
    return Attempt(
        handle=said["handle"],
        run_id=said["run_id"],
        job_id=said["job_id"],
        number=said["number"],
        scheduled_at=datetime.fromisoformat(said["scheduled_at"]),
        spec=_SPEC.validate_python(spec),
    )


def text_of_outcome(outcome: Outcome) -> str:
    """Return an outcome as it is told."""
    return json.dumps(asdict(outcome))


def outcome_of(text: str) -> Outcome:
    """Return the outcome."""
    said: dict[str, Any] = json.loads(text)
    return Outcome(**{name: value for name, value in said.items() if name in _OF_AN_OUTCOME})
