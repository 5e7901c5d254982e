"""Stories of a cluster: steps, one after the other, with time between them."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from hypothesis import strategies as st

from kala_server.core.model.job import CatchUp, Overlap
from tests.faults.simulated import promises
from tests.faults.simulated.cluster import SERVERS, Cluster, cluster
from tests.faults.simulated.database import Row
from tests.faults.simulated.machine import Machine
from tests.faults.simulated.machine_clock import instant
from tests.faults.simulated.network import Fate, Purpose
from tests.unit.core.oracle import Plan

LEADER = -1
"""Whichever machine it is that leads."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens, to whom, and how long nothing else does."""

    what: str
    whom: int
    """The number of a machine, or LEADER."""
    then: float
    says: Any = None


# -- what may happen


def create(there: Cluster, whom: Machine, says: tuple[int, int, dict[str, Any], list[Fate]]) -> None:
    period, repeat, spec, fates = says
    meet(there, whom, (Purpose.APPEND, fates))
    plan = Plan(instant(ceil(there.world.time) + 1), timedelta(seconds=period), repeat)
    there.client.create(whom, plan, **spec)


def edit(there: Cluster, whom: Machine, says: tuple[int, list[Fate]]) -> None:
    _ask(there, whom, there.client.edit, *says)


def delete(there: Cluster, whom: Machine, says: tuple[int, list[Fate]]) -> None:
    _ask(there, whom, there.client.delete, *says)


def run(there: Cluster, whom: Machine, says: tuple[int, list[Fate]]) -> None:
    _ask(there, whom, there.client.run, *says)


def _ask(
    there: Cluster, whom: Machine, call: Callable[[Machine, str], None], job: int, fates: list[Fate]
) -> None:
    """Let a client ask for something about a job, and the append that follows meet its fate."""
    if ids := list(there.client.asked):
        meet(there, whom, (Purpose.APPEND, fates))
        call(whom, ids[job % len(ids)])


def kill(_there: Cluster, whom: Machine, _says: None) -> None:
    whom.kill()


def start(_there: Cluster, whom: Machine, _says: None) -> None:
    whom.start()


def stop(_there: Cluster, whom: Machine, _says: None) -> None:
    whom.stop()


def pause(_there: Cluster, whom: Machine, says: float) -> None:
    whom.pause(says)


def cut_off(there: Cluster, whom: Machine, says: float) -> None:
    if whom.process is not None:
        whom.process.connections.cut = True
        there.world.after(says, whom.process.connections.mend)


def deafen(_there: Cluster, whom: Machine, says: bool) -> None:
    if whom.process is not None:
        whom.process.connections.deaf = says


def meet(_there: Cluster, whom: Machine, says: tuple[Purpose, list[Fate]]) -> None:
    """Let the next calls meet these fates."""
    if whom.process is not None:
        purpose, fates = says
        whom.process.connections.fates[purpose].extend(fates)


def fall_behind(there: Cluster, _whom: Machine, says: float) -> None:
    """Let those who follow read late."""
    for machine in there.machines:
        if machine is not there.leader:
            meet(there, machine, (Purpose.READ, [Fate(there=says, patience=says + 1.0)]))


def lag(_there: Cluster, whom: Machine, says: float) -> None:
    if whom.process is not None:
        whom.process.worker.lag = says


def rumour(there: Cluster, whom: Machine, _says: None) -> None:
    there.rumour(whom)


def put_clock(_there: Cluster, whom: Machine, says: float) -> None:
    whom.put_clock(says)


def compact(_there: Cluster, whom: Machine, _says: None) -> None:
    if whom.process is not None:
        whom.process.store.want_compaction()


def outage(there: Cluster, _whom: Machine, says: float) -> None:
    there.database.away_until = there.world.time + says


def nothing(_there: Cluster, _whom: Machine, _says: None) -> None:
    """Time passes."""


# -- which are drawn

_SPECS = st.fixed_dictionaries(
    {
        "command": st.builds(
            "last {} {}".format, st.sampled_from([0, 1, 7, 25, 45]), st.sampled_from([0, 0, 1])
        ),
        "overlap": st.sampled_from(Overlap),
        "catch_up": st.sampled_from([None, *CatchUp]),
        "rerun_interrupted": st.booleans(),
        "retries": st.sampled_from([0, 0, 1]),
    }
)
_SECONDS = st.sampled_from([0.5, 3.5, 10.0])
_AT_ONCE = 0.0025
_FATE = st.sampled_from(
    [
        Fate(there=None, patience=_AT_ONCE),
        Fate(back=None, patience=_AT_ONCE),
        Fate(there=0.3, patience=_AT_ONCE),
        Fate(there=1.5, patience=0.5),
        Fate(there=4.0, patience=6.0),
        Fate(back=4.0, patience=6.0),
        Fate(stalls=0.5),
        Fate(stalls=4.0),
        Fate(stalls=8.0),
        Fate(back=None, patience=0.5, stalls=4.0),
        Fate(kills=True),
    ]
)
_FATES = st.lists(_FATE, min_size=1, max_size=4)
_OF_A_CHANGE = st.lists(_FATE, max_size=1)
_CHANGES = st.tuples(st.integers(0, 3), _OF_A_CHANGE)
_Happens = Callable[[Cluster, Machine, Any], None]
_SAID: dict[_Happens, st.SearchStrategy[Any]] = {
    create: st.tuples(st.sampled_from([1, 1, 2, 5]), st.integers(5, 15), _SPECS, _OF_A_CHANGE),
    edit: _CHANGES,
    delete: _CHANGES,
    run: _CHANGES,
    kill: st.none(),
    start: st.none(),
    stop: st.none(),
    pause: _SECONDS,
    cut_off: _SECONDS,
    deafen: st.booleans(),
    meet: st.tuples(st.sampled_from([*[Purpose.APPEND] * 4, *Purpose]), _FATES),
    fall_behind: _SECONDS,
    lag: st.sampled_from([0.001, 0.3, 6.0]),
    rumour: st.none(),
    put_clock: st.sampled_from([0.0, 0.6, -0.6, 5.0, -5.0]),
    compact: st.none(),
    outage: _SECONDS,
    nothing: st.none(),
}
_HAPPENS = {happens.__name__: happens for happens in _SAID}
_BY_NAME = {happens.__name__: happens for happens in _SAID}
_MORE_OFTEN: list[_Happens] = [create, edit, meet, meet, meet, stop]
_MOSTLY_THE_LEADER = st.sampled_from([LEADER, LEADER, LEADER, *range(SERVERS)])
_MEANWHILE = st.sampled_from([0.0, 0.0015, 0.4, 1.1, 3.2, 6.0])


def _step(happens: _Happens) -> st.SearchStrategy[Step]:
    what = st.just(happens.__name__)
    return st.builds(Step, what=what, whom=_MOSTLY_THE_LEADER, then=_MEANWHILE, says=_SAID[happens])


_BUSY = Step("create", LEADER, 0.4, (1, 20, {"command": "last 12 0", "overlap": Overlap.QUEUE}, []))
"""Something goes on at each moment, and another waits for its end: so whatever is met is met soon."""

STORIES = st.builds(
    operator.add,
    st.just([_BUSY]),
    st.lists(st.one_of(*map(_step, [*_SAID, *_MORE_OFTEN])), min_size=6, max_size=30),
)


def tell(story: list[Step]) -> list[Row]:
    """Let a story happen, and what it set off come to its end; fail where a promise was not kept. Returns the log."""
    with cluster() as there:
        for step in story:
            whom = (there.leader or there.machines[0]) if step.whom == LEADER else there.machines[step.whom]
            _BY_NAME[step.what](there, whom, step.says)
            there.world.pass_by(step.then)
        there.come_to_peace()
        promises.check(there)
        return there.database.ever
