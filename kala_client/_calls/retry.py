"""When a call is tried again. No I/O, no clock and no sleep: `exchange` says what to do, a client does it."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from threading import TIMEOUT_MAX
from typing import Any, TypeVar

from kala_client._calls.answers import Answer
from kala_client._calls.call import WHICH_KALA, Call, Repeatable, not_understood
from kala_client.errors import KalaConnectionError, KalaError, KalaTimeoutError

T = TypeVar("T")

WORTH_A_RETRY = frozenset({429, 502, 503, 504})
_TIMES_MORE_PATIENT = 10


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
        """How many failures in a row end what outlives a restart of the server, such as a stream of events."""
        return self.attempts if self.attempts == 1 else self.attempts * _TIMES_MORE_PATIENT

    def delay(self, failures: int) -> float:
        """Return how many seconds to wait after the `failures`-th failure in a row."""
        return self.random() * min(self.cap, self.base * 2.0 ** min(failures - 1, 60))


@dataclass(frozen=True, slots=True)
class Send:
    """The order to send a call, for the `attempt`-th time."""

    call: Call[Any]
    attempt: int


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
    remaining: Callable[[], float],
    honours_keys: Callable[[], bool | None],
) -> Exchange[T]:
    """Send `call` until it has an answer that counts, and return its value or raise its error.

    Yields orders; a `Send` is answered with an Answer or a KalaError. `remaining` is what is left of the
    deadline, in seconds. `honours_keys` says whether the server is kala_server, which honours idempotency keys; None
    where no answer has told yet. Then it is asked before a real Kala could pass over what the call says.
    """
    if call.needs and not honours_keys():
        if honours_keys() is None:
            yield from _asked(policy, remaining=remaining, honours_keys=honours_keys)
        if not honours_keys():
            raise not_understood(call.needs)
    return (yield from _repeated(call, policy, remaining=remaining, honours_keys=honours_keys))


def _asked(
    policy: RetryPolicy, *, remaining: Callable[[], float], honours_keys: Callable[[], bool | None]
) -> Exchange[None]:
    """Ask which Kala this is; a refusal that tells is as good an answer as any."""
    try:
        yield from _repeated(WHICH_KALA, policy, remaining=remaining, honours_keys=honours_keys)
    except KalaError as error:
        if honours_keys():
            return
        if isinstance(error, KalaConnectionError):
            error.never_sent = True  # of the call itself nothing was
        raise


def _repeated(
    call: Call[T],
    policy: RetryPolicy,
    *,
    remaining: Callable[[], float],
    honours_keys: Callable[[], bool | None],
) -> Exchange[T]:
    unknown = False  # an earlier attempt may have been carried out
    attempt = 0
    while True:
        attempt += 1
        outcome = yield Send(call, attempt)
        assert outcome is not None
        if attempt == policy.attempts or not _may_repeat(call, outcome, keyed=bool(honours_keys())):
            break
        delay = policy.delay(attempt)
        if isinstance(outcome, Answer):
            delay = max(delay, outcome.retry_after)
        if delay >= remaining():
            break
        unknown = unknown or not _never_sent(outcome)
        yield Wait(delay)
    if isinstance(outcome, Answer):
        return call.decode(outcome, after_unknown=unknown)
    raise outcome


def may_pass(error: KalaError) -> bool:
    """Whether the failure of a call that only looks may be over at the next look, as when a server starts again."""
    if isinstance(error, KalaConnectionError | KalaTimeoutError):
        return not lasts(error)
    return error.status in WORTH_A_RETRY


def _never_sent(outcome: Answer | KalaError) -> bool:
    return isinstance(outcome, KalaConnectionError) and outcome.never_sent


def lasts(outcome: Answer | KalaError) -> bool:
    """Whether another try would meet the same, such as a client that is closed."""
    return isinstance(outcome, KalaConnectionError) and outcome.lasting


def _may_repeat(call: Call[T], outcome: Answer | KalaError, *, keyed: bool) -> bool:
    if call.repeatable is Repeatable.NEVER or isinstance(outcome, KalaTimeoutError):
        return False
    if _never_sent(outcome):
        return not lasts(outcome)
    worth_it = outcome.status in WORTH_A_RETRY if isinstance(outcome, Answer) else _was_cut(outcome)
    return worth_it and (
        call.repeatable is Repeatable.ALWAYS or (call.repeatable is Repeatable.WITH_KEY and keyed)
    )


def _was_cut(outcome: KalaError) -> bool:
    return isinstance(outcome, KalaConnectionError)
