"""What connections raise, and what it means for a call. No I/O; it must not know which call it was."""

import socket
import ssl
from collections.abc import Iterator

import httpx

from kala_client import errors

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
_TELLING = (ssl.SSLCertVerificationError, socket.gaierror, ConnectionRefusedError)
"""Causes of a failure to connect that leave no doubt about what the port speaks."""


def named(error: Exception, url: str) -> errors.KalaError | None:
    """Return the error of the tree that a failure at this address is; None where the deadline has passed."""
    while isinstance(error, ExceptionGroup):  # asyncio's connections try addresses side by side
        error = error.exceptions[0]
    reason = str(error) or type(error).__name__
    if isinstance(error, _NEVER_SENT):
        unreached = errors.KalaConnectionError(f"no Kala can be reached at {url}: {reason}")
        unreached.never_sent = True
        unreached.lasting = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
        return unreached
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return None
    if isinstance(error, httpx.DecodingError):
        return errors.UnexpectedResponseError(f"the compressed answer cannot be read: {reason}")
    if isinstance(error, httpx.InvalidURL | UnicodeEncodeError):
        return errors.InvalidRequestError(f"this cannot be sent: {reason}")
    return errors.KalaConnectionError(f"the connection broke off before the answer was whole: {reason}")


def leaves_open_what_is_spoken(error: Exception) -> bool:
    """Whether a failure to connect does not tell if the port speaks TLS."""
    return not any(isinstance(cause, _TELLING) for cause in _causes(error))


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
