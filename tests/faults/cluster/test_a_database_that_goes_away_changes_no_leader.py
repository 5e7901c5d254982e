"""The database is killed, or connections to it are cut, under two servers and their clients: the same one leads on.

Meanwhile changes are refused, questions are answered and commands go on; nothing is lost, and nothing doubled.
"""

from pathlib import Path
from random import Random
from time import monotonic

import httpx

from kala_client import KalaClient
from tests.eventually import eventually
from tests.faults.cluster.busy import Busy
from tests.faults.cluster.load import LATER, client_of
from tests.faults.cluster.members import Member, members, two
from tests.faults.cluster.planted import takes_the_unheard_for_not_kept
from tests.faults.conftest import Tell
from tests.faults.cutting_proxy import Cut, Way, cutting_proxy
from tests.faults.figures import CONNECTIONS_CUT, OUTAGES_OF_SERVERS, SECONDS_OF_AN_OUTAGE
from tests.faults.promises import a_moment
from tests.faults.server_child import Plant, nothing
from tests.postgres import Postgres, a_postgres


class Ticking:
    """A command that goes on all the time, and leaves a line each tenth of a second."""

    def __init__(self, kala: KalaClient, file: Path) -> None:
        self._file = file
        file.touch()
        command = f"while echo tick >> {file}; do sleep 0.1; done"
        self._kala = kala
        self._job_id = kala.create_job(name="ticks", command=command, shell=True, idempotency_key="ticks")
        eventually(self.ticks)

    def ticks(self) -> int:
        return len(self._file.read_text().splitlines())

    def goes_on(self) -> bool:
        """Whether it is there, as the one run that there ever was."""
        before = self.ticks()
        eventually(lambda: self.ticks() > before)
        return [run.state for run in self._kala.runs(self._job_id)] == ["running"]


def what_is_said_meanwhile(leader: Member) -> None:
    """Hold a leader whose database is away to what it has to say."""
    with httpx.Client(base_url=leader.url) as http:
        job = {"name": "in vain", "command": "true", "schedule": LATER}
        refused = eventually(lambda: _if_refused(http.post("/api/v1/job/", json=job)))
        assert refused.headers["retry-after"]
        assert "kala-leader" not in refused.headers
        assert http.get("/api/v1/job/").status_code == 200
        assert http.get("/readyz").status_code == 503


def _if_refused(answer: httpx.Response) -> httpx.Response | None:
    return answer if answer.status_code == 503 else None


def test_a_database_that_is_killed_again_and_again_changes_no_leader_and_loses_nothing(
    tmp_path: Path, tell: Tell
) -> None:
    taken = []
    with a_postgres() as server, two(tmp_path, server.database()) as cluster:
        leader, epoch, busy = cluster.leader(), cluster.epoch(), Busy(cluster, tmp_path)
        with busy.going_on(), client_of(leader.url) as kala:
            ticking = Ticking(kala, tmp_path / "ticks")
            for _ in range(OUTAGES_OF_SERVERS):
                a_moment(1)
                server.stop(immediate=True)
                down = monotonic()
                what_is_said_meanwhile(leader)
                assert ticking.goes_on()
                a_moment(max(0, SECONDS_OF_AN_OUTAGE - (monotonic() - down)))
                server.start()
                taken.append(busy.load.first_after(monotonic()))
                assert cluster.epoch() == epoch
            assert ticking.goes_on()
        assert busy.broken() == []
    tell(
        f"{OUTAGES_OF_SERVERS} outages of {SECONDS_OF_AN_OUTAGE} s, {busy.load.acknowledged:,} acknowledged, 0 lost, "
        f"0 doubled; the same server took a change at most {max(taken):.2f} s after the database did"
    )


def after_cuts(folder: Path, postgres: Postgres, plant: Plant = nothing) -> tuple[list[str], int]:
    """Cut connections of the leader when the database has answered: what is broken then, and what was acknowledged."""
    dice, address = Random(4), postgres.database()
    with cutting_proxy(f"http://127.0.0.1:{postgres.port}") as proxy:
        through = postgres.address(address.rpartition("/")[2], port=int(proxy.url.rpartition(":")[2]))
        with members(folder, [through, address], always=plant) as cluster:
            for member in cluster.members:
                member.start()
                eventually(lambda: cluster.leads(cluster.members[0]))
            busy = Busy(cluster, folder)
            with busy.going_on():
                for _ in range(CONNECTIONS_CUT):
                    before = busy.load.acknowledged
                    proxy.arm(Cut(Way.ANSWERED, dice.choice([0, 20]), reset=dice.random() < 0.5))
                    eventually(lambda: not proxy.is_armed and busy.load.acknowledged > before)  # noqa: B023
            assert cluster.epoch() == 1
            return busy.broken(), busy.load.acknowledged


def test_connections_of_a_leader_that_are_cut_after_the_commit_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres, tell: Tell
) -> None:
    broken, acknowledged = after_cuts(tmp_path, postgres)
    assert broken == []
    tell(f"{CONNECTIONS_CUT} connections cut, {acknowledged:,} acknowledged, 0 lost, 0 doubled, one leader")


def test_a_leader_that_takes_what_it_did_not_hear_of_for_not_kept_is_noticed(
    tmp_path: Path, postgres: Postgres
) -> None:
    broken, _ = after_cuts(tmp_path, postgres, takes_the_unheard_for_not_kept)
    assert broken
