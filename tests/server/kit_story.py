"""A story of many jobs, as a program: `python -m tests.server.kit_story` prints the ledger that comes of it."""

import json
import sys
from datetime import timedelta
from typing import Literal

from kala_client import Job, Run
from kala_server.testing import Kit

_OVERLAPS: tuple[Literal["queue", "skip", "allow", "replace"], ...] = ("queue", "skip", "allow", "replace")


def ledger() -> list[dict[str, object]]:
    """Tell the story and return what became of each slot."""
    with Kit("2035-03-24T00:00Z", max_running=4, seed=11) as kit:
        kit.client.create_jobs(_job(number) for number in range(12))
        for number in range(12):
            script = kit.command(f"job {number}").takes(timedelta(minutes=7 * number))
            script.then(exit_code=number % 3, output="so it went\n" * (number % 2)).then(
                exit_code=-9
            ).then_ok()
        kit.advance("P2D")
        kit.client.run_job(next(iter(kit.client.get_all_jobs())))
        kit.advance("PT30M")
        kit.crash(down="PT5H")
        kit.advance("P2D")
        return [_entry(run) for run in kit.client.runs()]


def _job(number: int) -> Job:
    return Job(
        name=f"job {number}",
        command="true",
        schedule=f"{number} */{number % 4 + 1} * * *",
        timezone="Europe/Berlin" if number % 2 else "",
        overlap=_OVERLAPS[number % 4],
        retries=number % 3,
        retry_delay="PT1M",
        epsilon="PT1H",
        timeout="PT1H",
    )


def _entry(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "name": run.job_name,
        "state": run.state,
        "trigger": run.trigger,
        "attempts": run.attempts,
        "times": [str(at) for at in (run.scheduled_at, run.queued_at, run.started_at, run.finished_at)],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ledger()))
