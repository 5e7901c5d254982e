"""The leader is killed, paused and stopped under load, again and again: nothing is lost, and no slot is doubled.

Each client keeps account of what was acknowledged, each command leaves a line in a file, and each slot is looked for in
the ledger of who leads in the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from random import Random
from time import monotonic

from tests.eventually import eventually
from tests.faults.cluster.load import Load, client_of, whole
from tests.faults.cluster.marks import Marks
from tests.faults.cluster.members import Cluster, two
from tests.faults.cluster.planted import answers_before_it_appends
from tests.faults.conftest import Tell
from tests.faults.figures import LEADERS_KILLED, LEADERS_PAUSED, LEADERS_STOPPED
from tests.faults.promises import a_moment
from tests.faults.server_child import Plant, nothing
from tests.postgres import Postgres

LIFE = 10
"""Upsets of one database; then a new one, so that comparing stays quick."""
LONGEST_PAUSE = 10.0
KILL, PAUSE, STOP = "kill", "pause", "stop"


@dataclass
class Told:
    """What came of it."""

    broken: list[str] = field(default_factory=list)
    acknowledged: int = 0
    starts: int = 0
    times: dict[str, list[float]] = field(default_factory=lambda: {KILL: [], PAUSE: [], STOP: []})
    """Until the first change was acknowledged, by what was done to the leader."""


def upset(cluster: Cluster, load: Load, how: str, dice: Random) -> float:
    """Kill, pause or stop the leader; return how long no change was acknowledged that was asked for since."""
    leader, began = cluster.leader(), monotonic()
    if how == KILL:
        leader.kill()
    elif how == STOP:
        assert leader.stop() == 0
    else:
        leader.freeze()
        a_moment(dice.uniform(0, LONGEST_PAUSE))
        leader.resume()
    taken = load.first_after(began)
    if how == PAUSE:
        eventually(lambda: leader.ended or cluster.leads(leader))
    for member in cluster.members:
        if member.ended:
            assert how != PAUSE or member.exit_code() == 1
            member.start()
    return taken


def life(
    folder: Path, database: str, upsets: Sequence[str], dice: Random, told: Told, plant: Plant = nothing
) -> None:
    """Upset one leader after the other, and hold the last one to what all of them have said."""
    folder.mkdir()
    marks = Marks(folder / "marks")
    load = Load(marks)
    with two(folder, database, always=plant) as cluster:
        with client_of(cluster.urls) as kala:
            marks.fill(kala)
        with load.going_on(cluster.urls):
            for how in upsets:
                a_moment(dice.uniform(0, 1))
                told.times[how].append(upset(cluster, load, how, dice))
        told.broken += whole(load, marks, cluster)
    told.acknowledged += load.acknowledged
    told.starts += len(marks.all())


def in_words(times: Sequence[float]) -> str:
    """Say how long it took."""
    ordered = sorted(times)
    p99 = ordered[ceil(0.99 * len(ordered)) - 1]
    return f"p50 {ordered[len(ordered) // 2]:.1f} s, p99 {p99:.1f} s, longest {ordered[-1]:.1f} s"


def test_a_leader_that_dies_or_pauses_loses_and_doubles_nothing(
    tmp_path: Path, postgres: Postgres, tell: Tell
) -> None:
    dice, told = Random(4), Told()
    upsets = [KILL] * LEADERS_KILLED + [PAUSE] * LEADERS_PAUSED + [STOP] * LEADERS_STOPPED
    dice.shuffle(upsets)
    for begun in range(0, len(upsets), LIFE):
        life(tmp_path / str(begun), postgres.database(), upsets[begun : begun + LIFE], dice, told)
        assert told.broken == []
    done = f"{LEADERS_KILLED} kills, {LEADERS_PAUSED} pauses, {LEADERS_STOPPED} stops"
    tell(f"{done}: {told.acknowledged:,} acknowledged, 0 lost; {told.starts:,} starts, 0 doubled")
    for how, times in told.times.items():
        tell(f"until the first 201 after the beginning of a {how}: {in_words(times)}")


def test_a_leader_that_answers_before_it_appends_is_noticed(tmp_path: Path, database: str) -> None:
    told = Told()
    life(tmp_path / "eager", database, [KILL, KILL], Random(4), told, answers_before_it_appends)
    assert any(broken.endswith("is lost") for broken in told.broken)


def test_a_start_that_is_doubled_or_missing_and_a_slot_of_which_nothing_is_known_are_noticed(
    tmp_path: Path, database: str
) -> None:
    marks = Marks(tmp_path / "marks")
    with two(tmp_path, database) as cluster, client_of(cluster.urls) as kala:
        marks.fill(kala)
        eventually(lambda: len(marks.all()) > 8)
        assert marks.broken(kala) == []
        lines = (tmp_path / "marks").read_text().splitlines()
        (tmp_path / "marks").write_text("\n".join([*lines[1:], lines[-1]]))
        broken = marks.broken(kala)
        assert any("was started 2 times" in each for each in broken)
        assert any("never ran" in each for each in broken)
        marks.expect_from(-1)
        assert any("nothing is known of" in each for each in marks.broken(kala))
