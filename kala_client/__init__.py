"""The typed client for the Kala job scheduler, ours or any real one. It must not import the server."""

from kala_client import _version
from kala_client._http import Attempt
from kala_client._retry import RetryPolicy
from kala_client.aio import AsyncKalaClient
from kala_client.client import KalaClient
from kala_client.errors import (
    AuthenticationError,
    ConflictError,
    FieldError,
    IdempotencyError,
    InvalidJobError,
    InvalidRequestError,
    JobNotFoundError,
    KalaConnectionError,
    KalaError,
    KalaTimeoutError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    RateLimitError,
    RunNotFoundError,
    ServerError,
    UnexpectedResponseError,
)
from kala_client.models import (
    Event,
    Job,
    JobStat,
    KalaStats,
    Preview,
    RemoteProperties,
    Run,
    SlotExplanation,
)
from kala_client.schedule import Period, Schedule

__all__ = [
    "AsyncKalaClient",
    "Attempt",
    "AuthenticationError",
    "ConflictError",
    "Event",
    "FieldError",
    "IdempotencyError",
    "InvalidJobError",
    "InvalidRequestError",
    "Job",
    "JobNotFoundError",
    "JobStat",
    "KalaClient",
    "KalaConnectionError",
    "KalaError",
    "KalaStats",
    "KalaTimeoutError",
    "NotFoundError",
    "NotSupportedError",
    "Period",
    "PermissionDeniedError",
    "Preview",
    "RateLimitError",
    "RemoteProperties",
    "RetryPolicy",
    "Run",
    "RunNotFoundError",
    "Schedule",
    "ServerError",
    "SlotExplanation",
    "UnexpectedResponseError",
    "__version__",
]


__version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":
        return _version.version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
