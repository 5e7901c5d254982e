"""What the methods that ask again must remember: looks at a run, streams of output and of events. No I/O."""

import json
from collections.abc import Callable

from kala_client import errors
from kala_client._calls import ledger
from kala_client._calls.answers import is_heap
from kala_client._calls.arguments import fits_header, seconds
from kala_client._calls.call import Call
from kala_client._calls.retry import RetryPolicy, lasts, may_pass
from kala_client._http.lines import Lines, LinesOfMany
from kala_client._http.request import Wire
from kala_client.models import Event, Run

_FIRST_POLL, _LONGEST_POLL, _LAST_LOOK = 0.05, 2.0, 1.0  # seconds


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


class _Streams:
    """Streams that follow one another: when to ask for the next one, after one has ended or broken off."""

    def __init__(self, what: str, call: Call[None], wire: Callable[[], Wire]) -> None:
        """`wire` returns the server that is asked first: where one goes away, that is another one."""
        self._what = what
        self._call = call
        self._wire = wire
        self._failures = 0

    def retry_in(self, error: errors.KalaError | None) -> float:
        """Return in how many seconds to connect again; raises when too many streams in a row brought nothing.

        A listener outlives a restart of the server, so it is more patient than a call.
        """
        self._failures += 1
        policy = self._wire().rules.retry
        if self._failures >= policy.patience or (error and lasts(error)):
            raise error or self._failure(
                errors.KalaConnectionError(f"the server ends the stream of {self._what} again and again")
            )
        return policy.delay(self._failures)

    def _failure(self, error: errors.KalaError) -> errors.KalaError:
        return self._wire().failure(self._call, error)


class OutputFeed(_Streams):
    """The output of a run, which another server goes on with where one goes away; a server that is alone does not."""

    def __init__(self, run: Run | str, wire: Callable[[], Wire], *, alone: bool) -> None:
        super().__init__("output", ledger.follow(run), wire)
        self.alone = alone
        self.lines = LinesOfMany(wire().rules.max_body)
        self._known = 0

    def next_call(self) -> Call[None]:
        """Return the call for the output, from its beginning on: what was told already is passed over."""
        self.lines.again()
        return self._call

    def retry_in(self, error: errors.KalaError | None) -> float:
        """Return in how many seconds to connect again, as for events; raises the first failure of one that is alone."""
        if self.alone and error:
            raise error
        if self.lines.known > self._known:
            self._failures, self._known = 0, self.lines.known
        return super().retry_in(error)


class EventFeed(_Streams):
    """Server-sent events out of lines."""

    def __init__(self, last_event_id: str | None, wire: Callable[[], Wire]) -> None:
        super().__init__("events", ledger.events(last_event_id), wire)
        self.lines = Lines(wire().rules.max_body)
        self._last_id = last_event_id
        self._data = bytearray()
        self._event = ""
        self._id = last_event_id

    def next_call(self) -> Call[None]:
        """Return the call for what comes after the last event."""
        self.lines = Lines(self._wire().rules.max_body)
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
        if len(self._data) + len(line.encode()) > self._wire().rules.max_body:
            raise self._unexpected(
                f"an event is larger than the {self._wire().rules.max_body} bytes that max_body allows"
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
        """Return in how many seconds to connect again, and let go of the event that was cut."""
        self._clear()
        return super().retry_in(error)

    def _dispatch(self) -> Event | None:
        data, event, self._last_id = self._data.decode(), self._event, self._id
        self._clear()
        if not data:
            return None
        return Event(id=self._last_id, event=event or "message", data=_json_or_text(data.removesuffix("\n")))

    def _clear(self) -> None:
        self._data, self._event, self._id = bytearray(), "", self._last_id

    def _unexpected(self, message: str) -> errors.KalaError:
        return self._failure(errors.UnexpectedResponseError(message))


def _json_or_text(text: str) -> object:
    try:
        return text if is_heap(text.encode()) else json.loads(text)
    except (ValueError, RecursionError):
        return text
