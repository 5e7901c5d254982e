"""The garbage collector looks at the newest objects only while a large answer is decoded, and only then."""

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

THRESHOLDS = (500, 7, 9)


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    yield
    gc.set_threshold(*before)
    gc.enable()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program of one thread, whatever threads the tests of others have left."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


def _only_newest() -> bool:
    newest, *older = gc.get_threshold()
    assert newest == THRESHOLDS[0]
    return all(threshold > 1_000_000 for threshold in older)


@pytest.mark.usefixtures("alone")
def test_only_the_newest_are_looked_at_in_the_block_and_all_after_it() -> None:
    with _garbage.only_newest_collected():
        assert _only_newest()
    assert gc.get_threshold() == THRESHOLDS


@pytest.mark.usefixtures("alone")
def test_all_are_looked_at_again_after_an_error() -> None:
    with pytest.raises(ValidationError), _garbage.only_newest_collected():
        TypeAdapter(int).validate_python("x")
    assert gc.get_threshold() == THRESHOLDS


@pytest.mark.usefixtures("alone")
def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with _garbage.only_newest_collected():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_beside_another_thread_the_collector_is_left_alone() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        with _garbage.only_newest_collected():
            assert gc.get_threshold() == THRESHOLDS
    finally:
        over.set()
        other.join()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("jobs", "only_newest"), [(1, False), (2000, True)])
def test_only_a_large_answer_is_decoded_so(
    jobs: int, only_newest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    reads = JobsAnswer.model_validate_json

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.add(_only_newest())
        return reads(*arguments, **options)

    monkeypatch.setattr(JobsAnswer, "model_validate_json", watched)
    body = {"jobs": {str(n): {"name": "a", "command": "x" * 1000} for n in range(jobs)}}
    answer = Answer("GET", "http://kala.test", 200, {}, json.dumps(body).encode())
    assert len(_calls.get_all_jobs().decode(answer)) == jobs
    assert seen == {only_newest}
    assert gc.get_threshold() == THRESHOLDS


@pytest.mark.usefixtures("alone")
def test_all_are_looked_at_again_after_a_large_answer_that_is_none_of_a_kala() -> None:
    answer = Answer("GET", "http://kala.test", 200, {}, b" " * 2**21)
    with pytest.raises(UnexpectedResponseError):
        _calls.get_all_jobs().decode(answer)
    assert gc.get_threshold() == THRESHOLDS
