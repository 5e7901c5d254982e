"""What both clients share about HTTP: addresses, credentials, limits, and names for failures. No I/O."""

import base64
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import TIMEOUT_MAX, local
from urllib.parse import unquote, urlsplit

import httpx

from kala_client import _log, errors
from kala_client._answers import Answer, safe_url
from kala_client._call import API, Call
from kala_client._coding import Coding
from kala_client._network import Proxy, usable_url
from kala_client._retry import RetryPolicy
from kala_client._version import version

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_MAX_BODY = 256 * 1024 * 1024
_CONNECT_SECONDS = (
    5.0  # for one try; the next one may find another address, and the call's deadline holds for all
)
NOT_PICKLED = (
    "a {} has connections, which cannot be pickled or copied: make one in each process, of the same URL"
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_HASTY_SECONDS = 1.0  # where a server speaks TLS it greets sooner; else it is looked at what it does speak
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
FAILURES = (
    errors.KalaError,
    httpx.HTTPError,
    httpx.InvalidURL,
    ExceptionGroup,
    OSError,
    RuntimeError,
    ValueError,
)
"""What connections raise: httpx's own, and what it lets through of names, sockets, loops and closed clients."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a call, for the `on_attempt` hook; either `status` or `error` is None. `elapsed` in seconds."""

    method: str
    url: str
    attempt: int
    status: int | None
    error: errors.KalaError | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is, and what to say to be let in, which is never shown."""

    url: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def choose(cls, url: str | None, token: str | None, environment: Mapping[str, str]) -> "Target":
        """Take the arguments, else KALA_URL and KALA_TOKEN. Userinfo in the URL becomes Basic authentication.

        Raises ValueError for an address that no client can use.
        """
        url = url or environment.get("KALA_URL") or DEFAULT_URL
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"the base URL must be such as {DEFAULT_URL}, not {safe_url(url)!r}")
        if token is None and parts.username is not None:
            authorization: str | None = _basic(parts.username, parts.password or "")
        else:
            authorization = _bearer(token or environment.get("KALA_TOKEN"))
        base = safe_url(url).rstrip("/").removesuffix(API)
        try:
            usable_url(base)
        except ValueError as error:
            raise ValueError(f"the base URL must be such as {DEFAULT_URL}: {error}") from None
        return cls(base, authorization)

    @property
    def headers(self) -> dict[str, str]:
        """What every request to the server says, where its call says nothing else."""
        headers = {
            "User-Agent": f"kala-client-python/{version()}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        return headers | ({"Authorization": self.authorization} if self.authorization else {})


def expect(kind: type, **arguments: object) -> None:
    """Refuse an argument of a client that is neither None nor of its kind, before it fails in the first call."""
    for name, value in arguments.items():
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} must be of type {_name(kind)}, not {_name(type(value))}")


def _name(kind: type) -> str:
    home = kind.__module__.partition("._")[0]
    return kind.__name__ if home == "builtins" else f"{home}.{kind.__name__}"


def _basic(user: str, password: str) -> str:
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _bearer(token: str | None) -> str | None:
    if not token:
        return None
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("the token must be printable ASCII without spaces; is there a newline at its end?")
    return f"Bearer {token}"


@dataclass(frozen=True, slots=True)
class Way:
    """How the server is reached: by our own connections, and then through which proxy, or by those that were given."""

    ours: bool
    proxy: Proxy | None = None


class Heard(local):
    """The last whole answer, for each thread that asks."""

    answer: Answer | None = None


@dataclass(slots=True)
class Wire:
    """What one client knows, and its rules for requests and answers. It must not do I/O or wait.

    `headers` go with each request, and may be left to connections that are the client's own, which takes less.
    `honours_keys` becomes true with the first answer of kala_server: real Kala ignores idempotency keys; it is None
    until an answer tells. `unproven` is true as long as it is not known that the port of an https address speaks TLS.
    """

    target: Target
    way: Way
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    retry: RetryPolicy
    max_body: int
    on_attempt: Callable[[Attempt], None] | None
    monotonic: Callable[[], float]
    honours_keys: bool | None = None
    heard: Heard = field(default_factory=Heard, repr=False)
    unproven: bool = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a timeout that no call could keep, or no socket."""
        if not (isinstance(self.timeout, int | float) and 0 < self.timeout <= TIMEOUT_MAX):
            raise ValueError(f"timeout must be a number of seconds above 0, such as 30, not {self.timeout!r}")
        self.unproven = self.way == Way(ours=True) and self.target.url.startswith("https:")

    def with_options(self, timeout: float | None, retry: RetryPolicy | None) -> "Wire":
        """Return the same with other options; None leaves one as it is."""
        return replace(self, timeout=self.timeout if timeout is None else timeout, retry=retry or self.retry)

    def deadline(self, within: float | None = None) -> Callable[[], float]:
        """Start the clock of one call, and return how to ask for the seconds that are left: `within` at the most."""
        end = self.monotonic() + (self.timeout if within is None else min(within, self.timeout))
        return lambda: end - self.monotonic()

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
        known = (ssl.SSLCertVerificationError, socket.gaierror, ConnectionRefusedError)
        return self.unproven and not any(isinstance(cause, known) for cause in _causes(error))

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
            self.honours_keys = True
        elif self.honours_keys is None and response.is_success:
            self.honours_keys = False
        self.heard.answer = answer
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
        message = f"no whole answer came within {self.timeout:g} s"
        return errors.KalaTimeoutError(message, method=call.method, url=self.url(call))

    def failure(self, call: Call[object], error: Exception) -> errors.KalaError:
        """Name a failure of the connections; one that has its name already is told which call it was."""
        named = error if isinstance(error, errors.KalaError) else self._named(call, error)
        if named is not error:
            named.__cause__ = error
        named.method, named.url, named.proxy = call.method, self.url(call), self.proxy
        return named

    def _named(self, call: Call[object], error: Exception) -> errors.KalaError:
        while isinstance(error, ExceptionGroup):  # asyncio's connections try addresses side by side
            error = error.exceptions[0]
        reason = str(error) or type(error).__name__
        if isinstance(error, _NEVER_SENT):
            named = errors.KalaConnectionError(f"no Kala can be reached at {self.target.url}: {reason}")
            named.never_sent = True
            named.lasting = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
            return named
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            return self.too_late(call)
        if isinstance(error, httpx.DecodingError):
            return errors.UnexpectedResponseError(f"the compressed answer cannot be read: {reason}")
        if isinstance(error, httpx.InvalidURL | UnicodeEncodeError):
            return errors.InvalidRequestError(f"this cannot be sent: {reason}")
        return errors.KalaConnectionError(f"the connection broke off before the answer was whole: {reason}")

    @property
    def proxy(self) -> str | None:
        """The proxy of the way, so that it may be shown."""
        return None if self.way.proxy is None else str(self.way.proxy)

    def report(
        self, call: Call[object], attempt: int, outcome: Answer | errors.KalaError, since: float
    ) -> None:
        """Tell the logger and the hook about one attempt."""
        if self.on_attempt is None and not _log.listens():
            return
        answer = outcome if isinstance(outcome, Answer) else None
        told = Attempt(
            method=call.method,
            url=self.url(call),
            attempt=attempt,
            status=None if answer is None else answer.status,
            error=outcome if isinstance(outcome, errors.KalaError) else None,
            elapsed=self.monotonic() - since,
        )
        _log.tell(call, self.target.headers, told, answer)
        if self.on_attempt is not None:
            self.on_attempt(told)


def closed() -> errors.KalaConnectionError:
    """Build the error of a call after the end."""
    return errors.KalaConnectionError.lasting_error("the client is closed: make a new one")


def inherited() -> errors.KalaConnectionError:
    """Build the error of a stream that a fork has brought along."""
    return errors.KalaConnectionError(
        "the stream is that of the process that opened it, and not of its child"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


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
            if len(self._bytes) > self._wire.max_body:
                raise errors.UnexpectedResponseError(
                    f"the answer is larger than the {self._wire.max_body} bytes that max_body allows"
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
