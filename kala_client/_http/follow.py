"""What the methods that take more than one request must remember: pages, polls and events. No I/O."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from kala_client import errors
from kala_client._calls import builders, ledger
from kala_client._calls.answers import is_heap
from kala_client._calls.arguments import at_most, fits_header, listed, seconds
from kala_client._calls.call import Call
from kala_client._calls.envelopes import JobsAnswer, RunPage, SlotsAnswer, UpcomingPage
from kala_client._calls.retry import RetryPolicy, lasts, may_pass
from kala_client._http.request import Wire
from kala_client._model.fields import Zone
from kala_client.models import Event, Job, Run, SlotExplanation, UpcomingSlot, WhichJob

P = TypeVar("P")
T = TypeVar("T")
Wanted = str | datetime | Zone | None

_PAGE = 100
MOST_JOBS = 100_000
"""kala_server gives no more at once, and as many where no limit is said."""
_FIRST_POLL, _LONGEST_POLL, _LAST_LOOK = 0.05, 2.0, 1.0  # seconds


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


class Poll:
    """How long to wait until the next look at a run: longer each time, and never past the deadline."""

    def __init__(self, timeout: float | None, policy: RetryPolicy, monotonic: Callable[[], float]) -> None:
        self._timeout = seconds(timeout)
        self._policy = policy
        self._failures = 0
        self._end = None if timeout is None else monotonic() + timeout
        self._monotonic = monotonic
        self._delay = _FIRST_POLL

    @property
    def within(self) -> float | None:
        """How many seconds a look may take: what is left, but enough for a last one; None without a deadline."""
        return None if self._end is None else max(_LAST_LOOK, self._end - self._monotonic())

    def delay(self, run: Run) -> float:
        """Return the seconds to wait; raises KalaTimeoutError where the deadline has passed."""
        self._failures = 0
        return self._next(f"the run {run.id} is still {run.state}")

    def delay_after(self, error: errors.KalaError) -> float:
        """Return the seconds to wait after a look that failed; raises `error` where another would be no use."""
        self._failures += 1
        until_the_end = self._end is not None and self._policy.attempts > 1
        if not may_pass(error) or (self._failures >= self._policy.patience and not until_the_end):
            raise error
        try:
            return self._next("nobody knows whether the run is over")
        except errors.KalaTimeoutError as late:
            raise late from error

    def _next(self, so_far: str) -> float:
        delay = self._delay
        self._delay = min(delay * 1.5, _LONGEST_POLL)
        if self._end is None:
            return delay
        left = self._end - self._monotonic()
        if left <= 0:
            raise errors.KalaTimeoutError(f"{so_far} after {self._timeout:g} s")
        return min(delay, left)


class EventFeed:
    """Server-sent events out of lines, and when to connect again after the stream has ended."""

    def __init__(self, last_event_id: str | None, wire: Wire) -> None:
        self._last_id = last_event_id
        self._wire = wire
        self._failures = 0
        self._data = bytearray()
        self._event = ""
        self._id = last_event_id
        self._call = ledger.events(last_event_id)

    def next_call(self) -> Call[None]:
        """Return the call for what comes after the last event."""
        self._call = ledger.events(self._last_id)
        return self._call

    def line(self, line: str) -> Event | None:
        """Take a line; return the event that it ends (WHATWG HTML, section 9.2.6), else None.

        Raises UnexpectedResponseError for an event that is too large, or after which no stream could take up again.
        """
        self._failures = 0  # even a comment shows that the server is there
        line = line.removesuffix("\r")
        if not line:
            return self._dispatch()
        if len(self._data) + len(line.encode()) > self._wire.max_body:
            raise self._unexpected(
                f"an event is larger than the {self._wire.max_body} bytes that max_body allows"
            )
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data += value.encode() + b"\n"
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            if value and not fits_header(value):
                raise self._unexpected(f"no Kala gives an event such an id: {value[:80]!r}")
            self._id = value
        return None

    def retry_in(self, error: errors.KalaError | None) -> float:
        """Return in how many seconds to connect again; raises when too many streams in a row brought nothing.

        A listener outlives a restart of the server, so it is more patient than a call.
        """
        self._clear()
        self._failures += 1
        policy = self._wire.retry
        if self._failures >= policy.patience or (error and lasts(error)):
            raise error or self._wire.failure(
                self._call,
                errors.KalaConnectionError("the server ends the stream of events again and again"),
            )
        return policy.delay(self._failures)

    def _dispatch(self) -> Event | None:
        data, event, self._last_id = self._data.decode(), self._event, self._id
        self._clear()
        if not data:
            return None
        return Event(id=self._last_id, event=event or "message", data=_json_or_text(data.removesuffix("\n")))

    def _clear(self) -> None:
        self._data, self._event, self._id = bytearray(), "", self._last_id

    def _unexpected(self, message: str) -> errors.KalaError:
        return self._wire.failure(self._call, errors.UnexpectedResponseError(message))


def _json_or_text(text: str) -> object:
    try:
        return text if is_heap(text.encode()) else json.loads(text)
    except (ValueError, RecursionError):
        return text
