"""When a call is sent again, and to whom. No I/O, no clock, no sleep: `exchange` says what to do, a client does it.

An attempt is a turn of the servers that a client was given: they are asked one after another, each once at the most,
until one has answered for good. With one server it is one request.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from threading import TIMEOUT_MAX
from typing import Any, Generic, TypeVar

from kala_client._calls.answers import Answer, not_leading
from kala_client._calls.call import WHICH_KALA, Call, Repeatable, not_understood
from kala_client._calls.servers import Servers
from kala_client.errors import KalaConnectionError, KalaError, KalaTimeoutError, NotLeaderError

T = TypeVar("T")

WORTH_A_RETRY = frozenset({429, 502, 503, 504})
_TIMES_MORE_PATIENT = 10
_TAKE_OVER = 1.0
"""Seconds: no longer is waited for the next look whether another server leads."""
_HASTE = 3
"""The first attempt has this part of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and how patiently, a call that may be repeated is repeated.

    `attempts` counts the first one too; 1 turns retries off. Before retry n the client waits a random part of
    min(`cap`, `base` × 2ⁿ⁻¹) seconds ("full jitter"), or as long as the server's Retry-After asks, if the
    deadline of the call allows it. `random` returns a number from 0 to 1.
    """

    attempts: int = 3
    base: float = 0.2
    cap: float = 5.0
    random: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        """Refuse a policy that would never try, never come to its end, or wait for no time that there is."""
        if not (isinstance(self.attempts, int) and self.attempts >= 1):
            raise ValueError(f"attempts must be a whole number of at least 1, not {self.attempts!r}")
        for name, value in (("base", self.base), ("cap", self.cap)):
            if not (isinstance(value, int | float) and 0 <= value <= TIMEOUT_MAX):
                raise ValueError(f"{name} must be a number of at least 0 seconds, not {value!r}")

    @property
    def patience(self) -> int:
        """How many failures in a row end what outlives a restart of a server, such as a stream of events.

        So many attempts are made where no server leads, as another one does within seconds.
        """
        return self.attempts if self.attempts == 1 else self.attempts * _TIMES_MORE_PATIENT

    def delay(self, failures: int) -> float:
        """Return how many seconds to wait after the `failures`-th failure in a row."""
        return self.random() * min(self.cap, self.base * 2.0 ** min(failures - 1, 60))


@dataclass(frozen=True, slots=True)
class Send:
    """The order to send a call, for the `attempt`-th time, to the server of number `at`.

    `within` so many seconds; None leaves it all that is left to the call.
    """

    call: Call[Any]
    attempt: int
    at: int
    within: float | None


@dataclass(frozen=True, slots=True)
class Wait:
    """The order to wait."""

    seconds: float


Outcome = Answer | KalaError | None
"""What a Send brought; None after a Wait."""
Exchange = Generator[Send | Wait, Outcome, T]


def exchange(
    call: Call[T],
    policy: RetryPolicy,
    *,
    servers: Servers,
    remaining: Callable[[], float],
    honours_keys: Callable[[], bool | None],
) -> Exchange[T]:
    """Send `call` until it has an answer that counts, and return its value or raise its error.

    Yields orders; a `Send` is answered with an Answer or a KalaError. `remaining` is what is left of the
    deadline, in seconds. `honours_keys` says whether the servers are kala_server, which honours idempotency keys; None
    where no answer has told yet. Then it is asked before a real Kala could pass over what the call says.
    """
    if call.needs and not honours_keys():
        if honours_keys() is None:
            yield from _asked(_Course(WHICH_KALA, policy, servers, remaining, honours_keys))
        if not honours_keys():
            raise not_understood(call.needs)
    return (yield from _Course(call, policy, servers, remaining, honours_keys).attempts())


def _asked(which: "_Course[None]") -> Exchange[None]:
    """Ask which Kala this is; a refusal that tells is as good an answer as any."""
    try:
        yield from which.attempts()
    except KalaError as error:
        if which.honours_keys():
            return
        if isinstance(error, KalaConnectionError):
            error.never_sent = True  # of the call itself nothing was
        raise


@dataclass(slots=True)
class _Course(Generic[T]):
    """What became of one call until now."""

    call: Call[T]
    policy: RetryPolicy
    servers: Servers
    remaining: Callable[[], float]
    honours_keys: Callable[[], bool | None]
    made: int = 0
    """How many attempts are over."""
    sent: int = 0
    turn: list[tuple[int, Answer | KalaError]] = field(default_factory=list)
    """Whom the last attempt has asked, and what came of it."""
    wish: float = 0.0
    """For how many seconds the last one that answered then wants to be left alone."""
    doubt: Answer | KalaError | None = None
    """What left open whether the call was carried out, and was followed by something else."""

    def attempts(self) -> Exchange[T]:
        """Make attempts, until another one would be of no use or come too late."""
        while (yield from self._attempt()):
            self.made += 1
            if self.made >= self._most():
                break
            delay = self._delay()
            if delay >= self.remaining():
                break
            yield Wait(delay)
        return self._end()

    def _attempt(self) -> Exchange[bool]:
        """Ask each server once, a leader that is named as the next; return whether what they said may pass."""
        self.turn.clear()
        self.wish = 0.0
        to_ask = self.servers.in_turn()
        while to_ask:
            at = to_ask.pop(0)
            self.sent += 1
            within = self._share(len(to_ask))
            outcome = yield Send(self.call, self.sent, at, within)
            assert outcome is not None
            refusal = not_leading(outcome) if isinstance(outcome, Answer) else None
            if not self._may_go_on(at, refusal or outcome, shared=within is not None):
                return False
            if isinstance(outcome, Answer):
                self.wish = outcome.retry_after
            leader = self.servers.number_of(refusal.leader) if refusal and refusal.leader else None
            if leader in to_ask:
                to_ask.remove(leader)
                to_ask.insert(0, leader)
        return True

    def _share(self, others: int) -> float | None:
        """Return how many seconds one of several servers may take, so that something is left for what may follow.

        In the first attempt it is less: a server that hangs is noticed, and one that is slow is asked again.
        """
        if self.servers.alone or not self._harmless_twice:
            return None
        parts = others + 1
        if self.policy.attempts > 1:
            parts = len(self.servers.urls) * _HASTE if self.made == 0 else max(parts, 2)
        left = self.remaining()
        return left / parts if left > 0 and parts > 1 else None

    def _delay(self) -> float:
        """Return how many seconds to wait for the next attempt."""
        delay = self.policy.delay(self.made)
        return max(min(delay, _TAKE_OVER) if self._refused else delay, self.wish)

    def _may_go_on(self, at: int, outcome: Answer | KalaError, *, shared: bool) -> bool:
        """Take note of an outcome, and say whether the call may be sent again after it."""
        self.turn.append((at, outcome))
        if isinstance(outcome, NotLeaderError) or (
            isinstance(outcome, Answer) and outcome.status not in WORTH_A_RETRY
        ):
            self.servers.answered(at)
        else:
            self.servers.failed(at)
        if isinstance(outcome, NotLeaderError) and not self.servers.may_be_led_by(outcome):
            return False
        if nothing_was_done(outcome):
            return True
        if not (self._harmless_twice and _may_be_over(outcome, shared=shared)):
            return False
        self.doubt = outcome
        return True

    @property
    def _harmless_twice(self) -> bool:
        """Whether nothing is doubled where a server carries out the call twice."""
        kind = self.call.repeatable
        return kind is Repeatable.ALWAYS or (kind is Repeatable.WITH_KEY and bool(self.honours_keys()))

    @property
    def _refused(self) -> bool:
        """Whether somebody said in the last attempt that another one has to lead."""
        return any(isinstance(outcome, NotLeaderError) for _, outcome in self.turn)

    def _most(self) -> int:
        """Return how many attempts there may be, if they all end as the last one."""
        if self._refused:
            return self.policy.patience
        if self.call.repeatable is Repeatable.NEVER or all(lasts(outcome) for _, outcome in self.turn):
            return 1
        return self.policy.attempts

    def _end(self) -> T:
        """Return the value of the call, or raise what it failed with; what others said in the end is a note of that."""
        outcome = self._that_counts()
        try:
            if isinstance(outcome, Answer):
                return self.call.decode(outcome, after_unknown=self.doubt is not None)
            raise outcome
        except KalaError as error:
            for at, other in self.turn:
                if other is not outcome:
                    error.add_note(_of_another(self.servers.urls[at], other))
            raise

    def _that_counts(self) -> Answer | KalaError:
        """Return the last outcome, unless nothing was done then and another one tells more."""
        last = self.turn[-1][1]
        if isinstance(last, Answer) or not nothing_was_done(last):
            return last
        if self.doubt is not None and self.call.method != "GET":
            return self.doubt  # or it would seem that nothing was done by any attempt
        return next((each for _, each in reversed(self.turn) if isinstance(each, NotLeaderError)), last)


def may_pass(error: KalaError) -> bool:
    """Whether the failure of a call that only looks may be over at the next look, as when a server starts again."""
    if isinstance(error, KalaConnectionError | KalaTimeoutError):
        return not lasts(error)
    return error.status in WORTH_A_RETRY


def lasts(outcome: Answer | KalaError) -> bool:
    """Whether another try would meet the same, such as a client that is closed."""
    return isinstance(outcome, KalaConnectionError) and outcome.lasting


def nothing_was_done(outcome: Answer | KalaError) -> bool:
    """Whether it leaves no doubt that the call was not carried out."""
    never_sent = isinstance(outcome, KalaConnectionError) and outcome.never_sent
    return never_sent or isinstance(outcome, NotLeaderError)


def _may_be_over(outcome: Answer | KalaError, *, shared: bool) -> bool:
    """Whether the next one to be asked may answer; a timeout ends the call, unless others were left their share."""
    if isinstance(outcome, Answer):
        return outcome.status in WORTH_A_RETRY
    return isinstance(outcome, KalaConnectionError) or (shared and isinstance(outcome, KalaTimeoutError))


def _of_another(url: str, outcome: Answer | KalaError) -> str:
    words = f"it answered {outcome.status}" if isinstance(outcome, Answer) else outcome.message
    return words if url in words else f"{url}: {words}"
