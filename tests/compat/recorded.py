"""What two real Kalas were asked, and what they answered (recordings/*.json)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "recordings"
NAMES = ("2015", "latest")
RUN_TIMES = "runs_in_seven_seconds_of_PT1S_first_due_after_1.5s"
_SHORTENED = "…(1.1 MB)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a real Kala answered; `document` is None where that was no JSON."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def document(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Call:
    """One call, told apart from the others of its recording by its note; some were never answered."""

    note: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    answer: Answer | None

    @property
    def document(self) -> Any:
        """What was sent, None where that was no JSON object."""
        try:
            document = json.loads(self.body or "")
        except ValueError:
            return None
        return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True)
class Recording:
    """Every call to one Kala, in order, and when its jobs of `R0`, `R1`, `R2` and `R` ran."""

    calls: list[Call]
    run_times: dict[str, list[str]]


def recording(name: str) -> Recording:
    """Read a recording."""
    raw = json.loads((RECORDINGS / f"kala-{name}.json").read_text())
    return Recording([_call(call) for call in raw["calls"]], raw[RUN_TIMES])


def _call(raw: dict[str, Any]) -> Call:
    request, response = raw["request"], raw["response"]
    body = request["body"]
    if body is not None and body.endswith(_SHORTENED):
        body = body.removesuffix(_SHORTENED) + "x" * 1_100_000 + '"}'
    answer = Answer(**response) if response else None
    return Call(raw["note"], request["method"], request["path"], request["headers"], body, answer)
