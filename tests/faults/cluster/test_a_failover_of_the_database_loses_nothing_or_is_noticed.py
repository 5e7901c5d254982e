"""A standby takes the place of the database: what commits waited for is all there; one that was behind is not trusted.

Servers have both in their address, and are connected to the one that can be written to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.eventually import eventually
from tests.faults.cluster.busy import Busy
from tests.faults.cluster.databases import address_of_both, fail_over, standby_of, stop_streaming
from tests.faults.cluster.load import LATER, client_of
from tests.faults.cluster.members import Cluster, Member, two
from tests.faults.cluster.planted import trusts_a_shorter_log
from tests.faults.conftest import Tell
from tests.faults.promises import a_moment
from tests.faults.server_child import Plant, nothing
from tests.postgres import a_postgres


def test_a_synchronous_standby_that_is_promoted_has_all_and_the_same_server_leads(
    tmp_path: Path, tell: Tell
) -> None:
    with a_postgres() as primary:
        database = primary.database()
        with standby_of(primary, synchronous=True) as standby:
            where = address_of_both(primary, standby, database)
            with two(tmp_path, where) as cluster:
                epoch, busy = cluster.epoch(), Busy(cluster, tmp_path)
                with busy.going_on():
                    a_moment(2)
                    before = busy.load.acknowledged
                    fail_over(primary, standby)
                    eventually(lambda: busy.load.acknowledged > 2 * before)
                assert cluster.epoch() == epoch
                assert busy.broken() == []
    tell(
        f"{busy.load.acknowledged:,} acknowledged, of which {before:,} before the failover: 0 lost, 0 doubled"
    )


@contextmanager
def after_a_lossy_failover(folder: Path, plant: Plant = nothing) -> Iterator[Cluster]:
    """Promote a standby that lacks what was acknowledged, under servers that have seen it."""
    with a_postgres() as primary:
        database = primary.database()
        with standby_of(primary, synchronous=False) as standby:
            where = address_of_both(primary, standby, database)
            with two(folder, where, always=plant) as cluster:
                with client_of(cluster.urls) as kala, client_of(cluster.follower().url) as other:
                    kala.create_job(name="kept", command="true", schedule=LATER)
                    stop_streaming(primary, standby)
                    kala.create_job(name="lost", command="true", schedule=LATER)
                    eventually(lambda: len(other.get_all_jobs()) == 2)
                fail_over(primary, standby)
                yield cluster


def last_words(member: Member) -> str:
    """Wait for its end, and return what it says then."""
    assert member.exit_code() == 1
    return member.log.read_text().splitlines()[-1]


LOST = "the database has lost what it had acknowledged"


def test_a_standby_that_was_behind_is_not_trusted_by_any_server_and_each_says_so(tmp_path: Path) -> None:
    with after_a_lossy_failover(tmp_path) as cluster:
        assert all(LOST in last_words(member) for member in cluster.members)


def test_a_server_that_trusts_a_shorter_log_is_noticed(tmp_path: Path) -> None:
    with after_a_lossy_failover(tmp_path, trusts_a_shorter_log) as cluster:
        assert LOST not in last_words(cluster.members[0])
