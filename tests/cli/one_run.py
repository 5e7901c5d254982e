"""One run of a new job of a server, from its creation to its end."""

from typing import Any

from kala_client import KalaClient
from kala_client.models import Run
from tests.eventually import eventually


def ended(client: KalaClient, **job: Any) -> Run:
    """Return how the only run of a new job went."""
    job_id = client.create_job(**{"name": "a job", **job})
    [run] = eventually(lambda: [run for run in client.runs(job_id) if run.finished_at])
    return run


def printed(client: KalaClient, **job: Any) -> str:
    """Return what a new job prints."""
    run = ended(client, **job)
    assert run.state == "succeeded", run.reason
    return client.output(run)


def why(client: KalaClient, **job: Any) -> str:
    """Return why a new job failed."""
    run = ended(client, **job)
    assert run.state == "failed"
    return run.reason or ""
