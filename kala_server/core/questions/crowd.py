"""How many jobs have slots to come in each part of a time, each once: where it will be crowded. It changes no state.

What is computed of a schedule is remembered: a hundred thousand jobs cost no more than they have different schedules.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from kala_server.core.frozen import value
from kala_server.core.state.run_table import begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps
from kala_server.core.time.occurrences import Never, first_at_or_after, read_stored
from kala_server.core.time.zones import stored_zone

Timing = tuple[str, str]
"""A schedule and its zone."""

_PARTS = 96
"""Parts of a stretch, of which it is computed in one go where a schedule has slots."""
_LANE = 24
"""Bits for how many jobs a part has, in a number that holds all parts of a stretch: so they are added at once."""
_FULL = (1 << _LANE) - 1
_MOST_STRETCHES = 16
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
        timings = _timings(state) if later else {}
        self._forget_other_rules(timings)
        for number in (
            range(later[0] // begins.step // _PARTS, later[-1] // begins.step // _PARTS + 1) if later else ()
        ):
            stretch = _Stretch(begins.step, number)
            lanes = yield from self._sum(timings, stretch)
            for begin in later:
                part = (begin - stretch.first) // begins.step
                if 0 <= part < _PARTS:
                    counts[(begin - begins[0]) // begins.step] = lanes >> part * _LANE & _FULL
        return counts

    def _sum(self, timings: Mapping[Timing, int], stretch: _Stretch) -> Steps[int]:
        known = self._known_in(stretch, len(timings))
        lanes = 0
        for number, (timing, count) in enumerate(timings.items(), 1):
            its = known.get(timing)
            if its is None:
                its = yield from _lanes(timing, stretch)
                its = known[timing] = self._lanes.setdefault(its, its)
            lanes += count * its
            if not number % A_STEP:
                yield
        return lanes

    def _known_in(self, stretch: _Stretch, schedules: int) -> dict[Timing, int]:
        """Return what is known of a stretch, and let go of what was asked for longest ago, and of what is no more."""
        known = self._known.pop(stretch, {})
        if len(known) > schedules + _SPARE:
            known = {}
        if len(self._known) >= _MOST_STRETCHES:
            del self._known[next(iter(self._known))]
            self._lanes.clear()
        self._known[stretch] = known
        return known

    def _forget_other_rules(self, timings: Mapping[Timing, int]) -> None:
        zones = {zone: _zone(zone) for zone in {zone for _, zone in timings}}
        if any(self._zones.get(name, zone) is not zone for name, zone in zones.items()):
            self._known.clear()
        self._zones = zones


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
    lanes = part = looked_up = 0
    try:
        timetable = read_stored(schedule, zone) if schedule else Never()
        while part < _PARTS:
            slot = first_at_or_after(timetable, begin_of(stretch.first + part * stretch.length))
            part = _PARTS if slot is None else (quarter_of(slot) - stretch.first) // stretch.length
            if part < _PARTS:
                lanes |= 1 << part * _LANE
            part += 1
            looked_up += 1
            if not looked_up % _A_FEW:
                yield
    except Exception:  # noqa: BLE001 - one job's trouble is its own, and told of where it is decided on
        return 0
    return lanes
