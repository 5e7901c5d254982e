"""The objects that Kala wraps its answers into, and how they are read. Nothing here leaves the package."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kala_client._calls.answers import Answer, is_heap
from kala_client._model.wire_types import FirstFault, Moment, WithoutNulls
from kala_client.errors import UnexpectedResponseError
from kala_client.models import (
    BulkJob,
    Job,
    JobStat,
    KalaStats,
    Pause,
    Run,
    SlotExplanation,
    UpcomingSlot,
    Worker,
)
from kala_client.views import Session

M = TypeVar("M", bound=BaseModel)


class _Envelope(FirstFault, BaseModel):
    model_config = ConfigDict(extra="allow")


class IdAnswer(_Envelope):
    """`{"id": …}`."""

    id: str = Field(min_length=1)


class IdsAnswer(_Envelope):
    """`{"ids": […]}`."""

    ids: list[str]


class JobAnswer(_Envelope):
    """`{"job": …}`."""

    job: Job


class JobsAnswer(_Envelope):
    """`{"jobs": {id: job}}`; a Go server may send `null` for no jobs at all. `next` is where the next page begins."""

    jobs: dict[str, Job] | None
    next: str | None = None


class JobStatsAnswer(_Envelope):
    """`{"job_stats": […]}`."""

    job_stats: Annotated[list[JobStat], WithoutNulls]


class StatsAnswer(_Envelope):
    """`{"Stats": …}`."""

    stats: KalaStats = Field(alias="Stats")


class WorkersAnswer(_Envelope):
    """`{"workers": […]}`."""

    workers: Annotated[list[Worker], WithoutNulls]


class PauseAnswer(_Envelope):
    """`{"pause": …}`."""

    pause: Pause


class RunAnswer(_Envelope):
    """`{"run": …}`."""

    run: Run


class RunPage(_Envelope):
    """Some runs of a job or of all, newest first, and where the next page begins."""

    runs: Annotated[list[Run], WithoutNulls]
    next: str | None = None


class SlotsAnswer(_Envelope):
    """`{"slots": […]}`; of a time, `next` is from when on there is more."""

    slots: Annotated[list[SlotExplanation], WithoutNulls]
    next: Moment = None


class SessionAnswer(_Envelope):
    """`{"session": …}`."""

    session: Session


class BulkAnswer(_Envelope):
    """`{"jobs": [{"id": …, "name": …}]}`."""

    jobs: list[BulkJob]


class UpcomingPage(_Envelope):
    """Some slots that are to come, the earliest first, and where the next page begins."""

    slots: Annotated[list[UpcomingSlot], WithoutNulls]
    next: str | None = None


def read(answer: Answer, model: type[M]) -> M:
    """Decode a JSON answer, and keep fields that the model does not know."""
    if is_heap(answer.body):
        raise answer.error(
            UnexpectedResponseError, "this is not an answer of a Kala: it holds too many values"
        )
    try:
        return model.model_validate_json(answer.body, extra="allow")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise answer.error(
            UnexpectedResponseError, f"this is not an answer of a Kala: {where}: {first['msg']}"
        ) from None
