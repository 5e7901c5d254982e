"""The commands, where a Kala has several servers: whom they ask, and what they say where that is no use."""

from collections.abc import Iterator

import pytest

from kala_client import KalaClient
from tests.cli.command_line import kala, started
from tests.contract.cutting_proxy import cutting_proxy
from tests.contract.members import ID, Does, Log, Member, members
from tests.eventually import PATIENCE

CANARY = "t0ken-canary"
NOBODY, NOBODY_ELSE = "http://127.0.0.1:9", "http://127.0.0.1:13"  # ports at which nothing listens


@pytest.fixture
def cluster() -> Iterator[tuple[Log, Member, Member]]:
    """A server that follows, and its leader."""
    with members(2) as (log, (follower, leader)):
        follower.does, follower.leader = Does.FOLLOWS, leader.url
        yield log, follower, leader


@pytest.mark.parametrize("words", [["job", "start", ID], ["pause"], ["job", "disable", ID]])
def test_a_command_follows_to_the_leader_that_it_was_given(
    cluster: tuple[Log, Member, Member], words: list[str]
) -> None:
    log, follower, leader = cluster
    ended = kala(*words, env={"KALA_URL": f"{follower.url},{leader.url}", "KALA_TOKEN": CANARY})
    assert (ended.code, ended.err) == (0, "")
    changes = [one for one in log.asked if one.method != "GET"]
    assert [one.url for one in changes] == [follower.url, leader.url]
    assert {one.token for one in changes} == {f"Bearer {CANARY}"}


def test_of_a_leader_that_it_was_not_given_it_says_how_to_give_it(
    cluster: tuple[Log, Member, Member],
) -> None:
    log, follower, leader = cluster
    ended = kala("job", "start", ID, "--url", follower.url, env={"KALA_TOKEN": CANARY})
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"Error: this server does not lead, and {leader.url} does; nothing was changed; {leader.url} was not asked, "
        f"as this client was not given it: name both, as in KALA_URL={follower.url},{leader.url} ({follower.url})\n"
    )
    assert {one.url for one in log.asked} == {follower.url}


def test_where_none_answers_all_are_named_without_passwords() -> None:
    said = f"{NOBODY},{NOBODY_ELSE}".replace("//", "//user:canary@")
    ended = kala("stats", env={"KALA_URL": said})
    assert ended.code == 1
    assert ended.err.startswith("Error: no Kala answers at http://127.0.0.1:")
    assert NOBODY in ended.err
    assert NOBODY_ELSE in ended.err
    assert "canary" not in ended.err
    assert ended.err.count("\n") == 1


def test_of_several_addresses_the_wrong_one_is_named() -> None:
    ended = kala("stats", "--url", f"{NOBODY},nonsense://b")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith(
        "Error: the base URL must be such as http://127.0.0.1:8000, not 'nonsense://b'\n"
    )


def test_output_is_shown_on_where_a_server_goes_away(client: KalaClient, url: str) -> None:
    client.create_job(name="counts", command="seq 1 2000", schedule="R/2035-06-04T19:25:16Z/P1D")
    run = client.wait(client.run_job(next(iter(client.get_all_jobs()))))
    with (
        cutting_proxy(url, None, 3_000) as way,
        started("job", "logs", "-f", run.id, env={"KALA_URL": f"{way.url},{url}"}) as process,
    ):
        assert process.communicate(timeout=PATIENCE) == ("".join(f"{n}\n" for n in range(1, 2001)), "")
        assert way.broken
