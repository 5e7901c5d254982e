"""The retry policy, without a network and without waiting."""

import pytest

from kala_client import (
    JobNotFoundError,
    KalaConnectionError,
    KalaError,
    KalaTimeoutError,
    RetryPolicy,
    ServerError,
)
from kala_client._calls import builders, ledger
from kala_client._calls.answers import Answer
from kala_client._calls.call import Call
from kala_client._calls.retry import Wait, exchange
from kala_client._calls.servers import Servers
from kala_client.models import Job

STEADY = RetryPolicy(random=lambda: 1.0)
JOB = Job(name="a")


def answer(status: int, **headers: str) -> Answer:
    return Answer(
        "GET", "http://kala.test/", status, {name.replace("_", "-"): v for name, v in headers.items()}, b""
    )


def cut() -> KalaConnectionError:
    return KalaConnectionError("cut")


def never_sent() -> KalaConnectionError:
    error = KalaConnectionError("refused")
    error.never_sent = True
    return error


def attempts(
    call: Call[object], *outcomes: Answer | KalaError, keys: bool = False, left: float = 60.0
) -> list[float]:
    """Drive the exchange with outcomes, and return how long it wanted to wait in between."""
    waits: list[float] = []
    steps = exchange(
        call, STEADY, servers=Servers(["http://kala.test"]), remaining=lambda: left, honours_keys=lambda: keys
    )
    next(steps)
    pending = list(outcomes)
    try:
        while True:
            order = steps.send(pending.pop(0))
            assert isinstance(order, Wait)
            waits.append(order.seconds)
            next(steps)
    except (StopIteration, KalaError):
        assert not pending
    return waits


GET = builders.get_job("x")
DELETE = builders.delete_job("x")
CREATE = builders.create_job(JOB, key="k")
START = builders.start_job("x")


@pytest.mark.parametrize("outcome", [cut(), never_sent(), answer(429), answer(502), answer(503), answer(504)])
@pytest.mark.parametrize("call", [GET, DELETE])
def test_what_changes_nothing_twice_is_tried_three_times(
    call: Call[object], outcome: Answer | KalaError
) -> None:
    assert attempts(call, outcome, outcome, outcome) == [0.2, 0.4]


@pytest.mark.parametrize(
    "outcome", [answer(500), answer(404), answer(400), KalaTimeoutError("late"), KalaError("?")]
)
def test_what_would_fail_again_is_not_repeated(outcome: Answer | KalaError) -> None:
    assert attempts(GET, outcome) == []


@pytest.mark.parametrize("outcome", [cut(), answer(503), answer(429)])
def test_a_creation_is_repeated_only_where_the_server_honours_keys(outcome: Answer | KalaError) -> None:
    assert attempts(CREATE, outcome) == []
    assert attempts(CREATE, outcome, answer(201), keys=True) == [0.2]


@pytest.mark.parametrize(
    "call",
    [CREATE, builders.enable_job("x"), builders.update_job("x", {}, if_match=None), ledger.cancel("r")],
)
def test_what_was_never_sent_may_be_sent(call: Call[object]) -> None:
    assert attempts(call, never_sent(), never_sent(), never_sent()) == [0.2, 0.4]


@pytest.mark.parametrize(
    "call",
    [
        builders.enable_job("x"),
        builders.disable_job("x"),
        builders.replace_job("x", JOB, if_match=None),
        builders.pause(""),
    ],
)
def test_a_change_without_a_key_is_never_repeated_after_it_was_sent(call: Call[object]) -> None:
    assert attempts(call, cut(), keys=True) == []


@pytest.mark.parametrize("outcome", [cut(), never_sent(), answer(503)])
@pytest.mark.parametrize("call", [START, builders.start_run("x")])
def test_a_start_is_never_repeated(call: Call[object], outcome: Answer | KalaError) -> None:
    assert attempts(call, outcome, keys=True) == []


def test_retry_after_is_respected() -> None:
    assert attempts(GET, answer(503, retry_after="7"), answer(200)) == [7.0]
    dated = {"date": "Mon, 04 Jun 2035 19:25:16 GMT", "retry_after": "Mon, 04 Jun 2035 19:25:26 GMT"}
    assert attempts(GET, answer(503, **dated), answer(200)) == [10.0]
    assert attempts(GET, answer(503, retry_after="soon"), answer(200)) == [0.2]


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    assert attempts(GET, answer(503, retry_after="61")) == []
    assert attempts(GET, cut(), left=0.1) == []


def deleted(*outcomes: Answer | KalaError) -> object:
    steps = exchange(
        DELETE,
        STEADY,
        servers=Servers(["http://kala.test"]),
        remaining=lambda: 60.0,
        honours_keys=lambda: False,
    )
    next(steps)
    try:
        for outcome in outcomes:
            steps.send(outcome)
            next(steps)
    except StopIteration as done:
        return done.value
    raise AssertionError("it goes on")


def test_gone_after_an_unknown_outcome_is_deleted() -> None:
    assert deleted(cut(), answer(404)) is None
    assert deleted(answer(504), answer(404)) is None


def test_gone_without_a_doubt_is_not_found() -> None:
    with pytest.raises(JobNotFoundError):
        deleted(answer(404))
    with pytest.raises(JobNotFoundError):
        deleted(never_sent(), answer(404))


def test_the_last_failure_is_the_one_that_is_raised() -> None:
    with pytest.raises(ServerError):
        deleted(cut(), cut(), answer(503))


def test_jitter_is_full_and_bounded() -> None:
    assert RetryPolicy(random=lambda: 0.0).delay(1) == 0.0
    assert STEADY.delay(100) == STEADY.cap


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"base": -1}, {"cap": -1}])
def test_a_senseless_policy_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]
