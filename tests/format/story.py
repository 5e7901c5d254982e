"""A story in which everything that can be recorded happens, with every field that a record can have.

`python -m tests.format.story` records it anew; that is for a format that nobody has yet. What was released stays as it
is beside the new one.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter

from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RemoteCall, RunState
from kala_server.core.state.apply import apply
from kala_server.stores.journal.codec import VERSION, parse
from kala_server.stores.journal.journal import JournalStore
from tests.owned_store import OwnedStore
from tests.unit.core.simulation import FAILS, FOR_EVER, WORKS, Command, World, id_of, lasting, new_job, utc

HERE = Path(__file__).parent
HOURLY = "R/2030-01-01T01:00:00Z/PT1H"


def story() -> World:
    """Let it happen, and return the world at its end."""
    world = World(max_running=8)
    _jobs_that_say_everything(world)
    _sets(world)
    _runs(world)
    _the_server(world)
    return world


def _keyed(name: str) -> inputs.CreateJobs:
    return inputs.CreateJobs(jobs=(new_job(name, schedule="never"),), key="a-key", key_digest="0123abcd")


def _jobs_that_say_everything(world: World) -> None:
    world.create("gone before", schedule="never")
    world.delete("gone before")
    world.create("as well", schedule="never")
    world.tell(inputs.DeleteAllJobs())
    world.create("helper", schedule="never")
    world.create(
        "nightly",
        owner="ana@example.com",
        schedule="0 9 * * *",
        timezone="Europe/Berlin",
        retries=2,
        epsilon="PT2H",
        on_failure_job="helper",
        resume_at_next_scheduled_time=True,
        template_delimiters="{{ }}",
        overlap="replace",
        catch_up="all",
        misfire_grace="P2D",
        timeout="PT30M",
        retry_delay="PT10S",
        retry_backoff=2.5,
        shell=True,
        cwd="/srv",
        env={"MODE": "fast"},
        user="nobody",
        queue="db",
        on_lost="end",
        tags=("night", "db"),
        description="What the morning needs.",
        keep_runs=7,
        rerun_interrupted=True,
    )
    world.create("words", command="", argv=("date", "-u"), schedule=HOURLY)
    world.create("also", schedule=HOURLY)
    world.create("both", parent_jobs=["words", "also"], wait_for="all")
    call = RemoteCall(
        url="https://example.com/hook",
        method="POST",
        body="{}",
        headers={"X-One": "1", "X-Two": ("1", "2")},
        timeout=2.5,
        expected_response_codes=(200, 204),
    )
    world.create("call", command="", type=1, remote_properties=call, disabled=True, schedule=HOURLY)
    world.tell(_keyed("keyed"))
    world.change("call", command="", type=1, remote_properties=call, schedule=HOURLY, disabled=True)
    world.enable("call")
    world.say_anew("call", command="", type=1, remote_properties=call, schedule=HOURLY)
    world.disable("call")


def _sets(world: World) -> None:
    def says(key: str, **fields: Any) -> inputs.SetJob:
        spec = new_job(key, schedule="never", **fields).spec
        return inputs.SetJob(key=key, id=id_of(key), spec=spec)

    for retries in (0, 1):
        jobs = (says("of a set", retries=retries),)
        world.decide(inputs.ApplySet(name="billing", jobs=jobs, source="commit 4deb8bc"))
    world.change("of a set", schedule="never", retries=5)
    world.decide(inputs.ApplySet(name="passing", jobs=(says("let go"),)))
    world.decide(inputs.ReleaseSet(name="passing", keep_jobs=True))


def _runs(world: World) -> None:
    world.script["nightly"] = [FAILS, Command(lasts=timedelta(hours=3))]
    world.script["words"] = [lasting(60), WORKS]
    world.advance("2030-01-01 02:30")
    world.no_room = 1
    world.advance("2030-01-01 08:20")
    world.script["also"] = [lasting(timedelta(hours=5)), WORKS]
    world.advance("2030-01-01 11:30")
    world.step_clock(timedelta(seconds=40))
    world.cancel(next(run for run in world.running()))
    world.create("slow", schedule=HOURLY.replace("01:00", "12:00"), overlap="skip")
    world.script["slow"] = [lasting(timedelta(hours=30))]
    world.advance("2030-01-01 15:30")


def _attempts(world: World) -> None:
    """Attempts that are left as they are, in the middle of their lives."""
    for name in ("replaced", "tried again", "put off", "being ended"):
        world.script[name] = [FOR_EVER]
        world.create(name, schedule="never", retries=1, retry_delay="PT9H", overlap="replace")
    first = world.start("replaced")
    world.decide(inputs.StartJob(id=id_of("replaced"), run_id=id_of("second")))
    world.tell(
        inputs.Ended(run_id=first, succeeded=False, exit_code=3, signal=15, output_size=9, output_cut=True)
    )
    failed = world.start("tried again")
    world.tell(
        inputs.Ended(
            run_id=failed, succeeded=False, exit_code=3, reason="it said no", output_size=9, output_cut=True
        )
    )
    world.no_room = 1
    world.start("put off")
    world.decide(inputs.CancelRun(run_id=world.start("being ended")))


def _the_server(world: World) -> None:
    world.create("berlin", schedule="0 18 * * *", timezone="Europe/Berlin")
    world.pause("ask Ana")
    world.advance("2030-01-01 17:30")
    world.resume()
    world.crash(down=timedelta(hours=3))
    world.decide(inputs.Recover(epoch=2))
    world.tell(inputs.Housekeep(runs_before=utc("2030-01-01 02:00"), keys_before=utc("2030-01-01 00:00")))
    world.tell(inputs.Housekeep(runs_before=None, keys_before=utc("2030-01-02 00:00")))
    world.tell(_keyed("keyed again"))  # the key is forgotten by now
    _attempts(world)
    lost = world.start("replaced")
    world.tell(inputs.Ended(run_id=lost, succeeded=False, state=RunState.INTERRUPTED, may_go_on=True))
    late = inputs.EndedAfterAll(
        handle=world.state.runs[lost].handle, succeeded=False, exit_code=3, signal=15, reason="it said no"
    )
    world.tell(late)
    for job in ("also", "words"):  # as if its zone were gone
        _happens(world, r.JobStuck(id=id_of(job), reason="there is no time zone 'Mars/Olympus'"))
    _happens(world, r.JobFreed(id=id_of("also")))
    world.pause("ask Ben")


def _happens(world: World, record: r.Record) -> None:
    apply(world.state, record)
    world.state.undo.commit()
    world.journal.append(record)


def whole(records: Iterable[r.Record]) -> list[bytes]:
    """Return each record with all that it has, defaults too, as JSON."""
    return [TypeAdapter(type(record)).dump_json(record) for record in records]


def payloads(lines: bytes) -> list[tuple[str, bytes]]:
    """Return the kind and the JSON of each line of a journal."""
    found = [parse(line) for line in lines.splitlines(keepends=True)]
    return [(line.kind, line.data) for line in found if line is not None]


async def record(world: World) -> None:
    """Write the journal and its snapshot by the store itself, and beside each what its records are as a whole."""
    with TemporaryDirectory() as folder:
        store = OwnedStore(JournalStore(Path(folder)))
        assert store.load() == []
        await store.append(world.journal)
        _keep(store.store.path, "journal", world.journal)
        snapshot = list(world.state.snapshot())
        await store.compact(iter(snapshot))
        _keep(store.store.path, "snapshot", snapshot)
        store.close()


def _keep(path: Path, name: str, records: Sequence[r.Record]) -> None:
    file = HERE / f"{name}-v{VERSION}.jsonl"
    file.write_bytes(path.read_bytes())
    file.with_suffix(".whole").write_bytes(b"\n".join(whole(records)) + b"\n")


if __name__ == "__main__":
    asyncio.run(record(story()))
