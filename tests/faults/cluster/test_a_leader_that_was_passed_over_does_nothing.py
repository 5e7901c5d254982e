"""A leader that is paused at the worst moment, while another one takes over, does nothing of what it was about to do.

What it appends is refused by the database; what is not recorded any more it does not start, nor does its worker; and it
ends. Each of these is taken away, and noticed.
"""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from kala_client import KalaClient, KalaError, RetryPolicy, Schedule
from tests.eventually import eventually
from tests.faults.cluster.load import LATER, client_of
from tests.faults.cluster.marks import Marks, soon
from tests.faults.cluster.members import Member, members
from tests.faults.cluster.planted import (
    Point,
    acts_without_asking,
    all_of,
    believes_for_ever,
    fences_without_the_epoch,
    learns_by_appending_alone,
    paused_at,
    paused_when_it_has_acquired,
    says_no_deadline,
)
from tests.faults.promises import client
from tests.faults.server_child import Plant, nothing

SHORT = "--lease=1"
_ONCE = RetryPolicy(attempts=1)


def stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


# -- what it appends


def creates(kala: KalaClient) -> bool:
    """Whether a job is acknowledged."""
    try:
        kala.create_job(name="late", command="true", schedule=LATER, idempotency_key="late")
    except KalaError:
        return False
    return True


def acknowledges_late(folder: Path, database: str, fault: Plant = nothing) -> bool:
    """Ask a leader that is paused, let another one acquire the store, and resume it; whether it says yes."""
    with members(folder, [database] * 2, SHORT) as cluster, ThreadPoolExecutor(1) as thread:
        first, second = cluster.members
        first.start(fault)
        cluster.leader()
        second.start(paused_when_it_has_acquired)
        with client(first.url, retry=_ONCE) as kala:
            kala.session()
            first.freeze()
            asking = thread.submit(creates, kala)
            eventually(lambda: stopped(second.pid))
            first.resume()
            said = asking.result()
        second.resume()
        if not said:
            assert first.exit_code() == 1
            with client_of(second.url) as kala:
                assert creates(kala)
                assert [job.name for job in kala.get_all_jobs().values()] == ["late"]
        return said


def test_a_leader_that_was_passed_over_acknowledges_nothing(tmp_path: Path, database: str) -> None:
    assert not acknowledges_late(tmp_path, database)


def test_a_fence_without_its_epoch_is_noticed(tmp_path: Path, database: str) -> None:
    assert acknowledges_late(tmp_path, database, fences_without_the_epoch)


# -- what it does


def resume(member: Member, workers: Sequence[int]) -> None:
    """Let a server and its worker go on."""
    for pid in (*workers, member.pid):
        os.kill(pid, signal.SIGCONT)


def starts_late(folder: Path, database: str, point: Point, *faults: Plant) -> list[str]:
    """Pause a leader that starts a run, until another one has had it; return the addresses of those who started it."""
    marks = Marks(folder / "marks")
    with members(folder, [database] * 2, SHORT) as cluster:
        first, second = cluster.members
        first.start(partial(all_of, partial(paused_at, point), learns_by_appending_alone, *faults))
        cluster.leader()
        second.start()
        with client(first.url) as kala:
            job_id = kala.create_job(
                name="once",
                command=marks.command,
                shell=True,
                schedule=Schedule.once(soon()),
                rerun_interrupted=True,
            )
        eventually(lambda: stopped(first.pid))
        worker = [first.worker().pid] if point is Point.WITH_ITS_WORKER else []
        with client_of(second.url) as kala:
            eventually(lambda: cluster.leads(second))
            assert eventually(lambda: [run.id for run in kala.runs(job_id) if run.finished])
        before = marks.all()
        resume(first, worker)
        assert first.exit_code() == 1
        return [mark.run_id for mark in marks.all() if mark.server == first.url and mark not in before]


@pytest.mark.parametrize("point", Point)
def test_a_leader_that_was_passed_over_starts_nothing(tmp_path: Path, database: str, point: Point) -> None:
    assert starts_late(tmp_path, database, point) == []


@pytest.mark.parametrize("alone", [acts_without_asking, says_no_deadline])
def test_before_a_start_it_is_looked_twice_whether_the_lease_lasts(
    tmp_path: Path, database: str, alone: Plant
) -> None:
    assert starts_late(tmp_path, database, Point.AFTER_THE_RECORD, alone) == []


@pytest.mark.parametrize(
    ("point", "faults"),
    [
        (Point.AFTER_THE_RECORD, [acts_without_asking, says_no_deadline]),
        (Point.WITH_ITS_WORKER, [says_no_deadline]),
        (Point.AFTER_THE_RECORD, [believes_for_ever]),
        (Point.WITH_ITS_WORKER, [believes_for_ever]),
    ],
)
def test_a_leader_that_acts_whatever_became_of_its_lease_is_noticed(
    tmp_path: Path, database: str, point: Point, faults: Sequence[Plant]
) -> None:
    assert starts_late(tmp_path, database, point, *faults)
