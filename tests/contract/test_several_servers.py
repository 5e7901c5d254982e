"""One suite over both clients: several servers of one Kala, of which one leads, or none, or one that nobody named.

What such servers answer is in docs/api.md. Whatever two of them do about a call, what was sent where, and what was
carried out, is compared with what the call tells.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product

import pytest

from kala_client import (
    Job,
    KalaClient,
    KalaConnectionError,
    KalaError,
    KalaTimeoutError,
    NotLeaderError,
    RetryPolicy,
)
from kala_client._calls import retry
from tests.blocking import Kind, client_of
from tests.contract.members import ID, Does, Log, Member, members

CANARY = "t0ken-canary"
ONCE = RetryPolicy(attempts=1)
Ask = Callable[[KalaClient], object]
LOOK: Ask = lambda kala: kala.get_job(ID)  # noqa: E731
CALLS: dict[str, Ask] = {
    "looks": LOOK,
    "creates": lambda kala: kala.create_job(Job(name="a", command="true")),
    "deletes": lambda kala: kala.delete_job(ID),
    "changes": lambda kala: kala.update_job(ID, retries=1),
    "starts": lambda kala: kala.start_job(ID),
}
NOTHING_DONE = {Does.FOLLOWS, Does.ALONE, Does.GONE}
"""After these any call may be sent again."""
DOES = [does for does in Does if does is not Does.HANGS]


@contextmanager
def pair(kind: Kind, *does: Does, known: bool = True) -> Iterator[tuple[KalaClient, Log, list[Member]]]:
    """Give a client two servers that do that; `known`: it has heard from the first one before."""
    with (
        members(2) as (log, both),
        client_of(kind, ",".join(one.url for one in both), token=CANARY, retry=ONCE) as kala,
    ):
        if known:
            LOOK(kala)
        for one, what, other in zip(both, does, reversed(both), strict=True):
            one.does, one.leader = what, other.url
            if what is Does.GONE:
                one.leave()
        log.asked.clear()
        yield kala, log, both


def outcome_of(ask: Ask, kala: KalaClient) -> KalaError | None:
    try:
        ask(kala)
    except KalaError as error:
        return error
    return None


def asks_the_second(what: str, first: Does, *, known: bool) -> bool:
    """Say what the page of the client says."""
    if what == "looks":
        return first not in {Does.LEADS, Does.FOLLOWS, Does.ALONE}
    safe = what == "deletes" or (what == "creates" and known)
    return first in NOTHING_DONE or (first is not Does.LEADS and safe)


def answers(what: str, does: Does) -> bool:
    """Whether a server that does so has an answer that counts."""
    return does is Does.LEADS or (what == "looks" and does in {Does.FOLLOWS, Does.ALONE})


def faults(what: str, log: Log, both: list[Member], error: KalaError | None, *, known: bool) -> Iterator[str]:
    """Yield what is wrong about a call of two servers."""
    first, second = both
    wanted = [first, *([second] if asks_the_second(what, first.does, known=known) else [])]
    heard = [one.url for one in wanted if one.does is not Does.GONE]
    if [one.url for one in log.asked] != heard:
        yield f"asked {[one.url for one in log.asked]} and not {heard}"
    if len({(one.method, one.path, one.body, one.key) for one in log.asked}) > 1:
        yield "sent something else the second time"
    if {one.token for one in log.asked} - {f"Bearer {CANARY}"}:
        yield "without the token"
    if log.done > 1 and what not in {"looks", "deletes"}:
        yield f"done {log.done} times"
    if error is None and log.done == 0:
        yield "told as done, and is not"
    if (error is None) != answers(what, wanted[-1].does):
        yield f"ended with {error!r}"
    nothing = isinstance(error, NotLeaderError) or (
        isinstance(error, KalaConnectionError) and error.never_sent
    )
    if nothing and log.done and what != "looks":
        yield "told as not done for certain, and is done"


def all_faults(kind: Kind, what: str, *, known: bool) -> list[str]:
    """Return what is wrong about a call, whatever two servers do."""
    wrong = []
    for does in product(DOES, DOES):
        with pair(kind, *does, known=known) as (kala, log, both):
            error = outcome_of(CALLS[what], kala)
            found = faults(what, log, both, error, known=known)
            wrong += [f"one {', the next '.join(does)}: {fault}" for fault in found]
    return wrong


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("what", CALLS)
def test_whatever_two_servers_do_a_call_is_carried_out_once_and_where_it_may_be(
    kind: Kind, what: str, known: bool
) -> None:
    assert all_faults(kind, what, known=known) == []


@pytest.mark.parametrize("what", ["changes", "starts"])
def test_a_client_that_takes_every_failure_for_one_without_effect_is_noticed(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "nothing_was_done", lambda _: True)
    assert any("done 2 times" in fault for fault in all_faults("sync", what, known=True))


def test_a_leader_is_asked_first_once_it_is_known_by_clients_with_other_options_too(kind: Kind) -> None:
    with pair(kind, Does.FOLLOWS, Does.LEADS) as (kala, log, (follower, leader)):
        kala.pause()
        kala.get_job(ID)
        kala.with_options(timeout=5).resume()
        assert [one.url for one in log.asked] == [follower.url, leader.url, leader.url, leader.url]
        follower.does, leader.does, leader.leader = Does.LEADS, Does.FOLLOWS, follower.url
        kala.pause()
        assert [one.url for one in log.asked][4:] == [leader.url, follower.url]


@pytest.mark.parametrize("what", ["creates", "deletes", "changes", "starts"])
def test_a_leader_that_was_not_given_is_told_and_gets_neither_the_call_nor_the_token(
    kind: Kind, what: str
) -> None:
    with members(1) as (elsewhere, (leader,)), pair(kind, Does.FOLLOWS, Does.LEADS) as (kala, log, both):
        both[0].leader = leader.url
        error = outcome_of(CALLS[what], kala)
        assert isinstance(error, NotLeaderError)
        assert (error.leader, error.status) == (leader.url, 503)
        assert f"KALA_URL={both[0].url},{both[1].url},{leader.url}" in str(error)
        assert error.url is not None
        assert error.url.startswith(both[0].url)
        assert [one.url for one in log.asked] == [both[0].url]
        assert elsewhere.asked == []
        assert CANARY not in str(error)


def test_a_call_that_doubles_nothing_leaves_a_server_that_hangs_in_time(kind: Kind) -> None:
    with pair(kind, Does.HANGS, Does.LEADS) as (kala, log, both):
        assert kala.with_options(timeout=4).create_job(Job(name="a", command="true")) == ID
        assert [one.url for one in log.asked] == [one.url for one in both]
        assert len({one.key for one in log.asked}) == 1


def test_one_that_might_double_something_does_not_but_the_next_call_begins_elsewhere(kind: Kind) -> None:
    with pair(kind, Does.HANGS, Does.LEADS) as (kala, log, (hanging, leader)):
        with pytest.raises(KalaTimeoutError):
            kala.with_options(timeout=0.5).pause()
        kala.pause()
        assert [one.url for one in log.asked] == [hanging.url, leader.url]
