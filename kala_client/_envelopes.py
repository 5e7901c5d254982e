"""The objects that Kala wraps its answers into. Nothing here leaves the package."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kala_client._wire_types import WithoutNulls
from kala_client.models import Job, JobStat, KalaStats, Run, SlotExplanation


class _Envelope(BaseModel):
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


class RunAnswer(_Envelope):
    """`{"run": …}`."""

    run: Run


class RunPage(_Envelope):
    """Some runs of a job, newest first, and where the next page begins."""

    runs: Annotated[list[Run], WithoutNulls]
    next: str | None = None


class SlotsAnswer(_Envelope):
    """`{"slots": […]}`."""

    slots: Annotated[list[SlotExplanation], WithoutNulls]
