"""`-v`: a line for everything that happens, without what jobs say."""

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from kala_server.cli.server.verbose import in_short, narrate
from kala_server.core.model.job import JobSpec, RunState
from kala_server.core.model.records import JobCreated, RunFinished
from kala_server.service.feed import Feed

NOW = datetime(2035, 6, 4, tzinfo=UTC)
CREATED = JobCreated(id="j", at=NOW, spec=JobSpec(name="a-secret", command="echo a-secret"))
FINISHED = RunFinished(run_id="r", at=NOW, state=RunState.FAILED, exit_code=3, reason="a-secret")


def test_a_record_is_told_by_what_happened_to_whom_and_not_by_what_jobs_say() -> None:
    assert in_short(CREATED) == "job_created id=j"
    assert in_short(FINISHED) == "run_finished run_id=r state=failed exit_code=3"


def told(caplog: pytest.LogCaptureFixture, feed: Feed) -> list[str]:
    feed.close()
    asyncio.run(narrate(feed))
    return [record.getMessage() for record in caplog.records]


def test_all_that_happened_is_told_where_somebody_wants_to_know(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="kala.happens")
    feed = Feed()
    feed.publish([CREATED, FINISHED])
    assert told(caplog, feed) == ["job_created id=j", "run_finished run_id=r state=failed exit_code=3"]


def test_what_came_too_fast_is_owned_up_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="kala.happens")
    feed = Feed(buffered=1)
    feed.publish([CREATED, FINISHED])
    assert told(caplog, feed)[0] == "more than can be told"


def test_nothing_is_told_where_nobody_wants_to_know(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="kala.happens")
    feed = Feed()
    feed.publish([CREATED])
    assert told(caplog, feed) == []
