"""One suite over both clients, against a real server: what is told at a glance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import kala_client
from kala_client import ConflictError, InvalidJobError, InvalidRequestError, Job, JobNotFoundError, KalaClient
from tests.eventually import PATIENCE

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
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


def test_a_job_is_tried_out_before_it_is_created_or_changed(kala: KalaClient) -> None:
    trial = kala.try_job(
        name="trial", command="true", schedule="0 9 * * *", timezone="Europe/Berlin", count=2
    )
    assert not trial.model_extra
    assert (len(trial.next), trial.before, trial.job.id) == (2, [], "")
    assert trial.words == kala.schedule_in_words("0 9 * * *", timezone="Europe/Berlin")
    assert not kala.find_jobs(name="trial")
    job_id = later(kala, name="kept")
    changed = kala.try_update(job_id, schedule="R/2036-01-01T00:00:00Z/P1D", count=1)
    assert changed.before == [datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)]
    assert changed.next == [datetime(2036, 1, 1, tzinfo=UTC)]
    replaced = kala.try_replace(job_id, Job(name="other", command="true", schedule="never"))
    assert (replaced.job.name, replaced.next, len(replaced.before)) == ("other", [], 5)
    assert kala.get_job(job_id).name == "kept"
    since = datetime(2040, 1, 1, tzinfo=UTC)
    assert kala.preview("0 9 * * *", since=since, count=1) == [since.replace(hour=9)]
    with pytest.raises(InvalidJobError, match="no time zone 'Mars/Base'"):
        kala.try_update(job_id, timezone="Mars/Base")


def test_who_says_which_job_was_seen_is_told_that_it_was_changed_since(kala: KalaClient) -> None:
    seen = kala.get_job(later(kala, name="edited by two"))
    assert kala.find_jobs(name="edited by two")[seen.id] == seen
    assert kala.try_update(seen, retries=1, if_match=seen.etag).job.retries == 1
    first = kala.update_job(seen, retries=1, if_match=seen.etag)
    assert first.etag not in {"", seen.etag}
    description = Job(name="the second", command="true", schedule=LATER)
    for late in (
        lambda: kala.update_job(seen, retries=2, if_match=seen.etag),
        lambda: kala.replace_job(seen, description, if_match=seen.etag),
        lambda: kala.try_update(seen, retries=2, if_match=seen.etag),
        lambda: kala.try_replace(seen, description, if_match=seen.etag),
    ):
        with pytest.raises(ConflictError, match="was changed since") as told:
            late()
        assert told.value.status == 412
    assert kala.get_job(seen.id).etag == first.etag
    assert kala.replace_job(seen, description, if_match=first.etag).name == "the second"


def test_a_job_of_which_no_server_has_told_a_tag_is_not_taken_for_one_that_was_seen(kala: KalaClient) -> None:
    job_id = later(kala)
    for job in (kala.get_all_jobs()[job_id], Job(name="mine", command="true")):
        assert job.etag == ""
        with pytest.raises(InvalidRequestError, match="if_match must be the etag of a job"):
            kala.update_job(job_id, retries=1, if_match=job.etag)
    assert kala.get_job(job_id).retries == 0


def test_timeline_has_what_was_and_what_is_to_come_in_a_row(kala: KalaClient) -> None:
    job_id = later(kala, "exit 3", name="row", shell=True)
    child = later(kala, name="behind", schedule="", parent_jobs=[job_id])
    run = kala.wait(kala.run_job(job_id), timeout=PATIENCE)
    told = kala.timeline([job_id, child])
    assert not told.model_extra
    assert (told.total, [row.id for row in told.rows]) == (2, [job_id, child])
    assert told.since < told.now < told.until
    row = told.rows[0]
    assert not row.model_extra
    [mark] = row.marks
    assert (mark.state, mark.run_id, mark.reason, row.counts) == (
        "failed",
        run.id,
        "exit code 3",
        {"failed": 1},
    )
    assert [(job.id, job.name) for job in row.behind.jobs] == [(child, "behind")]
    start = datetime(2035, 6, 1, tzinfo=UTC)
    [row] = kala.timeline([job_id], since=start, until=start + timedelta(days=10)).rows
    assert row.slots == [start.replace(hour=19, minute=25, second=16, day=day) for day in range(4, 11)]
    with pytest.raises(InvalidRequestError, match="job_ids names no job"):
        kala.timeline([])


def test_a_family_has_who_comes_before_and_who_after_and_who_is_called_for_failures(kala: KalaClient) -> None:
    helper = later(kala, name="helper")
    first = later(kala, name="first", on_failure_job=helper)
    second = later(kala, name="second", schedule="", parent_jobs=[first])
    run = kala.wait(kala.run_job(first), timeout=PATIENCE)
    told = kala.family(second)
    assert not told.model_extra
    assert [(node.id, node.distance) for node in told.nodes] == [(second, 0), (first, -1)]
    assert [(node.parents, node.followers) for node in told.nodes] == [(1, 0), (0, 1)]
    last = told.nodes[1].last
    assert last is not None
    assert (last.state, last.run_id) == ("succeeded", run.id)
    assert [(edge.begin, edge.end, edge.kind) for edge in told.edges] == [(first, second, "parent")]
    around = kala.family(first)
    assert {node.id: node.distance for node in around.nodes} == {first: 0, second: 1, helper: 1}
    assert ("failure", helper) in {(edge.kind, edge.end) for edge in around.edges}
    assert [node.id for node in kala.family(helper).nodes] == [helper, first]
    assert kala.family(first, limit=1).cut
    with pytest.raises(JobNotFoundError):
        kala.family(NO_ID)


def test_summary_has_figures_of_all_jobs(kala: KalaClient) -> None:
    job_id = later(kala, "exit 3", name="sum", shell=True)
    run = kala.wait(kala.run_job(job_id), timeout=PATIENCE)
    told = kala.summary()
    assert not told.model_extra
    assert told.step == timedelta(minutes=30)
    assert [part.at for part in told.parts] == [
        told.since + number * told.step for number in range(len(told.parts))
    ]
    assert told.slots["failed"] >= 1
    assert told.failing.total >= 1
    assert any((job.run_id, job.reason) == (run.id, "exit code 3") for job in told.failing.jobs)
    start = datetime(2035, 6, 4, 19, tzinfo=UTC)
    first, second = kala.summary(since=start, until=start + timedelta(hours=2), step=3600).parts
    assert (first.ahead > 0, second.ahead, second.jobs) == (True, 0, {})
