"""What the service promises: nothing is told, done or shown before it is durable."""

import asyncio
import gc
from datetime import timedelta

import pytest

from kala_server.core import reasons
from kala_server.core.decide.engine import MOST_AT_A_TICK
from kala_server.core.decide.transaction import Limits
from kala_server.core.errors import ConflictError, InvalidJobError, NotFoundError, RefusedError
from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import JobSpec, RunState, Trigger
from kala_server.ports.store import StoreBrokenError
from kala_server.service.garbage import OurGarbage
from tests.server.service_in_parts import JOB_ID, NOW, RUN_ID, Parts, breathe, play

OTHER_ID = "0d2f5a1f-4b8c-4a1b-9d57-5e0f4e2a6f3a"
IN_A_MINUTE = f"R/{(NOW + timedelta(minutes=1)).isoformat()}/PT1M"


def test_who_creates_a_job_is_answered_after_it_is_durable_and_not_before() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        created = parts.create()
        await breathe()
        assert parts.disk.tried
        assert not created.done()
        parts.disk.let_go()
        await created
        assert any(isinstance(record, r.JobCreated) for record in parts.disk.records)

    play(scene)


@pytest.mark.parametrize(
    "event",
    [
        inputs.CreateJobs(jobs=(inputs.NewJob(id=JOB_ID, spec=JobSpec(name="")),)),
        inputs.CreateJobs(jobs=(inputs.NewJob(id=JOB_ID, spec=JobSpec(name="")),), place="jobs"),
        inputs.DeleteJob(id=JOB_ID),
        inputs.CancelRun(run_id=RUN_ID),
    ],
)
def test_a_refusal_leaves_nothing_for_the_garbage_collector(event: inputs.Input) -> None:
    async def scene(parts: Parts) -> None:
        gc.collect()
        with OurGarbage().only_the_newest_looked_at():
            for _ in range(50):
                with pytest.raises(RefusedError):
                    await parts.service.submit(event)
            await breathe()
            assert gc.collect() < 50

    play(scene)


def test_a_reader_sees_only_what_is_durable_and_waits_for_what_is_on_its_way() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        created = parts.create()
        await breathe()
        reader = parts.jobs()
        await breathe()
        assert not reader.done()
        parts.disk.let_go()
        assert await reader == {JOB_ID}
        await created

    play(scene)


def test_a_reader_is_answered_between_two_batches_and_not_with_the_second() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        first = parts.create(schedule=IN_A_MINUTE)
        await breathe()
        second, reader = parts.create(OTHER_ID, schedule=IN_A_MINUTE), parts.jobs()
        await breathe()
        parts.disk.let_go()
        assert await reader == {JOB_ID}
        await asyncio.gather(first, second)

    play(scene)


def test_a_reader_of_a_service_at_rest_is_answered_at_once() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE)
        await breathe()
        assert await parts.service.read(lambda state: set(state.jobs)) == {JOB_ID}

    play(scene)


def test_an_error_in_a_question_goes_to_who_asked_it() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        created = parts.create(schedule=IN_A_MINUTE)
        await breathe()
        question = asyncio.ensure_future(parts.service.read(lambda state: state.jobs["none"]))
        await breathe()
        parts.disk.let_go()
        with pytest.raises(KeyError):
            await question
        await created

    play(scene)


def test_requests_that_come_during_a_sync_share_the_next_one() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        tried = parts.disk.tried
        first = parts.create(schedule=IN_A_MINUTE)
        await breathe()
        others = [parts.create(f"{number:08}{OTHER_ID[8:]}", schedule=IN_A_MINUTE) for number in range(100)]
        await breathe()
        parts.disk.let_go()
        await asyncio.gather(first, *others)
        assert parts.disk.tried - tried == 2
        assert len(parts.disk.batches[-1]) == 100

    play(scene)


def test_requests_that_come_one_after_the_other_share_a_sync() -> None:
    async def scene(parts: Parts) -> None:
        tried = parts.disk.tried
        created = []
        for number in range(50):
            created.append(parts.create(f"{number:08}{OTHER_ID[8:]}", schedule=IN_A_MINUTE))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.gather(*created)
        assert parts.disk.tried - tried == 1

    play(scene)


def test_who_asks_does_not_wait_for_ever_while_others_come() -> None:
    async def scene(parts: Parts) -> None:
        tried = parts.disk.tried
        for number in range(100):
            parts.create(f"{number:08}{OTHER_ID[8:]}", schedule=IN_A_MINUTE)
            parts.time.pass_by(milliseconds=1)
            await asyncio.sleep(0)
        assert 5 <= parts.disk.tried - tried <= 20

    play(scene)


def test_a_reader_need_not_wait_for_what_is_not_decided_yet() -> None:
    async def scene(parts: Parts) -> None:
        created = parts.create(schedule=IN_A_MINUTE)
        await asyncio.sleep(0)
        assert parts.service.waiting_events
        assert await parts.service.read(lambda state: set(state.jobs)) == set()
        assert parts.service.waiting_events
        await created

    play(scene)


def test_answers_come_in_the_order_of_the_requests() -> None:
    async def scene(parts: Parts) -> None:
        answered: list[int] = []
        parts.disk.hold()
        for number in range(20):
            task = parts.create(f"{number:08}{OTHER_ID[8:]}", schedule=IN_A_MINUTE)
            task.add_done_callback(lambda _, number=number: answered.append(number))  # type: ignore[misc]
        await breathe()
        parts.disk.let_go()
        await breathe()
        assert answered == list(range(20))

    play(scene)


def test_no_command_is_started_before_its_start_is_durable() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        created = parts.create()
        await breathe()
        assert not parts.commands.started
        parts.disk.let_go()
        await created
        await breathe()
        [run_id] = parts.commands.started
        [started] = [record for record in parts.disk.records if isinstance(record, r.RunStarted)]
        assert started.run_id == run_id
        assert parts.commands.durable_when_asked == [parts.disk.records.index(started) + 1]

    play(scene)


def test_a_refusal_changes_nothing_and_costs_the_others_in_its_batch_nothing() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        first = parts.create(schedule=IN_A_MINUTE)
        await breathe()
        bad, unknown = parts.create(OTHER_ID, name=""), parts.submit(inputs.DeleteJob(id=OTHER_ID))
        good = parts.create(RUN_ID, schedule=IN_A_MINUTE)
        await breathe()
        parts.disk.let_go()
        with pytest.raises(InvalidJobError, match="name"):
            await bad
        with pytest.raises(NotFoundError):
            await unknown
        await asyncio.gather(first, good)
        assert await parts.jobs() == {JOB_ID, RUN_ID}

    play(scene)


def test_a_refusal_that_rests_on_what_is_not_durable_yet_waits_for_it() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE)
        await breathe()
        parts.disk.hold()
        disabled = parts.submit(inputs.DisableJob(id=JOB_ID))
        start = parts.submit(inputs.StartJob(id=JOB_ID, run_id=RUN_ID))
        await breathe()
        assert not start.done()
        parts.disk.let_go()
        await disabled
        with pytest.raises(ConflictError):
            await start

    play(scene)


def test_a_due_slot_starts_when_its_time_has_come_and_once() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE)
        await parts.time.go_on(seconds=59)
        assert not parts.commands.started
        await parts.time.go_on(seconds=1)
        assert len(parts.commands.started) == 1
        parts.commands.tell(inputs.Ended(run_id=parts.commands.started[0], succeeded=True))
        await parts.time.go_on(seconds=59)
        assert len(parts.commands.started) == 1
        await parts.time.go_on(seconds=1)
        assert len(set(parts.commands.started)) == 2

    play(scene)


def test_a_slot_comes_due_though_requests_never_stop() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        first = parts.create(schedule=IN_A_MINUTE)
        await breathe()
        second = parts.create(OTHER_ID, schedule="R/2099-01-01T00:00:00Z/P1D")
        parts.disk.let_go()
        await first
        parts.disk.hold()
        await breathe()
        assert not second.done()
        await parts.time.go_on(minutes=1)
        parts.disk.let_go()
        await breathe()
        assert len(parts.commands.started) == 1

    play(scene)


def test_a_request_that_comes_with_many_due_slots_need_not_wait_for_all_of_them() -> None:
    async def scene(parts: Parts) -> None:
        ids = [f"{number:08}{OTHER_ID[8:]}" for number in range(5 * MOST_AT_A_TICK)]
        await asyncio.gather(*(parts.create(job_id, schedule=IN_A_MINUTE) for job_id in ids))
        await breathe()
        parts.disk.hold()
        await parts.time.go_on(minutes=1)
        created = parts.create(schedule="R/2099-01-01T00:00:00Z/P1D")
        before = len(parts.disk.batches)
        parts.disk.let_go()
        await created
        assert len(parts.disk.batches) - before <= 2
        for _ in ids:
            await parts.time.go_on(seconds=0)
        queued = [record.job_id for record in parts.disk.records if isinstance(record, r.RunQueued)]
        assert queued == ids

    play(scene)


def test_how_long_the_server_takes_for_many_due_slots_is_not_held_against_them() -> None:
    async def scene(parts: Parts) -> None:
        ids = [f"{number:08}{OTHER_ID[8:]}" for number in range(5 * MOST_AT_A_TICK)]
        once = f"R0/{(NOW + timedelta(minutes=1)).isoformat()}/"
        await asyncio.gather(*(parts.create(each, schedule=once, misfire_grace="PT1S") for each in ids))
        await breathe()
        parts.disk.takes = lambda: parts.time.pass_by(seconds=20)
        await parts.time.go_on(minutes=1)
        for _ in ids:
            await parts.time.go_on(seconds=0)
        queued = [record for record in parts.disk.records if isinstance(record, r.RunQueued)]
        assert [record.job_id for record in queued] == ids
        assert {record.trigger for record in queued} == {Trigger.SCHEDULE}
        assert queued[-1].at - queued[0].at > timedelta(minutes=1)

    play(scene)


def test_what_is_noticed_late_after_that_is_late_again() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE, misfire_grace="PT1S")
        await parts.time.go_on(minutes=1)
        assert len(parts.commands.started) == 1
        parts.commands.tell(inputs.Ended(run_id=parts.commands.started[0], succeeded=True))
        await breathe()
        await parts.time.go_on(seconds=90)
        [skipped] = [record for record in parts.disk.records if isinstance(record, r.SlotsSkipped)]
        assert (skipped.first, skipped.reason) == (NOW + timedelta(minutes=2), reasons.BEYOND_GRACE)

    play(scene)


def test_a_fault_in_a_decision_goes_to_who_asked_and_the_service_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(parts: Parts) -> None:
        faulty = parts.submit("no event")  # type: ignore[arg-type]
        with pytest.raises(KeyError):
            await faulty
        await parts.create()
        assert await parts.jobs() == {JOB_ID}

    play(scene)
    assert "could not decide on str" in caplog.text


def test_what_is_told_is_decided_without_anybody_waiting() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create()
        await breathe()
        [run_id] = parts.commands.started
        parts.commands.tell(inputs.Ended(run_id=run_id, succeeded=True))
        await breathe()
        assert parts.service.state.runs[run_id].state is RunState.SUCCEEDED
        assert isinstance(parts.disk.records[-1], r.RunFinished)

    play(scene)


def test_a_stop_starts_nothing_more_and_waits_for_what_runs() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create()
        await parts.create(OTHER_ID)
        await breathe()
        [run_id] = parts.commands.started
        stopping = asyncio.ensure_future(parts.service.stop(timedelta(hours=1)))
        await breathe()
        assert not stopping.done()
        parts.commands.tell(inputs.Ended(run_id=run_id, succeeded=True))
        await stopping
        assert parts.commands.started == [run_id]
        assert parts.disk.closed
        assert parts.commands.closed
        assert parts.service.state.runs[run_id].state is RunState.SUCCEEDED

    play(scene, limits=Limits(max_running=1))


def test_a_stop_ends_what_does_not_end_in_time_and_records_it() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create()
        await breathe()
        [run_id] = parts.commands.started
        stopping = asyncio.ensure_future(parts.service.stop(timedelta(0)))
        await breathe()
        assert isinstance(parts.commands.asked[-1], effects.EndAttempt)
        assert not stopping.done()
        parts.commands.tell(inputs.Ended(run_id=run_id, succeeded=False, signal=15))
        await stopping
        assert parts.service.state.runs[run_id].state is RunState.INTERRUPTED

    play(scene)


def test_what_happens_after_the_stop_touches_the_store_no_more() -> None:
    async def scene(parts: Parts) -> None:
        await parts.service.stop(timedelta(0))
        parts.commands.tell(inputs.Tick())
        await parts.time.go_on(hours=2)
        assert parts.disk.closed
        with pytest.raises(StoreBrokenError, match="stopped"):
            await parts.create()

    play(scene)
