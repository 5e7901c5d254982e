"""The fields that a client may send, with every type that is accepted for them. Types only, no behaviour."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypedDict
from zoneinfo import ZoneInfo

from kala_client.schedules.cron_line import CronSchedule
from kala_client.schedules.schedule import Period, Schedule

Overlap = Literal["queue", "skip", "allow", "replace"]
CatchUp = Literal["one", "none", "all"]
WaitFor = Literal["any", "all"]
OnLost = Literal["go_on", "end"]
JobState = Literal["active", "disabled", "done", "running", "failing"]
JobOrder = Literal["created", "name", "state", "next", "last"]
Duration = str | timedelta | Period
When = str | Schedule | CronSchedule
Zone = str | ZoneInfo


class JobFields(TypedDict, total=False):
    """What can be said about a job; `models.Job` tells what each field means."""

    name: str
    command: str
    owner: str
    schedule: When
    retries: int
    epsilon: Duration
    disabled: bool
    parent_jobs: Sequence[str]
    on_failure_job: str
    resume_at_next_scheduled_time: bool
    type: Literal[0, 1]
    remote_properties: Any
    template_delimiters: str
    timezone: Zone | None
    overlap: Overlap
    catch_up: CatchUp
    misfire_grace: Duration | None
    timeout: Duration | None
    retry_delay: Duration | None
    retry_backoff: float
    wait_for: WaitFor
    shell: bool
    argv: Sequence[str] | None
    cwd: str | None
    env: Mapping[str, str] | None
    user: str | None
    queue: str
    on_lost: OnLost
    tags: Sequence[str]
    description: str
    keep_runs: int
    rerun_interrupted: bool
