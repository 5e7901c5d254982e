"""A leader whose machine is cut off is followed after its lease, starts nothing, and ends when it hears of it."""

from pathlib import Path
from time import monotonic

import pytest

from kala_server.runners.local import processes
from tests.eventually import eventually
from tests.faults.apart import CAN, apart
from tests.faults.cluster.busy import Busy
from tests.faults.cluster.load import client_of
from tests.faults.cluster.members import Cluster, Member
from tests.faults.conftest import Tell
from tests.faults.figures import SECONDS_CUT_OFF
from tests.faults.promises import a_moment
from tests.left_behind import left_of
from tests.postgres import a_postgres

pytestmark = [
    pytest.mark.needs("root, ip"),
    pytest.mark.skipif(not CAN, reason="needs root and ip (Debian: iproute2), to cut a network"),
]


def test_a_leader_on_a_machine_that_is_cut_off_is_followed_and_ends_with_its_commands(
    tmp_path: Path, tell: Tell
) -> None:
    with a_postgres(options={"listen_addresses": "*"}) as server, apart() as network:
        here = server.database()
        there = here.replace("127.0.0.1", network.address)
        words = ("--insecure-open-to-network",)
        first = Member(tmp_path / "a.log", there, host=network.there, words=words, always=network.enter)
        second = Member(tmp_path / "b.log", here)
        cluster = Cluster([first, second], here)
        try:
            first.start()
            eventually(lambda: cluster.leads(first))
            second.start()
            busy = Busy(cluster, tmp_path)
            with busy.going_on():
                with client_of(first.url) as kala:
                    job_id = kala.create_job(name="goes on", command="sleep 1000")
                    [run] = eventually(lambda: [run for run in kala.runs(job_id) if run.state == "running"])
                command = eventually(lambda: left_of(run.id))
                network.cut()
                began = monotonic()
                taken = busy.load.first_after(began)
                assert cluster.leads(second)
                a_moment(max(0.0, SECONDS_CUT_OFF - (monotonic() - began)))
                assert not first.ended
                network.mend()
                assert first.exit_code() == 1
                assert not any(map(processes.alive, command))
                first.start()
            with client_of(second.url) as kala:
                assert kala.get_run(run.id).state == "interrupted"
            assert busy.broken() == []
        finally:
            first.end()
            second.end()
    tell(
        f"cut off for {SECONDS_CUT_OFF} s, {busy.load.acknowledged:,} acknowledged, 0 lost, 0 doubled; "
        f"until the first 201 {taken:.1f} s"
    )
