"""One suite over both clients, against a real server: a pause of the whole server."""

import pytest

from kala_client import InvalidRequestError, KalaClient, Pause

LATER = "R/2035-06-04T19:25:16Z/P1D"


def test_a_pause_begins_and_goes_on_and_ends(kala: KalaClient) -> None:
    assert kala.get_pause() == kala.resume() == Pause(paused=False)
    first = kala.pause()
    assert first.paused
    assert first.since is not None
    assert not first.model_extra
    again = kala.pause("the database moves")
    assert again == kala.get_pause() == Pause(paused=True, since=first.since, reason="the database moves")
    assert kala.resume() == kala.resume() == kala.get_pause() == Pause(paused=False)


def test_a_job_of_no_schedule_does_not_run_in_a_pause_but_when_it_is_started(kala: KalaClient) -> None:
    kala.pause("ask Ana")
    job_id = kala.create_job(name="once", command="true")
    [skipped] = kala.runs(job_id)
    assert (skipped.state, skipped.reason) == ("skipped", "the server was paused: ask Ana")
    assert kala.wait(kala.run_job(job_id)).succeeded


def test_a_reason_that_is_too_long_is_refused(kala: KalaClient) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        kala.pause("x" * 201)
    assert [error.field for error in raised.value.errors] == ["reason"]
    assert not kala.get_pause().paused


def test_a_job_keeps_its_next_time_in_a_pause(kala: KalaClient) -> None:
    job_id = kala.create_job(name="later", command="true", schedule=LATER)
    before = kala.get_job(job_id).next_run_at
    kala.pause()
    assert kala.get_job(job_id).next_run_at == before == next(kala.upcoming(job_id)).at
    assert "skipped unless the server is resumed" in kala.explain(job_id)[-1].sentence
