"""What the engine asks for once its records are durable. It holds no inputs."""

from kala_server.core.frozen import value
from kala_server.core.model.job import Job, Run


@value(frozen=True, slots=True, kw_only=True)
class StartAttempt:
    """Carry out the next attempt of the run."""

    run: Run
    job: Job


@value(frozen=True, slots=True, kw_only=True)
class EndAttempt:
    """End the attempt."""

    handle: str


@value(frozen=True, slots=True)
class DropOutputs:
    """These runs, which may have printed something, are no longer kept, nor is their output."""

    run_ids: tuple[str, ...]


@value(frozen=True, slots=True)
class ReportStuck:
    """Let those who look after the server know that nothing can be decided about a job."""

    job_id: str
    reason: str
    error: Exception


Effect = StartAttempt | EndAttempt | DropOutputs | ReportStuck
