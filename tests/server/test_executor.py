"""What commands print is kept with their run and gone with it; and no command costs the server much."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.core import reasons
from kala_server.core.model import effects, inputs
from kala_server.core.model.job import Job, JobSpec, Run, RunState, Trigger
from kala_server.core.model.records import AttemptFailed
from kala_server.outputs.bounded import Piece
from kala_server.outputs.kept import OutputFolder
from kala_server.ports.runner import Attempt, Listener, Outcome
from kala_server.service.executor import Executor
from tests.eventually import PATIENCE
from tests.left_behind import left_of
from tests.server.at_home import LATER, Home, play
from tests.server.server_process import server_process

NOW = datetime(2035, 6, 4, 19, 25, tzinfo=UTC)
JOB_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
MEBIBYTE = 1 << 20


def kept(data: Path) -> set[str]:
    """The runs whose output is on the disk."""
    return {path.name for path in (data / "output").glob("*/*")}


async def until(question: Callable[[], bool]) -> None:
    """Ask until the answer is yes; `play` bounds how long."""
    while not question():  # noqa: ASYNC110 - it is the disk that is waited for
        await asyncio.sleep(0.01)


def test_fields_of_the_job_are_filled_in_when_it_runs(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        said = "echo {{.Name}}: {{.Metadata.SuccessCount}} of {{.Owner}}"
        job_id = await home.create(said, schedule=LATER, owner="me", TemplateDelimiters="{{ }}")
        for count in range(2):
            run_id = await home.start_job(job_id)
            await home.ends(run_id)
            assert (await home.http.get(f"/run/{run_id}/output/")).text == f"a job: {count} of me\n"
        job = (await home.http.get(f"/job/{job_id}/")).json()["job"]
        assert (job["command"], job["TemplateDelimiters"]) == (said, "{{ }}")

    play(scene, data_dir=tmp_path)


# -- output is kept with its run


def test_output_is_dropped_with_a_run_that_is_no_longer_kept(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("echo hello", schedule=LATER, keep_runs=2)
        runs = [await home.start_job(job_id) for _ in range(2)]
        await home.ends(runs[1])
        runs.append(await home.start_job(job_id))
        await home.ends(runs[2])
        await until(lambda: kept(tmp_path) == set(runs[1:]))
        assert (await home.http.get(f"/run/{runs[0]}/output/")).status_code == 404
        assert (await home.http.get(f"/run/{runs[2]}/output/")).text == "hello\n"

    play(scene, data_dir=tmp_path)


@pytest.mark.parametrize("path", ["/job/{id}/", "/job/all/"])
def test_output_is_dropped_with_the_job(tmp_path: Path, path: str) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("echo hello", schedule=LATER)
        run_id = await home.start_job(job_id)
        await home.ends(run_id)
        assert kept(tmp_path) == {run_id}
        await home.http.delete(path.format(id=job_id))
        await until(lambda: not kept(tmp_path))

    play(scene, data_dir=tmp_path)


def test_a_run_that_ends_after_its_job_was_deleted_leaves_no_output(tmp_path: Path) -> None:
    end = tmp_path / "end"

    async def scene(home: Home) -> None:
        job_id = await home.create(
            f"echo hello; until [ -e {end} ]; do sleep 0.01; done", shell=True, schedule=LATER
        )
        run_id = await home.start_job(job_id)
        await home.prints(run_id, b"hello")
        await home.http.delete(f"/job/{job_id}/")
        end.touch()
        await home.ends(run_id)
        await until(lambda: not kept(tmp_path / "data"))
        assert home.server.executor.live_output(run_id) is None

    play(scene, data_dir=tmp_path / "data")


def test_a_run_that_is_deleted_between_two_attempts_leaves_no_output_and_no_follower(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(
            "echo hello; false", shell=True, schedule=LATER, retries=1, retry_delay="PT1H"
        )
        run_id = await home.start_job(job_id)
        await home.happens(AttemptFailed, run_id)
        async with home.http.stream("GET", f"/run/{run_id}/output/?follow=true") as answer:
            await home.http.delete(f"/job/{job_id}/")
            async with asyncio.timeout(PATIENCE):
                assert await answer.aread() == b"hello\n"
        await until(lambda: not kept(tmp_path))
        assert home.server.executor.live_output(run_id) is None

    play(scene, data_dir=tmp_path)


def test_output_that_belongs_to_no_run_is_swept_away_at_the_start(tmp_path: Path) -> None:
    runs: list[str] = []

    async def first(home: Home) -> None:
        runs.append(await home.start("echo hello"))
        await home.ends(runs[0])

    async def again(home: Home) -> None:
        assert kept(tmp_path) == {runs[0]}
        assert (await home.http.get(f"/run/{runs[0]}/output/")).text == "hello\n"

    play(first, data_dir=tmp_path)
    stray = OutputFolder(tmp_path / "output")
    stray.save(RUN_ID, [Piece(0, b"left by a crash")])
    assert RUN_ID in kept(tmp_path)
    play(again, data_dir=tmp_path)


# -- what a command may cost


def test_a_command_that_prints_a_gigabyte_costs_the_server_less_than_5_mb(tmp_path: Path) -> None:
    with server_process(tmp_path) as server, KalaClient(server.url, timeout=60) as kala:
        job_id = kala.create_job(name="prints", command="head -c 1M /dev/zero", schedule=LATER)
        kala.wait(kala.run_job(job_id))
        before = peak(server.pid)
        kala.update_job(job_id, command="head -c 1G /dev/zero")
        run = kala.wait(kala.run_job(job_id), timeout=60)
        assert (run.output_size, run.output_cut) == (1024 * MEBIBYTE, True)
        assert len(kala.output(run)) < MEBIBYTE
        assert peak(server.pid) - before < 5 * MEBIBYTE


def peak(pid: int) -> int:
    """The most memory that the process ever had, in bytes."""
    [line] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024


def test_a_job_that_takes_too_long_leaves_no_process_behind() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("sleep 100 & sleep 100", shell=True, timeout="PT0.3S")
        await home.starts(run_id)
        await home.ends(run_id)
        assert left_of(run_id) == []
        run = await home.run(run_id)
        assert (run["state"], run["reason"]) == ("timed_out", "took longer than its timeout")
        assert run["duration"] < 3

    play(scene)


# -- what goes wrong


class Scripted:
    """A runner whose only attempt goes as it is told."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def attach(self, listener: Listener, mark: str = "") -> None:
        assert mark == "a mark"
        self._listener = listener

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:
        raise AssertionError(handles)

    def independent(self) -> frozenset[str]:
        return frozenset()

    def leave(self) -> None:
        pass

    def start(self, attempt: Attempt) -> str:
        loop = asyncio.get_running_loop()
        loop.call_soon(self._listener.printed, attempt.handle, b"last words")
        loop.call_soon(self._listener.ended, attempt.handle, self._outcome)
        return attempt.handle

    def end(self, handle: str) -> None:
        raise AssertionError(handle)

    def kill_all(self) -> None:
        pass

    async def close(self) -> None:
        pass


class FullDisk(OutputFolder):
    def save(self, run_id: str, pieces: Sequence[Piece]) -> None:
        raise OSError(28, f"no space left for {pieces} of {run_id}")


def a_start(spec: JobSpec) -> effects.StartAttempt:
    run = Run(
        id=RUN_ID,
        job_id=JOB_ID,
        scheduled_at=NOW,
        trigger=Trigger.MANUAL,
        state=RunState.RUNNING,
        queued_at=NOW,
        attempts=1,
    )
    return effects.StartAttempt(run=run, job=Job(id=JOB_ID, spec=spec, created_at=NOW))


def carried_out(
    outputs: OutputFolder,
    outcome: Outcome,
    spec: JobSpec | None = None,
    before: Sequence[effects.Effect] = (),
) -> inputs.Ended:
    """Carry out one attempt, and return how it is told to have gone."""

    async def whole() -> inputs.Ended:
        told: asyncio.Future[inputs.Input] = asyncio.get_running_loop().create_future()
        executor = Executor(runner=Scripted(outcome), outputs=outputs, output_limits=(100, 100))
        executor.attach(told.set_result, "a mark")
        executor.perform([*before, a_start(spec or JobSpec(name="a job"))])
        async with asyncio.timeout(PATIENCE):
            ended = await told
            await executor.close()
        assert isinstance(ended, inputs.Ended)
        return ended

    return asyncio.run(whole())


def test_a_run_ends_as_it_did_although_its_output_cannot_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        ended = carried_out(FullDisk(tmp_path), Outcome(succeeded=True, exit_code=0))
    assert (ended.succeeded, ended.exit_code, ended.output_size) == (True, 0, 10)
    at_its_end, at_the_end_of_all = caplog.messages
    assert at_its_end.startswith(f"the output of run {RUN_ID} cannot be kept, and is tried again: ")
    assert at_the_end_of_all.startswith(f"the output of run {RUN_ID} is lost: ")


def test_a_reason_that_holds_bytes_which_are_no_text_can_be_stored(tmp_path: Path) -> None:
    ended = carried_out(OutputFolder(tmp_path), Outcome(succeeded=False, reason="no such command: \udcff"))
    assert ended.reason == "no such command: \\udcff"
    assert OutputFolder(tmp_path).read(RUN_ID) == b"last words"


def test_a_template_that_was_accepted_when_nothing_was_filled_in_is_a_failed_run(tmp_path: Path) -> None:
    spec = JobSpec(name="a job", command="echo {{if}}", template_delimiters="{{ }}")
    ended = carried_out(OutputFolder(tmp_path), Outcome(succeeded=True), spec)
    assert not ended.succeeded
    assert ended.reason
    assert ended.reason.startswith("command: {{if}} cannot be filled in")


def test_a_fault_about_one_attempt_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(Scripted, "start", faulty)
    ended = carried_out(OutputFolder(tmp_path), Outcome(succeeded=True))
    assert (ended.succeeded, ended.reason) == (False, reasons.not_started(ZeroDivisionError()))


def test_a_fault_about_one_thing_keeps_nothing_else_from_being_done(tmp_path: Path) -> None:
    fails = effects.EndAttempt(handle="another one")
    assert carried_out(OutputFolder(tmp_path), Outcome(succeeded=True), before=[fails]).succeeded


def test_what_happens_before_anybody_listens_is_a_fault_that_does_not_pass_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    executor = Executor(
        runner=Scripted(Outcome(succeeded=True)), outputs=OutputFolder(tmp_path), output_limits=(1, 1)
    )
    executor.perform(
        [a_start(JobSpec(name="a job"))]
    )  # fails at once, as the runner has nobody to tell either
    [_, error] = [record.exc_info for record in caplog.records]
    assert error is not None
    assert "nobody listens" in str(error[1])
