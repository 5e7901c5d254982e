"""What the methods that take more than one page must remember: which call is next, and what was wanted of a page.

No I/O.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from kala_client import errors
from kala_client._calls import builders, ledger
from kala_client._calls.arguments import at_most, listed
from kala_client._calls.call import Call
from kala_client._calls.envelopes import JobsAnswer, RunPage, SlotsAnswer, UpcomingPage
from kala_client._model.fields import Zone
from kala_client.models import Job, Run, SlotExplanation, UpcomingSlot, WhichJob

P = TypeVar("P")
T = TypeVar("T")
Wanted = str | datetime | Zone | None

_PAGE = 100
MOST_JOBS = 100_000
"""kala_server gives no more at once, and as many where no limit is said."""


class _Pages(Generic[P, T]):
    """Pages that say where the next begins, until `limit` of what is on them was seen or there are no more."""

    def __init__(self, limit: int | None, page: Callable[[int, str | None], Call[P]]) -> None:
        self._left = at_most(limit)
        self._page = page
        self._place: str | None = None
        self._more = True

    def next_call(self) -> Call[P] | None:
        """Return the call for the next page, None after the last one."""
        if not self._more or (self._left is not None and self._left <= 0):
            return None
        size = _PAGE if self._left is None else min(_PAGE, self._left)
        return self._page(size, self._place)

    def _take(self, found: list[T], following: str | None) -> list[T]:
        """Return what is wanted of a page, and remember where it ended."""
        self._place = _moved(self._place, following)
        self._more = bool(following and found)
        wanted = found[: self._left]
        if self._left is not None:
            self._left -= len(wanted)
        return wanted


def _moved(place: str | None, following: str | None) -> str | None:
    """Return where the next page begins. Raises UnexpectedResponseError where there would be no end of them."""
    if following and following == place:
        raise errors.UnexpectedResponseError(
            "this is not an answer of a Kala: the next page begins where this one did"
        )
    return following


class RunPages(_Pages[RunPage, Run]):
    """The pages of the runs of a job, or of all."""

    def __init__(
        self,
        job_id: WhichJob | None,
        *,
        limit: int | None,
        tag: str | None,
        state: str | Sequence[str] | None,
        explain: bool,
        **wanted: Wanted,
    ) -> None:
        states = (
            state if state is None or isinstance(state, str) else ",".join(map(str, listed("state", state)))
        )
        more = {**wanted, "state": states, "explain": "true" if explain else None}

        def page(size: int, before: str | None) -> Call[RunPage]:
            if job_id is None or any(value is not None for value in (tag, *wanted.values())):
                return ledger.all_runs_page(job_id, tag=tag, **more, limit=size, before=before)
            return ledger.runs_page(job_id, **more, limit=size, before=before)

        super().__init__(limit, page)

    def take(self, page: RunPage) -> list[Run]:
        """Return the runs of a page that are wanted, and remember where it ended."""
        return self._take(page.runs, page.next)


class UpcomingPages(_Pages[UpcomingPage, UpcomingSlot]):
    """The pages of the slots that are to come."""

    def __init__(self, job_id: WhichJob | None, *, limit: int | None, **wanted: Wanted) -> None:
        super().__init__(
            limit, lambda size, after: ledger.upcoming_page(job_id, **wanted, limit=size, after=after)
        )

    def take(self, page: UpcomingPage) -> list[UpcomingSlot]:
        """Return the slots of a page that are wanted, and remember where it ended."""
        return self._take(page.slots, page.next)


class ExplanationPages:
    """What became of the slots of a job: in a time page by page, otherwise on the only one."""

    def __init__(
        self, job_id: WhichJob, *, at: datetime | None, zone: Zone | None, **time: datetime | None
    ) -> None:
        self.slots: list[SlotExplanation] = []
        self._of_a_time = any(end is not None for end in time.values())
        if at is not None and self._of_a_time:
            raise errors.InvalidRequestError("say either at, or since and until")
        self._job_id, self._at, self._zone, self._time = job_id, at, zone, time
        self._more = True

    def next_call(self) -> Call[SlotsAnswer] | None:
        """Return the call for the next page, None after the last one."""
        if not self._more:
            return None
        if self._of_a_time:
            return ledger.explain_page(self._job_id, **self._time, zone=self._zone)
        return ledger.explain(self._job_id, at=self._at, zone=self._zone)

    def take(self, page: SlotsAnswer) -> None:
        """Add what is on a page, and remember where it ended."""
        self.slots += page.slots
        self._more = page.next is not None and page.next != self._time["since"]
        self._time["since"] = page.next


class JobPages:
    """The pages of the jobs to which `wanted` applies, until `limit` of them were seen or there are no more."""

    def __init__(self, *, limit: int | None, **wanted: str | None) -> None:
        self.jobs: dict[str, Job] = {}
        self._limit = at_most(limit)
        self._wanted = wanted
        self._after: str | None = None
        self._more = True

    def next_call(self) -> Call[JobsAnswer] | None:
        """Return the call for the next page, None after the last one."""
        left = None if self._limit is None else self._limit - len(self.jobs)
        if not self._more or (left is not None and left <= 0):
            return None
        size = None if left is None else min(left, MOST_JOBS)
        return builders.jobs_page(**self._wanted, limit=size, after=self._after)

    def take(self, page: JobsAnswer) -> None:
        """Keep the jobs of a page, and remember where it ended."""
        self._after = _moved(self._after, page.next)
        self._more = bool(page.next and page.jobs)
        self.jobs.update(page.jobs or {})
