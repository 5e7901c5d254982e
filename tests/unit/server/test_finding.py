"""Pages of jobs are in the order of their creation, however the clock was set, and let others have their turn."""

from datetime import UTC, datetime, timedelta

import pytest

from kala_server.core.model.job import Job, JobSpec
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.web.finding import JobQuery
from kala_server.web.query import Query

NOW = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)


def known(*seconds: int, command: str = "true") -> State:
    """Jobs that were created at these seconds, one after the other."""
    state = State()
    for number, second in enumerate(seconds):
        at = NOW + timedelta(seconds=second)
        state.put_job(
            Job(id=f"job-{number}", spec=JobSpec(name="a", command=command, tags=("night",)), created_at=at)
        )
    return state


def pages(state: State, limit: int) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        wanted = JobQuery.read(Query({"limit": [str(limit).encode()], "after": [after.encode()]}))
        assert wanted is not None
        page, following = to_the_end(wanted.find(state))
        found += [job.id for job in page]
        if following is None:
            return found
        after = following


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_have_every_job_once_in_order_although_the_clock_was_set_back(limit: int) -> None:
    assert pages(known(5, 6, 6, 1, 7, 2), limit) == ["job-3", "job-5", "job-0", "job-1", "job-2", "job-4"]


@pytest.mark.parametrize("more", [{}, {"tag": [b"night"]}])
def test_each_job_that_takes_long_to_look_through_is_a_step_of_its_own(more: dict[str, list[bytes]]) -> None:
    wanted = JobQuery.read(Query({"q": [b"none"], **more}))
    assert wanted is not None
    assert sum(1 for _ in wanted.find(known(*range(10), command="x" * 10_000))) >= 10
