"""What both clients share about HTTP: addresses, credentials, limits, and names for failures. No I/O."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import TIMEOUT_MAX
from urllib.parse import unquote, urlsplit

import httpx

from kala_client import errors
from kala_client._answers import Answer, safe_url
from kala_client._call import API, Call
from kala_client._retry import RetryPolicy
from kala_client._version import version

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_MAX_BODY = 256 * 1024 * 1024
_CONNECT_SECONDS = (
    5.0  # for one try; the next one may find another address, and the call's deadline holds for all
)
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


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
            httpx.URL(base)
        except httpx.InvalidURL as error:
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


def _basic(user: str, password: str) -> str:
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _bearer(token: str | None) -> str | None:
    if not token:
        return None
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("the token must be printable ASCII without spaces; is there a newline at its end?")
    return f"Bearer {token}"


@dataclass(slots=True)
class Wire:
    """What one client knows, and its rules for requests and answers. It must not do I/O or wait.

    `headers` go with each request, and may be left to connections that are the client's own, which takes less.
    `honours_keys` becomes true with the first answer of kala_server: real Kala ignores idempotency keys.
    """

    target: Target
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    retry: RetryPolicy
    max_body: int
    on_attempt: Callable[[Attempt], None] | None
    monotonic: Callable[[], float]
    honours_keys: bool = False

    def __post_init__(self) -> None:
        """Refuse a timeout that no call could keep, or no socket."""
        if not (isinstance(self.timeout, int | float) and 0 < self.timeout <= TIMEOUT_MAX):
            raise ValueError(f"timeout must be a number of seconds above 0, such as 30, not {self.timeout!r}")

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
        connect = _CONNECT_SECONDS if seconds is None else min(seconds, _CONNECT_SECONDS)
        return http.build_request(
            call.method,
            self.url(call),
            params=call.params or None,
            headers={**self.headers, **call.headers},
            content=call.body,
            timeout=httpx.Timeout(call.patience if seconds is None else seconds, connect=connect),
        )

    def answer(self, call: Call[object], response: httpx.Response, body: bytes) -> Answer:
        """Put a whole answer together, and learn from it whether the server honours idempotency keys."""
        answer = Answer(call.method, self.url(call), response.status_code, response.headers, body)
        self.honours_keys = self.honours_keys or answer.from_kala_server
        return answer

    def body(self, call: Call[object], remaining: Callable[[], float]) -> "Body":
        """Return a buffer which holds to the limits of the call."""
        return Body(self, call, remaining)

    def url(self, call: Call[object]) -> str:
        """Return the address of a call; nothing secret is in it."""
        return f"{self.target.url}{API}{call.path}"

    def too_late(self, call: Call[object]) -> errors.KalaError:
        """Build the error of a call whose deadline passed."""
        message = f"no whole answer came within {self.timeout:g} s"
        return errors.KalaTimeoutError(message, method=call.method, url=self.url(call))

    def failure(self, call: Call[object], error: Exception) -> errors.KalaError:
        """Name a failure of the transport."""
        reason = str(error) or type(error).__name__
        named: errors.KalaError
        if isinstance(error, _NEVER_SENT):
            named = errors.KalaConnectionError(f"no Kala can be reached at {self.target.url}: {reason}")
            named.never_sent = True
        elif isinstance(error, (httpx.TimeoutException, TimeoutError)):
            named = self.too_late(call)
        elif isinstance(error, httpx.DecodingError):
            named = errors.UnexpectedResponseError(f"the compressed answer cannot be read: {reason}")
        else:
            named = errors.KalaConnectionError(
                f"the connection broke off before the answer was whole: {reason}"
            )
        named.method, named.url, named.__cause__ = call.method, self.url(call), error
        return named

    def report(
        self, call: Call[object], attempt: int, outcome: Answer | errors.KalaError, since: float
    ) -> None:
        """Tell the hook about one attempt."""
        if self.on_attempt is None:
            return
        failed = isinstance(outcome, errors.KalaError)
        self.on_attempt(
            Attempt(
                method=call.method,
                url=self.url(call),
                attempt=attempt,
                status=None if failed else outcome.status,
                error=outcome if isinstance(outcome, errors.KalaError) else None,
                elapsed=self.monotonic() - since,
            )
        )


class Body:
    """The decoded body as it comes in: 194 kB of gzip may become 200 MB, and a slow server may drip for ever."""

    def __init__(self, wire: Wire, call: Call[object], remaining: Callable[[], float]) -> None:
        self._wire = wire
        self._call = call
        self._remaining = remaining
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take a chunk; raises where the body is too large or too late."""
        self._bytes += chunk
        if len(self._bytes) > self._wire.max_body:
            raise errors.UnexpectedResponseError(
                f"the answer is larger than the {self._wire.max_body} bytes that max_body allows",
                method=self._call.method,
                url=self._wire.url(self._call),
            )
        if self._remaining() <= 0:
            raise self._wire.too_late(self._call)

    def whole(self) -> bytes:
        """Return all of it."""
        return bytes(self._bytes)
