"""Kala's own routes: jobs, their statistics, starting and stopping them (docs/api.md)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from kala_server.core.decide import validation
from kala_server.core.decide.engine import came_before
from kala_server.core.errors import (
    ChangedMeanwhileError,
    FieldProblem,
    InvalidJobError,
    InvalidRequestError,
    NotFoundError,
)
from kala_server.core.model import inputs
from kala_server.core.model.job import Job, JobSpec
from kala_server.core.questions import trial
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps
from kala_server.web.base import Handler
from kala_server.web.finding import JobQuery
from kala_server.web.ids import Ids
from kala_server.web.routes.rows import RowPage
from kala_server.web.routes.taking import JobTaker
from kala_server.web.streaming import StreamingHandler
from kala_server.wire import answers, batch, listing, requests
from kala_server.wire.cluster import role
from kala_server.wire.passed_over import PassedOver, with_warnings
from kala_server.wire.shapes import WHOLE
from kala_server.wire.tags import is_meant, tag_of

LONGEST_KEY = 255
_PLACE = "jobs"
"""Where in a batch they are."""


def existing(state: State, job_id: str) -> Job:
    """Return the job. Raises NotFoundError."""
    job = state.jobs.get(job_id)
    if job is None:
        raise NotFoundError(f"there is no job with the id {job_id}")
    return job


class JobCreator(JobTaker):
    """What the two ways to create jobs share."""

    async def key(self) -> tuple[str, str]:
        """Return what makes the request known where it comes again, and a digest of it; nothing where it has no key."""
        key = self.request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_KEY or not key.isprintable():
            message = f"a key has up to {LONGEST_KEY} printable characters"
            raise InvalidRequestError([FieldProblem("Idempotency-Key", message, str(uuid4()))])
        # In a thread, as it takes 0.1 s for the largest body.
        return key, await asyncio.to_thread(self._digest) if key else ""

    async def create(self, wanted: inputs.CreateJobs) -> list[str]:
        """Create the jobs and return their ids; those of earlier, where this very request came before."""
        await self.context.service.submit(wanted)
        if not wanted.key:
            return [job.id for job in wanted.jobs]
        return await self.ask(lambda state: list(state.keys[wanted.key].ids))

    def _digest(self) -> str:
        said = sha256(self.request.path.rstrip("/").encode() + b"\n")
        said.update(self.raw_body())
        return said.hexdigest()


class Jobs(StreamingHandler, JobCreator):
    """`/job/`: create one, list them all, or those that are asked for."""

    async def get(self) -> None:
        """List every job, or the page of them to which all that is said applies; or a page of rows."""
        now = self.context.service.clock.now()
        if rows := RowPage.read(self.query):
            self.send(await self.ask_long(partial(rows.written, now=now)))
            return
        wanted, stats = JobQuery.read(self.query), self.query.yes("stats")
        found, following = (None, None) if wanted is None else await self.ask_long(wanted.find)
        view = await self.ask(lambda state: listing.look(state, now, stats=stats))
        more = None if wanted is None else {"next": following}
        await self.stream(self.context.listing.slices(view, found, more=more))

    async def post(self) -> None:
        """Create a job."""
        document, passed_over = await self.body(), PassedOver()
        passed_over.look(document)
        spec, disabled = requests.read_job(document, default_owner=self.context.default_owner)
        self.check_queue(spec, passed_over)
        if self.is_a_trial():
            await self.try_out(
                lambda state, now: trial.as_new(state, spec, now, disabled=disabled), passed_over
            )
            return
        new = inputs.NewJob(id=self.context.ids.new(), spec=spec, disabled=disabled)
        key, digest = await self.key()
        [job_id] = await self.create(inputs.CreateJobs(jobs=(new,), key=key, key_digest=digest))
        self.answer({"id": job_id, **_told(self.warn(passed_over))}, HTTPStatus.CREATED)


class Batch(JobCreator):
    """`/job/batch/`: create many jobs, all or none."""

    body_limit = 64 << 20
    most_values = batch.MOST_VALUES

    async def post(self) -> None:
        """Create the jobs in their order.

        They are read twice: what is refused keeps none of them, as one of them may take ten times its bytes.
        """
        key, digest = await self.key()
        asked_at, passed_over = None, PassedOver()
        with self.context.garbage.only_the_newest_looked_at():
            if not await self.ask(lambda state: came_before(state, key, digest)):
                asked_at = now = self.context.service.clock.now()
                await self.ask_long(lambda state: self._asking(state, now))
            jobs = await self.context.turns.walk(_new_jobs(self._jobs(passed_over), self.context.ids))
            wanted = inputs.CreateJobs(
                jobs=tuple(jobs), place=_PLACE, key=key, key_digest=digest, asked_at=asked_at
            )
            ids = await self.create(wanted)
        self.answer({"ids": ids, **_told(self.warn(passed_over))}, HTTPStatus.CREATED)

    def _asking(self, state: State, now: datetime) -> Steps[None]:
        """Raise InvalidJobError for the first job that could not be created now."""
        asked = 0
        for job in self._jobs(PassedOver()):
            if job is not None:
                try:
                    self.check_queue(job[0], PassedOver())
                    yield from validation.new_job(state, trial.ANY_ID, job[0], now)
                except InvalidJobError as error:
                    raise error.within(f"{_PLACE}[{asked}]") from None
                asked += 1
            yield

    def _jobs(self, passed_over: PassedOver) -> Iterator[tuple[JobSpec, bool] | None]:
        return batch.jobs_in(self.raw_body(), passed_over, default_owner=self.context.default_owner)


def _told(warnings: list[str]) -> dict[str, list[str]]:
    return {"warnings": warnings} if warnings else {}


def _new_jobs(jobs: Iterator[tuple[JobSpec, bool] | None], random: Ids) -> Steps[list[inputs.NewJob]]:
    read: list[tuple[JobSpec, bool]] = []
    for job in jobs:
        if job is not None:
            read.append(job)
        yield
    ids: list[str] = []
    while len(ids) < len(read):
        ids += random.several(min(A_STEP, len(read) - len(ids)))
        yield
    # The jobs of a batch share their instant, and are told apart by their ids: in order, these keep theirs.
    ids.sort()
    new = []
    for number, (spec, disabled) in enumerate(read):
        new.append(inputs.NewJob(id=ids[number], spec=spec, disabled=disabled))
        if not number % A_STEP:
            yield
    return new


class AllJobs(Handler):
    """`/job/all/`."""

    async def delete(self) -> None:
        """Delete every job."""
        await self.context.service.submit(inputs.DeleteAllJobs())
        self.done()


Changed = Callable[[Job], tuple[JobSpec, bool]]
"""What is made of a job, and whether it is disabled then."""


class OneJob(StreamingHandler, JobTaker):
    """`/job/{id}/`."""

    async def get(self, job_id: str) -> None:
        """Return the job with its finished runs."""
        await self._send_job(job_id, self.context.listing.one)

    async def _send_job(
        self,
        job_id: str,
        write: Callable[[listing.JobsView], Steps[list[bytes]]],
        warnings: Sequence[str] = (),
    ) -> None:
        now = self.context.service.clock.now()

        def written(state: State) -> Steps[list[bytes]]:
            job = existing(state, job_id)
            self.headers["ETag"] = tag_of(job)
            return (yield from write(listing.look_at(state, job, now)))

        parts = await self.ask_long(written)
        await self.send_parts(with_warnings(parts, warnings) if warnings else parts)

    async def put(self, job_id: str) -> None:
        """Let the job say what the request says, and nothing else; it keeps its id and its history."""
        document, passed_over = await self.body(), PassedOver()
        passed_over.look(document)
        said = requests.read_job(document, default_owner=self.context.default_owner)
        await self._change(job_id, lambda _: said, passed_over)

    async def patch(self, job_id: str) -> None:
        """Change the fields that the request names."""
        changes, passed_over = await self.body(), PassedOver()
        passed_over.look(changes)
        changed = partial(requests.change_job, document=changes)
        await self._change(job_id, changed, passed_over, anew=requests.names_schedule(changes))

    async def _change(
        self, job_id: str, changed: Changed, passed_over: PassedOver, *, anew: bool = False
    ) -> None:
        """Change the job, or only tell what it would be; one that is not meant any more stays as it is."""
        if self.is_a_trial():
            await self._try_change(job_id, changed, passed_over, again=anew)
            return
        while True:
            job = await self.ask(lambda state: existing(state, job_id))
            self._refuse_unless_meant(job)
            spec, disabled = changed(job)
            self.check_queue(spec, passed_over, job.spec)
            with suppress(ChangedMeanwhileError):
                change = inputs.ChangeJob(id=job_id, spec=spec, disabled=disabled, anew=anew, made_from=job)
                await self.context.service.submit(change)
                break
        await self._send_job(job_id, listing.whole, self.warn(passed_over))

    def _refuse_unless_meant(self, job: Job) -> None:
        if not is_meant(job, self.request.headers.get("If-Match", "")):
            self.refuse(
                HTTPStatus.PRECONDITION_FAILED,
                f"the job {job.spec.name!r} was changed since the request's If-Match was told; look at it again, "
                "and make the change from what it says now",
            )

    async def _try_change(
        self, job_id: str, changed: Changed, passed_over: PassedOver, *, again: bool
    ) -> None:
        def as_changed(state: State, now: datetime) -> Steps[Job]:
            job = existing(state, job_id)
            self._refuse_unless_meant(job)
            spec, disabled = changed(job)
            self.check_queue(spec, passed_over, job.spec)
            return (yield from trial.as_changed(state, job, spec, now, disabled=disabled, again=again))

        await self.try_out(as_changed, passed_over)

    async def delete(self, job_id: str) -> None:
        """Delete the job, and children that have no other parent."""
        await self.context.service.submit(inputs.DeleteJob(id=job_id))
        self.done()


class JobStats(StreamingHandler):
    """`/job/stats/{id}/`."""

    async def get(self, job_id: str) -> None:
        """Return the job's finished runs as Kala counts them."""
        now, shape = self.context.service.clock.now(), self.context.shape

        def written(state: State) -> Steps[list[bytes]]:
            job = existing(state, job_id)
            return (yield from listing.job_stats(job, listing.look_at(state, job, now), shape))

        await self.send_parts(await self.ask_long(written))


class Start(Handler):
    """`/job/start/{id}/`."""

    async def post(self, job_id: str) -> None:
        """Start a run now; answers when the start is durable, not when the command has ended."""
        run_id = self.context.ids.new()
        await self.context.service.submit(inputs.StartJob(id=job_id, run_id=run_id))
        self.headers["Kala-Run-Id"] = run_id
        self.done()


class Enable(Handler):
    """`/job/enable/{id}/`."""

    async def post(self, job_id: str) -> None:
        """Let the job's slots count again."""
        await self.context.service.submit(inputs.EnableJob(id=job_id))
        self.done()


class Disable(Handler):
    """`/job/disable/{id}/`."""

    async def post(self, job_id: str) -> None:
        """Let the job's slots pass without a run."""
        await self.context.service.submit(inputs.DisableJob(id=job_id))
        self.done()


class ServerStats(Handler):
    """`/stats/`."""

    async def get(self) -> None:
        """Return what the whole server did."""
        now, shape = self.context.service.clock.now(), self.context.shape
        stats = await self.ask(lambda state: answers.server_stats(state, now, shape))
        self.answer({"Stats": stats | (self._of_ours() if shape is WHOLE else {})})

    def _of_ours(self) -> dict[str, Any]:
        """Return what no other Kala tells."""
        return {
            "up_since": self.context.service.up_since,
            "outages": self.context.presence.outages,
            "cluster": role(self.context.role()),
        }
