"""What both clients share about HTTP: how a call becomes a request, and within which limits its answer is read. No I/O.

`_target` says where to, `_failures` what it means where nothing whole comes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import TIMEOUT_MAX, local

import httpx

from kala_client import errors
from kala_client._calls.answers import Answer
from kala_client._calls.call import API, Call
from kala_client._calls.retry import RetryPolicy
from kala_client._http import failures, log
from kala_client._http.coding import Coding
from kala_client._http.network import Proxy
from kala_client._http.target import Target

DEFAULT_MAX_BODY = 256 * 1024 * 1024
_CONNECT_SECONDS = (
    5.0  # for one try; the next one may find another address, and the call's deadline holds for all
)
NOT_PICKLED = (
    "{} has connections, which cannot be pickled or copied: make one in each process, of the same URL"
)
_HASTY_SECONDS = 1.0  # where a server speaks TLS it greets sooner; else it is looked at what it does speak


@dataclass(frozen=True, slots=True)
class CallAttempt:
    """One attempt of a call, for the `on_attempt` hook; either `status` or `error` is None. `elapsed` in seconds."""

    method: str
    url: str
    attempt: int
    status: int | None
    error: errors.KalaError | None
    elapsed: float


def expect(kind: type, **arguments: object) -> None:
    """Refuse an argument of a client that is neither None nor of its kind, before it fails in the first call."""
    for name, value in arguments.items():
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} must be of type {_name(kind)}, not {_name(type(value))}")


def _name(kind: type) -> str:
    home = kind.__module__.partition("._")[0]
    return kind.__name__ if home == "builtins" else f"{home}.{kind.__name__}"


@dataclass(frozen=True, slots=True)
class Way:
    """How the server is reached: by our own connections, and then through which proxy, or by those that were given."""

    ours: bool
    proxy: Proxy | None = None


class Heard(local):
    """The last whole answer, for each thread that asks."""

    answer: Answer | None = None


@dataclass(slots=True)
class Known:
    """What a client has learned, whichever server of its Kala has told it.

    `honours_keys` becomes true with the first answer of kala_server: real Kala ignores idempotency keys; it is None
    until an answer tells. `speak_tls` are https addresses whose port is known to do so.
    """

    honours_keys: bool | None = None
    heard: Heard = field(default_factory=Heard)
    speak_tls: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Rules:
    """What goes for all servers of a client: its options, and what it knows."""

    timeout: float
    retry: RetryPolicy
    max_body: int
    on_attempt: Callable[[CallAttempt], None] | None
    monotonic: Callable[[], float]
    known: Known = field(default_factory=Known, repr=False)

    def __post_init__(self) -> None:
        """Refuse a timeout that no call could keep, or no socket, and what else would fail in the first call."""
        if not (isinstance(self.timeout, int | float) and 0 < self.timeout <= TIMEOUT_MAX):
            raise ValueError(f"timeout must be a number of seconds above 0, such as 30, not {self.timeout!r}")
        if self.max_body < 1:
            raise ValueError(f"max_body must be a number of bytes above 0, not {self.max_body}")
        if not (self.on_attempt is None or callable(self.on_attempt)):
            raise TypeError(f"on_attempt must be a function, not {_name(type(self.on_attempt))}")

    def with_options(self, timeout: float | None, retry: RetryPolicy | None) -> "Rules":
        """Return the same with other options; None leaves one as it is."""
        expect(RetryPolicy, retry=retry)
        return replace(self, timeout=self.timeout if timeout is None else timeout, retry=retry or self.retry)

    def deadline(self, within: float | None = None) -> Callable[[], float]:
        """Start the clock of one call, and return how to ask for the seconds that are left: `within` at the most."""
        end = self.monotonic() + (self.timeout if within is None else min(within, self.timeout))
        return lambda: end - self.monotonic()


@dataclass(slots=True)
class Wire:
    """One server of a client, and how requests to it and its answers are made. It must not do I/O or wait.

    `headers` go with each request, and may be left to connections that are the client's own, which takes less.
    """

    target: Target
    way: Way
    headers: Mapping[str, str] = field(repr=False)
    rules: Rules
    _may_be_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        """Know what is asked at each request."""
        self._may_be_plain = self.way == Way(ours=True) and self.target.url.startswith("https:")

    def with_rules(self, rules: Rules) -> "Wire":
        """Return the same server, but by other rules."""
        return replace(self, rules=rules)

    @property
    def unproven(self) -> bool:
        """Whether it is not known yet that the port of an https address speaks TLS."""
        return self._may_be_plain and self.target.url not in self.rules.known.speak_tls

    def proven(self) -> None:
        """Take note that it does, or is to be taken for one that does."""
        if self._may_be_plain:
            self.rules.known.speak_tls.add(self.target.url)

    def request(
        self, http: httpx.Client | httpx.AsyncClient, call: Call[object], seconds: float | None
    ) -> httpx.Request:
        """Build the request; `seconds` bounds each wait for bytes, None leaves that to the patience of the call."""
        if seconds is not None and seconds <= 0:
            raise self.too_late(call)
        connect = _HASTY_SECONDS if self.unproven else _CONNECT_SECONDS
        connect = connect if seconds is None else min(seconds, connect)
        return http.build_request(
            call.method,
            self.url(call),
            params=call.params or None,
            headers={**self.headers, **call.headers},
            content=call.body,
            timeout=httpx.Timeout(call.patience if seconds is None else seconds, connect=connect),
        )

    def question(self, seconds: float | None) -> httpx.Request:
        """Ask the port of an https address whether it speaks http; nothing of the call is in it."""
        plain = self._plain.copy_with(path="/")
        wait = _HASTY_SECONDS if seconds is None else max(0.0, min(seconds, _HASTY_SECONDS))
        timeout = httpx.Timeout(wait).as_dict()
        return httpx.Request("HEAD", plain, headers={"Connection": "close"}, extensions={"timeout": timeout})

    def spoke_no_tls(self, error: Exception) -> bool:
        """Whether a failure to connect leaves open that the port of an https address does not speak TLS."""
        return self.unproven and failures.leaves_open_what_is_spoken(error)

    def speaks_http(self) -> errors.KalaConnectionError:
        """Build the error of an https address whose port speaks http."""
        plain = str(self._plain).rstrip("/")
        return errors.KalaConnectionError.lasting_error(
            f"the port of {self.target.url} speaks http, not https: {plain} may be meant"
        )

    @property
    def _plain(self) -> httpx.URL:
        url = httpx.URL(self.target.url)
        return url.copy_with(scheme="http", port=url.port or 443)

    def answer(self, call: Call[object], response: httpx.Response, body: bytes) -> Answer:
        """Put a whole answer together, and learn from it whether the server honours idempotency keys."""
        through = self.proxy
        answer = Answer(call.method, self.url(call), response.status_code, response.headers, body, through)
        if answer.from_kala_server:
            self.rules.known.honours_keys = True
        elif self.rules.known.honours_keys is None and response.is_success:
            self.rules.known.honours_keys = False
        self.rules.known.heard.answer = answer
        return answer

    @staticmethod
    def begin(call: Call[object], response: httpx.Response) -> None:
        """Raise where a stream is none that was asked for."""
        if strange := call.strange_kind(response.headers):
            raise errors.UnexpectedResponseError(strange)

    def body(self, call: Call[object], response: httpx.Response, remaining: Callable[[], float]) -> "Body":
        """Return a buffer which holds to the limits of the call."""
        return Body(self, call, response, remaining)

    def url(self, call: Call[object]) -> str:
        """Return the address of a call; nothing secret is in it."""
        return f"{self.target.url}{API}{call.path}"

    def too_late(self, call: Call[object]) -> errors.KalaError:
        """Build the error of a call whose deadline passed."""
        message = f"no whole answer came within {self.rules.timeout:g} s"
        return errors.KalaTimeoutError(message, method=call.method, url=self.url(call))

    def failure(self, call: Call[object], error: Exception) -> errors.KalaError:
        """Name a failure of the connections; one that has its name already is told which call it was."""
        if isinstance(error, errors.KalaError):
            named = error
        else:
            named = failures.named(error, self.target.url) or self.too_late(call)
            named.__cause__ = error
        named.method, named.url, named.proxy = call.method, self.url(call), self.proxy
        return named

    @property
    def proxy(self) -> str | None:
        """The proxy of the way, so that it may be shown."""
        return None if self.way.proxy is None else str(self.way.proxy)

    def report(
        self, call: Call[object], attempt: int, outcome: Answer | errors.KalaError, since: float
    ) -> None:
        """Tell the logger and the hook about one attempt."""
        if self.rules.on_attempt is None and not log.listens():
            return
        answer = outcome if isinstance(outcome, Answer) else None
        told = CallAttempt(
            method=call.method,
            url=self.url(call),
            attempt=attempt,
            status=None if answer is None else answer.status,
            error=outcome if isinstance(outcome, errors.KalaError) else None,
            elapsed=self.rules.monotonic() - since,
        )
        log.tell(call, self.target.headers, told, answer)
        if self.rules.on_attempt is not None:
            self.rules.on_attempt(told)


class Body:
    """The decoded body as it comes in: 194 kB of gzip may become 200 MB, and a slow server may drip for ever."""

    def __init__(
        self, wire: Wire, call: Call[object], response: httpx.Response, remaining: Callable[[], float]
    ) -> None:
        self._wire = wire
        self._call = call
        self._remaining = remaining
        self._coding = coding_of(response)
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take a chunk; raises where the body is too large or too late."""
        for piece in self._coding.feed(chunk):
            self._bytes += piece
            if len(self._bytes) > self._wire.rules.max_body:
                raise errors.UnexpectedResponseError(
                    f"the answer is larger than the {self._wire.rules.max_body} bytes that max_body allows"
                )
            if self._remaining() <= 0:
                raise self._wire.too_late(self._call)

    def whole(self) -> bytes:
        """Return all of it; raises where that cannot be all."""
        self._coding.end()
        return bytes(self._bytes)


def coding_of(response: httpx.Response) -> Coding:
    """Return what undoes the coding of an answer, which is undone where a hook of the caller's has read it."""
    return Coding(response.headers, undone=response.is_stream_consumed)
