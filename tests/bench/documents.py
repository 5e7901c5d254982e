"""The jobs that the suite creates, as JSON documents."""

import json
from datetime import datetime
from typing import Any

OWNER = "bench@example.com"
FAR_AWAY = "R/2099-01-01T00:00:00Z/PT10M"


def waiting(number: int) -> dict[str, Any]:
    """A job as people have them, which is not due in our lifetime."""
    return {
        "name": f"nightly-report-{number:06}",
        "command": f"/usr/local/bin/make-report --customer {number} --quiet",
        "owner": OWNER,
        "schedule": FAR_AWAY,
        "epsilon": "PT5S",
        "retries": 2,
    }


def runs_true(number: int, schedule: str, **more: Any) -> dict[str, Any]:
    """A job whose command does nothing."""
    return {"name": f"true-{number:06}", "command": "true", "owner": OWNER, "schedule": schedule, **more}


def at(instant: datetime, *, repeats: int = 0, period: str = "PT1S") -> str:
    """Return a schedule that begins at the instant."""
    return f"R{repeats}/{instant.isoformat()}/{period}"


def to_bytes(document: Any) -> bytes:
    return json.dumps(document).encode()
