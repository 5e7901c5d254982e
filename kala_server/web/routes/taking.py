"""What all share that take jobs, or changes of them: to say what is passed over, and what would come of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kala_server.core.errors import FieldProblem, InvalidJobError
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.questions import trial
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.schedule_words import in_words
from kala_server.ports.machines import Machines, attended
from kala_server.web.base import Handler
from kala_server.wire import answers
from kala_server.wire.passed_over import PassedOver
from kala_server.wire.shapes import WHOLE

MOST_SLOTS = 100
"""Of a dry run."""
_NO_QUEUES = (
    "this server runs everything on its own machine: there are queues only where jobs are kept in PostgreSQL "
    "(--jobDB=postgres)"
)


def check_for_queues(spec: JobSpec, machines: Machines | None) -> None:
    """Raise InvalidJobError where a job is to run on another machine, and there can be none."""
    if spec.queue and machines is None:
        raise InvalidJobError([FieldProblem("queue", _NO_QUEUES, "")])


class JobTaker(Handler):
    """What all share that take jobs, or changes of them."""

    def warn(self, passed_over: PassedOver) -> list[str]:
        """Name in a header what was passed over; return what the answer is to say of it, too.

        A client that reads the answers of one Kala may break on a member that this one has not.
        """
        warnings = passed_over.warnings
        if warnings:
            self.headers["Kala-Warning"] = passed_over.header
        return warnings if self.context.shape is WHOLE else []

    def check_queue(self, spec: JobSpec, passed_over: PassedOver, before: JobSpec | None = None) -> None:
        """Say where no worker takes from the queue of a job. Raises InvalidJobError where there can be none."""
        if not spec.queue or (before is not None and before.queue == spec.queue):
            return
        machines = self.context.machines
        check_for_queues(spec, machines)
        if machines is not None and not attended(spec.queue, machines.seen):
            passed_over.say(f"no worker takes from the queue {spec.queue} for now: its runs wait for one")

    def is_a_trial(self) -> int:
        """Return how many times a dry run is to tell of; 0 where it is none. What is wrong is told in any case."""
        times = self.query.whole_number("count", otherwise=5, most=MOST_SLOTS)
        return times if self.query.yes("dry_run") else 0

    async def try_out(
        self, would_be: Callable[[State, datetime], Steps[Job]], passed_over: PassedOver
    ) -> None:
        """Answer with what a job would be, and when it would be due and is; nothing is stored."""
        now, most = self.context.service.clock.now(), self.is_a_trial()
        self.warn(passed_over)

        def told(state: State) -> Steps[dict[str, Any]]:
            job = yield from would_be(state, now)
            before = state.jobs.get(job.id)
            return {
                "job": answers.whole(state, job, now),
                "next": (yield from trial.next_slots(job, now, most)),
                "before": [] if before is None else (yield from trial.next_slots(before, now, most)),
                "words": in_words(job.spec.schedule, job.spec.timezone) if job.spec.schedule else "",
                "warnings": passed_over.warnings,
            }

        self.answer(await self.ask_long(told))
