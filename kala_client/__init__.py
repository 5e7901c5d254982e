"""The typed client for the Kala job scheduler, ours or any real one. It must not import the server.

Only the errors are loaded with the package, everything else when it is first used: the models alone take longer than
all the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    KalaWarning,
    NotFoundError,
    NotLeaderError,
    NotSupportedError,
    PermissionDeniedError,
    RateLimitError,
    RunNotFoundError,
    ServerError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from kala_client._calls.answers import Answer
    from kala_client._calls.retry import RetryPolicy
    from kala_client._http.request import CallAttempt
    from kala_client._model.fields import JobOrder, JobState
    from kala_client.aio import AsyncKalaClient
    from kala_client.client import KalaClient
    from kala_client.job_sets import FieldChange, SetApplied, SetChange, SetPlan, SetSummary, StoredSet
    from kala_client.models import (
        BulkJob,
        ClusterRole,
        Event,
        Job,
        JobStat,
        KalaStats,
        Pause,
        Preview,
        RemoteProperties,
        Run,
        RunState,
        SlotExplanation,
        Trial,
        Trigger,
        UpcomingSlot,
        Worker,
        WorkerState,
    )
    from kala_client.schedules.cron_line import CronSchedule
    from kala_client.schedules.period import Period
    from kala_client.schedules.schedule import Schedule
    from kala_client.set_files.python import JobSet
    from kala_client.views import (
        Behind,
        FailingJob,
        FailingJobs,
        Family,
        FamilyEdge,
        FamilyMember,
        JobBrief,
        JobName,
        JobRow,
        JobRows,
        Mark,
        Session,
        Summary,
        SummaryPart,
        Timeline,
        TimelineRow,
    )

    __version__: str

__all__ = [
    "Answer",
    "AsyncKalaClient",
    "AuthenticationError",
    "Behind",
    "BulkJob",
    "CallAttempt",
    "ClusterRole",
    "ConflictError",
    "CronSchedule",
    "Event",
    "FailingJob",
    "FailingJobs",
    "Family",
    "FamilyEdge",
    "FamilyMember",
    "FieldChange",
    "FieldError",
    "IdempotencyError",
    "InvalidJobError",
    "InvalidRequestError",
    "Job",
    "JobBrief",
    "JobName",
    "JobNotFoundError",
    "JobOrder",
    "JobRow",
    "JobRows",
    "JobSet",
    "JobStat",
    "JobState",
    "KalaClient",
    "KalaConnectionError",
    "KalaError",
    "KalaStats",
    "KalaTimeoutError",
    "KalaWarning",
    "Mark",
    "NotFoundError",
    "NotLeaderError",
    "NotSupportedError",
    "Pause",
    "Period",
    "PermissionDeniedError",
    "Preview",
    "RateLimitError",
    "RemoteProperties",
    "RetryPolicy",
    "Run",
    "RunNotFoundError",
    "RunState",
    "Schedule",
    "ServerError",
    "Session",
    "SetApplied",
    "SetChange",
    "SetPlan",
    "SetSummary",
    "SlotExplanation",
    "StoredSet",
    "Summary",
    "SummaryPart",
    "Timeline",
    "TimelineRow",
    "Trial",
    "Trigger",
    "UnexpectedResponseError",
    "UpcomingSlot",
    "Worker",
    "WorkerState",
    "__version__",
]

_HOMES = {
    "Answer": "_calls.answers",
    "AsyncKalaClient": "aio",
    "Behind": "views",
    "BulkJob": "models",
    "CallAttempt": "_http.request",
    "ClusterRole": "models",
    "CronSchedule": "schedules.cron_line",
    "Event": "models",
    "FailingJob": "views",
    "FailingJobs": "views",
    "Family": "views",
    "FamilyEdge": "views",
    "FamilyMember": "views",
    "FieldChange": "job_sets",
    "Job": "models",
    "JobBrief": "views",
    "JobName": "views",
    "JobOrder": "_model.fields",
    "JobRow": "views",
    "JobRows": "views",
    "JobSet": "set_files.python",
    "JobStat": "models",
    "JobState": "_model.fields",
    "KalaClient": "client",
    "KalaStats": "models",
    "Mark": "views",
    "Pause": "models",
    "Period": "schedules.period",
    "Preview": "models",
    "RemoteProperties": "models",
    "RetryPolicy": "_calls.retry",
    "Run": "models",
    "RunState": "models",
    "Schedule": "schedules.schedule",
    "Session": "views",
    "SetApplied": "job_sets",
    "SetChange": "job_sets",
    "SetPlan": "job_sets",
    "SetSummary": "job_sets",
    "SlotExplanation": "models",
    "StoredSet": "job_sets",
    "Summary": "views",
    "SummaryPart": "views",
    "Timeline": "views",
    "TimelineRow": "views",
    "Trial": "models",
    "Trigger": "models",
    "UpcomingSlot": "models",
    "Worker": "models",
    "WorkerState": "models",
}
"""In which module each name is that is not loaded with the package."""
_MODULES = ("aio", "client", "clock", "fields", "models", "schedules", "views")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("kala_client._version").version()
    if name in _HOMES:
        value = getattr(import_module(f"kala_client.{_HOMES[name]}"), name)
        globals()[name] = value  # so that this is asked once for each
        return value
    if name in _MODULES:
        return import_module(f"kala_client.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
