"""How many jobs have slots to come in each part of a time, each once: where it will be crowded. It changes no state.

What is computed of a schedule is remembered: a hundred thousand jobs cost no more than they have different schedules.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from kala_server.core.frozen import value
from kala_server.core.state.run_table import QUARTER, begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps
from kala_server.core.time.occurrences import Never, Repeating, Timetable, first_at_or_after, read_stored
from kala_server.core.time.zones import stored_zone

Timing = tuple[str, str]
"""A schedule and its zone."""

_PARTS = 96
"""Parts of a stretch, of which it is computed in one go where a schedule has slots."""
_LANE = 24
"""Bits for how many jobs a part has, in a number that holds all parts of a stretch: so they are added at once."""
_FULL = (1 << _LANE) - 1
_EACH = sum(1 << part * _LANE for part in range(_PARTS))
_INSTANT = timedelta(microseconds=1)
_MOST_KNOWN = 200_000
"""Schedules of stretches that are remembered, beside those that are asked for: 0.1 kB each."""
_SPARE = 1_024
"""Schedules that may be known beyond those that there are."""
_A_FEW = 16
"""Slots that are looked up in a step."""


@value(frozen=True, slots=True)
class _Stretch:
    length: int
    """Of a part, in quarters of an hour."""
    number: int

    @property
    def first(self) -> int:
        return self.number * _PARTS * self.length


class Crowd:
    """Counts the jobs that have slots to come, and remembers where each schedule has slots."""

    def __init__(self) -> None:
        self._known: dict[_Stretch, dict[Timing, int]] = {}
        """A 1 in the lane of each part of a stretch in which a schedule has slots."""
        self._lanes: dict[int, int] = {}
        """Each of these once, as many schedules share them."""
        self._sums: dict[_Stretch, tuple[object, int]] = {}
        """What they came to, and of which jobs that was: these are mostly the same when it is asked for again."""
        self._zones: dict[str, tzinfo | None] = {}
        """The zones by whose rules that was computed."""

    def ahead(self, state: State, begins: range, now: datetime) -> Steps[list[int]]:
        """Return of each part how many jobs have slots to come in it; `begins` has their first quarters of an hour.

        The first of them is a multiple of their length. Of the part in which it is now, jobs are counted whose next
        slot is in it: what is being decided on is included.
        """
        counts = [0] * len(begins)
        current = (quarter_of(now) - begins[0]) // begins.step
        if 0 <= current < len(begins):
            counts[current] = state.slots.places.count_before((begin_of(begins[current] + begins.step),))
        later = begins[max(0, current + 1) :]
        if not later:
            return counts
        self._forget_other_rules()
        numbers = range(later[0] // begins.step // _PARTS, later[-1] // begins.step // _PARTS + 1)
        stretches = [_Stretch(begins.step, number) for number in numbers]
        sums = yield from self._all_sums(state, stretches)
        for begin in later:
            number, part = divmod(begin // begins.step, _PARTS)
            counts[(begin - begins[0]) // begins.step] = sums[number - numbers[0]] >> part * _LANE & _FULL
        return counts

    def _all_sums(self, state: State, stretches: list[_Stretch]) -> Steps[list[int]]:
        about = state.jobs.timings, state.jobs.timings.changes, frozenset(state.stuck)
        known = [self._sums.get(stretch, (None, 0)) for stretch in stretches]
        if any(of != about for of, _ in known):
            sums = yield from self._sum(_timings(state), stretches)
            self._sums = {stretch: (about, lanes) for stretch, lanes in zip(stretches, sums, strict=True)}
            return sums
        return [lanes for _, lanes in known]

    def _sum(self, timings: Mapping[Timing, int], stretches: list[_Stretch]) -> Steps[list[int]]:
        """Add all up; a schedule is read once for all stretches."""
        known = [self._known_in(stretch, len(timings)) for stretch in stretches]
        sums = [0] * len(stretches)
        for number, (timing, count) in enumerate(timings.items(), 1):
            if timing[1] not in self._zones:
                self._zones[timing[1]] = _zone(timing[1])
            for place, stretch in enumerate(stretches):
                its = known[place].get(timing)
                if its is None:
                    its = yield from _lanes(timing, stretch)
                    its = known[place][timing] = self._lanes.setdefault(its, its)
                    yield
                sums[place] += count * its
            if not number % A_STEP:
                yield
        return sums

    def _known_in(self, stretch: _Stretch, schedules: int) -> dict[Timing, int]:
        """Return what is known of a stretch, and let go of what was asked for longest ago, and of what is no more."""
        known = self._known.pop(stretch, {})
        if len(known) > schedules + _SPARE:
            known = {}
        while self._known and sum(map(len, self._known.values())) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
            self._lanes.clear()
        self._known[stretch] = known
        return known

    def _forget_other_rules(self) -> None:
        if any(_zone(name) is not zone for name, zone in self._zones.items()):
            self._known.clear()
            self._sums.clear()
            self._zones.clear()


def _timings(state: State) -> dict[Timing, int]:
    """Return the schedules of jobs that have slots to come, and how many jobs have each."""
    timings = dict(state.jobs.timings)
    for job_id in state.stuck:
        job = state.jobs[job_id]
        if job.spec.timing in timings and job.next_at is not None and not job.disabled:
            timings[job.spec.timing] -= 1
    return timings


def _zone(name: str) -> tzinfo | None:
    try:
        return stored_zone(name)
    except ValueError:
        return None


def _lanes(timing: Timing, stretch: _Stretch) -> Steps[int]:
    """Return a 1 in the lane of each part with a slot; none where the times of the schedule cannot be computed."""
    schedule, zone = timing
    try:
        timetable = read_stored(schedule, zone) if schedule else Never()
        if not isinstance(timetable, Repeating):
            return (yield from _looked_up(timetable, stretch))
        if apart := timetable.apart:
            return _of_regular(timetable, apart, stretch)
        return (yield from _of_calendar(timetable, stretch))
    except Exception:  # noqa: BLE001 - one job's trouble is its own, and told of where it is decided on
        return 0


def _of_regular(timetable: Repeating, apart: timedelta, stretch: _Stretch) -> int:
    """Return the lanes of slots that are equally far apart: most schedules are so, and each has its own START."""
    begin, length = begin_of(stretch.first), QUARTER * stretch.length
    first, final = timetable.ends
    slot = max(first, first - (first - begin) // apart * apart) - begin
    last = min(_PARTS * length - _INSTANT, final - begin)
    if apart <= length:
        return _all_between(slot // length, last // length) if slot <= last else 0
    lanes = 0
    while slot <= last:
        lanes |= 1 << slot // length * _LANE
        slot += apart
    return lanes


def _all_between(first: int, last: int) -> int:
    """Return a 1 in the lane of each of these parts."""
    return (_EACH >> (_PARTS - 1 - last + first) * _LANE) << first * _LANE


def _of_calendar(timetable: Repeating, stretch: _Stretch) -> Steps[int]:
    """Return the lanes of slots that are days or months apart: few, each of which is made of the one before."""
    begin, length, lanes = begin_of(stretch.first), QUARTER * stretch.length, 0
    for number, slot in enumerate(timetable.from_on(begin), 1):
        part = (slot - begin) // length
        if part >= _PARTS:
            break
        lanes |= 1 << part * _LANE
        if not number % _A_FEW:
            yield
    return lanes


def _looked_up(timetable: Timetable, stretch: _Stretch) -> Steps[int]:
    lanes = part = number = 0
    while part < _PARTS:
        slot = first_at_or_after(timetable, begin_of(stretch.first + part * stretch.length))
        part = _PARTS if slot is None else (quarter_of(slot) - stretch.first) // stretch.length
        if part < _PARTS:
            lanes |= 1 << part * _LANE
        part += 1
        number += 1
        if not number % _A_FEW:
            yield
    return lanes
