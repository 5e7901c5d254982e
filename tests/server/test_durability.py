"""What was acknowledged is there after a kill -9, and what was under way is accounted for."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from kala_client import KalaClient, KalaConnectionError, Period, RetryPolicy, Schedule
from kala_server.testing import Kit
from tests.eventually import PATIENCE, eventually
from tests.server.server_process import journal, records, server_process

IN_2035 = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)
ONCE = RetryPolicy(attempts=1)


def endless(pids: Path) -> str:
    return f"bash -c 'echo $$ >> {pids}; exec sleep 1000'"


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_thousand_jobs_created_at_once_are_there_after_a_kill(folder: Path) -> None:
    schedules = [
        Schedule(start=IN_2035 + timedelta(seconds=number), period=Period.parse("P1D"))
        for number in range(1_000)
    ]
    with server_process(folder) as server, KalaClient(server.url) as kala:
        with ThreadPoolExecutor(16) as threads:
            ids = list(
                threads.map(
                    lambda schedule: kala.create_job(name="kept", command="true", schedule=schedule),
                    schedules,
                )
            )
        server.kill()
    assert len(set(ids)) == 1_000
    with server_process(folder) as again, KalaClient(again.url) as kala:
        jobs = kala.get_all_jobs()
        assert jobs.keys() == set(ids)
        for job_id, schedule in zip(ids, schedules, strict=True):
            assert jobs[job_id].next_run_at == schedule.start
            assert jobs[job_id].schedule == str(schedule)


def test_every_job_that_was_acknowledged_before_a_kill_in_the_middle_is_there(folder: Path) -> None:
    acknowledged: list[str] = []
    enough = Event()

    def create_until_it_is_gone(kala: KalaClient) -> None:
        with suppress(KalaConnectionError):
            while True:
                acknowledged.append(
                    kala.create_job(name="kept", command="true", schedule=f"R/{IN_2035.isoformat()}/P1D")
                )
                if len(acknowledged) > 100:
                    enough.set()

    with (
        server_process(folder) as server,
        KalaClient(server.url, retry=ONCE) as kala,
        ThreadPoolExecutor(8) as threads,
    ):
        for _ in range(8):
            threads.submit(create_until_it_is_gone, kala)
        assert enough.wait(PATIENCE)
        server.kill()
    with server_process(folder) as again, KalaClient(again.url) as kala:
        jobs = kala.get_all_jobs()
        assert set(acknowledged) <= jobs.keys()
        assert len(jobs) <= len(acknowledged) + 8


def test_a_job_repeats_as_often_as_it_says_however_often_the_server_is_killed(
    folder: Path, pids: Path
) -> None:
    job_id = ""
    for finished in (1, 2, 4):
        with server_process(folder) as server, KalaClient(server.url) as kala:
            job_id = job_id or kala.create_job(
                name="four",
                command=f"bash -c 'echo $$ >> {pids}'",
                schedule=f"R3/{(datetime.now(UTC) + timedelta(seconds=1)).isoformat()}/PT0.4S",
                catch_up="all",
            )
            eventually(lambda: len(kala.get_job_stats(job_id)) >= finished)  # noqa: B023
            server.kill()
    with server_process(folder) as server, KalaClient(server.url) as kala:
        job = kala.get_job(job_id)
        assert job.is_done
        assert job.number_of_finished_runs == 4
        assert len(job.stats) == 4
        # Each of the first two kills may come after a start is durable and before its command: none is ever doubled.
        assert 2 <= len(pids.read_text().split()) <= 4


def test_slots_that_passed_while_the_server_was_down_are_caught_up_once() -> None:
    with Kit("2035-03-24T00:00Z") as kit:
        job_id = kit.client.create_job(name="missed", command="true", schedule="R3/2035-03-24T01:00:00Z/PT1H")
        kit.crash(down="PT5H")
        skipped, caught_up = kit.runs_of("missed")
        assert (skipped.state, skipped.count, skipped.reason) == ("skipped", 3, "the server was down")
        assert (caught_up.state, caught_up.trigger, caught_up.started_at) == (
            "succeeded",
            "catch_up",
            kit.now,
        )
        assert kit.client.get_job(job_id).is_done
        kit.crash()
        assert len(kit.client.get_job_stats(job_id)) == 1


def test_a_run_that_a_kill_cut_off_is_interrupted_its_command_ended_and_nothing_is_repeated(
    folder: Path, pids: Path
) -> None:
    with server_process(folder) as server, KalaClient(server.url) as kala:
        job_id = kala.create_job(name="endless", command=endless(pids), retries=3)
        pid = int(eventually(pids.read_text))
        server.kill()
    assert runs(pid)
    with server_process(folder) as again, KalaClient(again.url) as kala:
        eventually(lambda: not runs(pid))
        [stat] = kala.get_job_stats(job_id)
        assert not stat.success
        job = kala.get_job(job_id)
        assert job.is_done
        assert (job.success_count, job.number_of_finished_runs) == (0, 1)
        again.kill()
    [finished] = records(folder, "run_finished")
    assert finished["state"] == "interrupted"
    assert "not known" in finished["reason"]
    assert pids.read_text().split() == [str(pid)]


def test_a_stop_ends_what_runs_and_records_everything(folder: Path, pids: Path) -> None:
    with server_process(folder, grace=0.1) as server, KalaClient(server.url) as kala:
        job_id = kala.create_job(name="endless", command=endless(pids))
        done = kala.create_job(name="short", command="true")
        pid = int(eventually(pids.read_text))
        eventually(lambda: kala.get_job_stats(done))
        assert server.stop() == 0
        assert "Traceback" not in server.errors
    assert not runs(pid)
    states = {finished["state"] for finished in records(folder, "run_finished")}
    assert states == {"interrupted", "succeeded"}
    with server_process(folder) as again, KalaClient(again.url) as kala:
        assert [stat.success for stat in kala.get_job_stats(job_id)] == [False]
        assert [stat.success for stat in kala.get_job_stats(done)] == [True]


def test_a_stop_within_its_grace_lets_a_command_finish(folder: Path, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    command = f"bash -c 'touch {ends}.waits; until [ -e {ends} ]; do sleep 0.02; done'"
    with server_process(folder, grace=30) as server, KalaClient(server.url) as kala:
        kala.create_job(name="finishes", command=command)
        eventually(lambda: Path(f"{ends}.waits").exists())
        with ThreadPoolExecutor(1) as thread:
            stopping = thread.submit(server.stop)
            eventually(lambda: not answers(server.url))
            ends.touch()
            assert stopping.result() == 0
    assert [finished["state"] for finished in records(folder, "run_finished")] == ["succeeded"]


def answers(url: str) -> bool:
    """Whether a new connection is taken."""
    try:
        with KalaClient(url, retry=ONCE) as kala:
            kala.get_kala_stats()
    except KalaConnectionError:
        return False
    return True


def test_a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    with server_process(folder) as first, KalaClient(first.url) as kala:
        kala.create_job(name="kept", command="true", schedule=f"R/{IN_2035.isoformat()}/P1D")
        with server_process(folder) as second:
            assert second.url == ""
            assert second.exit_code() != 0
            assert "StoreLockedError" in second.errors
            assert str(folder) in second.errors
        assert len(kala.get_all_jobs()) == 1
        kala.create_job(name="kept", command="true", schedule=f"R/{IN_2035.isoformat()}/P1D")


def test_the_journal_is_readable_by_its_owner_alone_and_holds_no_more_than_it_must(folder: Path) -> None:
    secrets = {"KALA_TOKEN": "canary-token", "DATABASE_PASSWORD": "canary-password"}
    with server_process(folder, environment=secrets) as server, KalaClient(server.url) as kala:
        command = "bash -c 'echo canary-output; echo token=$KALA_TOKEN; exit 3'"
        job_id = kala.create_job(name="told", command=command, env={"SAID": "canary-said"})
        eventually(lambda: kala.get_job_stats(job_id))
        server.stop()
        assert "canary" not in server.errors
    kinds = [line["type"] for line in journal(folder)]
    assert kinds == [
        "snapshot_ended",
        "server_kept",
        "job_created",
        "run_queued",
        "key_kept",
        "run_started",
        "run_finished",
    ]
    text = (folder / "journal.jsonl").read_text()
    assert "canary-token" not in text
    assert "canary-password" not in text
    assert text.count("canary-output") == text.count("canary-said") == 1  # where the owner said so
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    [output] = (folder / "output").rglob("*-*")
    assert output.read_text() == "canary-output\ntoken=\n"


def test_a_batch_that_was_cut_off_is_kept_aside_and_told_of(folder: Path) -> None:
    with server_process(folder) as server, KalaClient(server.url) as kala:
        kala.create_job(name="kept", command="true", schedule=f"R/{IN_2035.isoformat()}/P1D")
        server.kill()
    with (folder / "journal.jsonl").open("a") as file:
        file.write('{"v":1,"seq":')
    with server_process(folder) as server, KalaClient(server.url) as kala:
        assert [job.name for job in kala.get_all_jobs().values()] == ["kept"]
        server.stop()
    [copy] = folder.glob("journal.torn-*")
    assert copy.read_text() == '{"v":1,"seq":'
    assert f"are kept in {copy}" in server.errors
