"""One suite over both clients, against a real server: what is told at a glance."""

from typing import Any

import kala_client
from kala_client import KalaClient
from tests.eventually import PATIENCE

LATER = "R/2035-06-04T19:25:16Z/P1D"


def later(kala: KalaClient, command: str = "true", **fields: Any) -> str:
    """Create a job that is not due for years."""
    return kala.create_job(**{"name": "later", "command": command, "schedule": LATER, **fields})


def test_session_says_what_the_client_may_do_and_with_whom_it_speaks(kala: KalaClient) -> None:
    told = kala.session()
    assert not told.model_extra
    assert (told.scope, told.tokens, told.version) == ("full", False, kala_client.__version__)
    assert told.up_since <= told.now
    assert told.pause == kala.get_pause()


def test_job_rows_are_a_part_of_the_list_in_an_order_with_the_latest_runs(kala: KalaClient) -> None:
    tag = "rows"
    for name in ("b", "a", "c"):
        later(kala, name=name, tags=[tag])
    [job_id] = kala.find_jobs(tag=tag, name="b")
    run = kala.wait(kala.run_job(job_id), timeout=PATIENCE)
    page = kala.job_rows(tag=tag, sort="name", offset=1, limit=1)
    assert not page.model_extra
    assert (page.total, page.offset, [row.name for row in page.rows]) == (3, 1, ["b"])
    [row] = page.rows
    assert not row.model_extra
    assert (row.id, row.state, row.schedule, row.tags) == (job_id, "active", LATER, [tag])
    [mark] = row.recent
    assert (mark.state, mark.slots, mark.run_id, mark.reason) == ("succeeded", 1, run.id, "")
    assert run.started_at is not None
    assert 0 <= (run.started_at - mark.begin).total_seconds() < 0.001
    assert mark.end is not None
    assert mark.begin <= mark.end
