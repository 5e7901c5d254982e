"""Every way in which a call can fail, as one tree. It must not import anything of the package.

KalaError
├── KalaConnectionError        no answer, or only a part of one, came through
├── KalaTimeoutError           the deadline of the call, or of a wait, passed
├── UnexpectedResponseError    an answer came, but not one that a Kala gives (a redirect, HTML, too large)
├── NotSupportedError          this Kala does not know the call, or the fields that `needs` names
├── AuthenticationError        401: no token, or a wrong one
├── PermissionDeniedError      403: the token, or the way of asking, does not allow it
├── NotFoundError              404
│   ├── JobNotFoundError
│   └── RunNotFoundError
├── InvalidRequestError        any other 4xx; `errors` names the fields
│   └── InvalidJobError        the job was refused; nothing was stored
├── ConflictError              409: the job's state does not allow it, such as starting a disabled job; 412: changed
├── IdempotencyError           422: the idempotency key was used before, for another body
├── RateLimitError             429: too many requests
└── ServerError                5xx: the server failed
    └── NotLeaderError         503: this server follows another one, and has changed nothing
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class FieldError:
    """What was wrong with one field, and a value that would have been right where the server gave one."""

    field: str
    message: str
    example: str | None = None

    def __str__(self) -> str:
        example = f" (such as {self.example})" if self.example and self.example not in self.message else ""
        return f"{self.field}: {self.message}{example}"


class KalaError(Exception):
    """The root: `except KalaError` catches every failure of a call.

    `method`, `url` (never with a password in it) and `status` say which call it was; None where there was
    none. `proxy` is the proxy that the call went through, with the variable that names it, and without its password.
    """

    proxy: str | None = None

    def __init__(
        self, message: str, *, method: str | None = None, url: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.method = method
        self.url = url
        self.status = status

    def __str__(self) -> str:
        through = f" through the proxy {self.proxy}" if self.proxy else ""
        where = f" ({self.method} {self.url}{through})" if self.url else ""
        return f"{self.message}{where}"


class KalaWarning(UserWarning):
    """What was sent was taken, but not all of it was understood: the server says what it passed over."""


class KalaConnectionError(KalaError):
    """No answer, or only a part of one, came through.

    `never_sent` is true where the server cannot have acted on the request; else its outcome is unknown. `lasting` is
    true where another try would meet the same: a certificate, a setting, a client that is closed.
    """

    never_sent = False
    lasting = False

    @classmethod
    def lasting_error(cls, message: str) -> Self:
        """Build the error of what was never sent, and never will be as things are."""
        error = cls(message)
        error.never_sent = error.lasting = True
        return error


class KalaTimeoutError(KalaError):
    """The total deadline of the call, or of a wait, passed; the outcome of what was asked is unknown."""


class UnexpectedResponseError(KalaError):
    """An answer came, but not one that a Kala gives: a redirect, HTML, broken JSON, too large a body."""


class NotSupportedError(KalaError):
    """This Kala does not know the call, or what it says: that is what `kala_server` adds.

    `needs` names the fields of a job that only kala_server understands.
    """

    needs: Sequence[str] = ()


class AuthenticationError(KalaError):
    """The server wants a token, or refused the one that was sent (401)."""


class PermissionDeniedError(KalaError):
    """The token, or the way of asking, does not allow this (403)."""


class NotFoundError(KalaError):
    """What was asked for does not exist (404)."""


class JobNotFoundError(NotFoundError):
    """There is no job with this id."""


class RunNotFoundError(NotFoundError):
    """There is no run with this id."""


class InvalidRequestError(KalaError):
    """The request was refused and nothing was changed; `errors` says what was wrong with which field."""

    errors: Sequence[FieldError] = ()

    def __str__(self) -> str:
        # The words of kala_server name the fields already.
        more = (str(error) for error in self.errors if error.message not in self.message)
        return "; ".join([super().__str__(), *more])


class InvalidJobError(InvalidRequestError):
    """The job was refused and nothing was stored."""


class ConflictError(KalaError):
    """The state of the job does not allow this (409), such as starting a disabled job; or it was changed (412)."""


class IdempotencyError(KalaError):
    """The idempotency key was used before, for another body (422)."""


class RateLimitError(KalaError):
    """The server got too many requests (429)."""


class ServerError(KalaError):
    """The server failed (5xx)."""


class NotLeaderError(ServerError):
    """This server follows another one, so nothing was changed (503).

    `leader` is the address of the one that leads; None where the server knew of none.
    """

    leader: str | None = None
