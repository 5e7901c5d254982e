"""A client that keeps account of what it asked for, and of what it was told about that."""

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from math import inf
from typing import Any

from kala_server.core.errors import RefusedError
from kala_server.core.model import inputs
from kala_server.core.model.job import JobSpec
from kala_server.ports.store import StoreError
from kala_server.service.standing import NotLeadingError
from tests.faults.simulated.machine import Machine
from tests.faults.simulated.world import World
from tests.unit.core.oracle import Plan
from tests.unit.core.simulation import id_of


class Told(Enum):
    """What is known of a change."""

    NOTHING = auto()
    """It may be there, now or later."""
    DONE = auto()
    REFUSED = auto()


@dataclass(slots=True)
class Change:
    """Something that was asked for."""

    began: float
    what: Any = None
    told: Told = Told.NOTHING
    ended: float = inf
    """When it was known to be done."""

    @property
    def may_be(self) -> bool:
        return self.told is not Told.REFUSED


@dataclass(slots=True)
class Asked:
    """All that was asked about a job."""

    spec: JobSpec
    plan: Plan
    created: Change
    edits: list[Change] = field(default_factory=list)
    """Each says another owner."""
    deletions: list[Change] = field(default_factory=list)
    starts: list[Change] = field(default_factory=list)
    """Each under an id of a run."""


class Client:
    """Whoever changes jobs, by way of any of the servers."""

    def __init__(self, world: World) -> None:
        self.asked: dict[str, Asked] = {}
        """By the job's id."""
        self._world = world
        self._numbers = 0

    def create(self, machine: Machine, plan: Plan, **spec: Any) -> None:
        name = f"job-{self._next()}"
        new = JobSpec(name=name, schedule=plan.schedule, keep_runs=10_000, **spec)
        change = self._change(None)
        self.asked[id_of(name)] = Asked(new, plan, change)
        self._ask(machine, change, inputs.CreateJobs(jobs=(inputs.NewJob(id=id_of(name), spec=new),)))

    def edit(self, machine: Machine, job_id: str) -> None:
        asked = self.asked[job_id]
        change = self._change(f"owner-{self._next()}")
        asked.edits.append(change)
        self._ask(machine, change, inputs.ChangeJob(id=job_id, spec=replace(asked.spec, owner=change.what)))

    def delete(self, machine: Machine, job_id: str) -> None:
        change = self._change(None)
        self.asked[job_id].deletions.append(change)
        self._ask(machine, change, inputs.DeleteJob(id=job_id))

    def run(self, machine: Machine, job_id: str) -> None:
        change = self._change(id_of(f"run-{self._next()}"))
        self.asked[job_id].starts.append(change)
        self._ask(machine, change, inputs.StartJob(id=job_id, run_id=change.what))

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _change(self, what: Any) -> Change:
        return Change(self._world.time, what)

    def _ask(self, machine: Machine, change: Change, event: inputs.Input) -> None:
        process = machine.process
        if process is None or process.server is None:
            change.told = Told.REFUSED
        else:
            process.do(self._hear(process, process.server.service, change, event))

    async def _hear(self, process: Any, service: Any, change: Change, event: inputs.Input) -> None:
        try:
            await service.submit(event)
        except (RefusedError, NotLeadingError):
            told = Told.REFUSED
        except StoreError:
            told = Told.NOTHING
        else:
            told = Told.DONE
        if not process.dead:
            change.told = told
            change.ended = self._world.time if told is Told.DONE else inf
