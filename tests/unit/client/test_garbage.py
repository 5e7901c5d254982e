"""The garbage collector rests while a large answer is decoded, and only then."""

import gc
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from kala_client import UnexpectedResponseError, _calls, _garbage
from kala_client._answers import Answer
from kala_client._envelopes import JobsAnswer


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    gc.enable()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program of one thread, whatever threads the tests of others have left."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@pytest.mark.usefixtures("alone")
def test_the_collector_is_off_in_the_block_and_on_after_it() -> None:
    with _garbage.uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.usefixtures("alone")
def test_the_collector_is_on_again_after_an_error() -> None:
    with pytest.raises(ValidationError), _garbage.uncollected():
        TypeAdapter(int).validate_python("x")
    assert gc.isenabled()


@pytest.mark.usefixtures("alone")
def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with _garbage.uncollected():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_beside_another_thread_the_collector_is_left_alone() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        with _garbage.uncollected():
            assert gc.isenabled()
    finally:
        over.set()
        other.join()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("jobs", "on"), [(1, True), (2000, False)])
def test_it_rests_only_while_a_large_answer_is_decoded(
    jobs: int, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    reads = JobsAnswer.model_validate_json

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.add(gc.isenabled())
        return reads(*arguments, **options)

    monkeypatch.setattr(JobsAnswer, "model_validate_json", watched)
    body = {"jobs": {str(n): {"name": "a", "command": "x" * 1000} for n in range(jobs)}}
    answer = Answer("GET", "http://kala.test", 200, {}, json.dumps(body).encode())
    assert len(_calls.get_all_jobs().decode(answer)) == jobs
    assert seen == {on}
    assert gc.isenabled()


@pytest.mark.usefixtures("alone")
def test_it_works_again_after_a_large_answer_that_is_none_of_a_kala() -> None:
    answer = Answer("GET", "http://kala.test", 200, {}, b" " * 2**21)
    with pytest.raises(UnexpectedResponseError):
        _calls.get_all_jobs().decode(answer)
    assert gc.isenabled()
