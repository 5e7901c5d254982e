"""Kala's own routes: jobs, their statistics, starting and stopping them (docs/api.md)."""

from http import HTTPStatus
from uuid import uuid4

from kala_server import wire
from kala_server.core import events as e
from kala_server.core.errors import NotFoundError
from kala_server.core.job import Job
from kala_server.core.state import State
from kala_server.web.base import Handler


def existing(state: State, job_id: str) -> Job:
    """Return the job. Raises NotFoundError."""
    job = state.jobs.get(job_id)
    if job is None:
        raise NotFoundError(f"there is no job with the id {job_id}")
    return job


class Jobs(Handler):
    """`/job/`: create one, list them all."""

    async def get(self) -> None:
        """List every job."""
        document = await self.ask(lambda state: {"jobs": wire.jobs(state, state.jobs.values(), stats=False)})
        self.answer(document)

    async def post(self) -> None:
        """Create a job."""
        spec, disabled = wire.read_job(self.body(), default_owner=self.context.default_owner)
        job_id = str(uuid4())
        await self.context.service.submit(
            e.CreateJobs(jobs=(e.NewJob(id=job_id, spec=spec, disabled=disabled),))
        )
        self.answer({"id": job_id}, HTTPStatus.CREATED)


class AllJobs(Handler):
    """`/job/all/`."""

    async def delete(self) -> None:
        """Delete every job."""
        await self.context.service.submit(e.DeleteAllJobs())
        self.done()


class OneJob(Handler):
    """`/job/{id}/`."""

    async def get(self, job_id: str) -> None:
        """Return the job with its finished runs."""
        document = await self.ask(lambda state: {"job": wire.job(state, existing(state, job_id), stats=True)})
        self.answer(document)

    async def delete(self, job_id: str) -> None:
        """Delete the job, and children that have no other parent."""
        await self.context.service.submit(e.DeleteJob(id=job_id))
        self.done()


class JobStats(Handler):
    """`/job/stats/{id}/`."""

    async def get(self, job_id: str) -> None:
        """Return the job's finished runs as Kala counts them."""

        def stats(state: State) -> dict[str, object]:
            return {"job_stats": wire.job_stats(state, existing(state, job_id).id)}

        self.answer(await self.ask(stats))


class Start(Handler):
    """`/job/start/{id}/`."""

    async def post(self, job_id: str) -> None:
        """Start a run now; answers when the start is durable, not when the command has ended."""
        run_id = str(uuid4())
        await self.context.service.submit(e.StartJob(id=job_id, run_id=run_id))
        self.set_header("Kala-Run-Id", run_id)
        self.done()


class Enable(Handler):
    """`/job/enable/{id}/`."""

    async def post(self, job_id: str) -> None:
        """Let the job's slots count again."""
        await self.context.service.submit(e.EnableJob(id=job_id))
        self.done()


class Disable(Handler):
    """`/job/disable/{id}/`."""

    async def post(self, job_id: str) -> None:
        """Let the job's slots pass without a run."""
        await self.context.service.submit(e.DisableJob(id=job_id))
        self.done()


class ServerStats(Handler):
    """`/stats/`."""

    async def get(self) -> None:
        """Return what the whole server did."""
        self.answer({"Stats": await self.ask(wire.server_stats)})
