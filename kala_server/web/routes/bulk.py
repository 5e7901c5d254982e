"""`/job/bulk/`: the same to many jobs, all or none, and to none that was not seen (docs/api.md)."""

from pydantic_core import to_json

from kala_server.core.decide import followers
from kala_server.core.errors import ConflictError
from kala_server.core.model import inputs
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.finding import JobQuery
from kala_server.web.ids import Ids
from kala_server.web.routes.jobs import existing
from kala_server.web.streaming import StreamingHandler
from kala_server.wire import bulk, listing
from kala_server.wire.bulk import Action, Meant


class Bulk(StreamingHandler):
    """`/job/bulk/`."""

    async def post(self) -> None:
        """Do it to all of the jobs that are meant, or say which these are."""
        asked = bulk.read_bulk(await self.body())
        ids = [*dict.fromkeys(asked.ids or ())] if asked.filter is None else await self._found(asked.filter)
        jobs = await self.ask_long(lambda state: _meant(state, asked, ids, self.context.ids))
        if asked.expect is not None and len(jobs) != asked.expect:
            raise ConflictError(
                f"the number of jobs that are meant is {len(jobs):,}, not {asked.expect:,}: look again which these are"
            )
        if not asked.dry_run:
            wishes = await self.context.turns.walk(_wishes(jobs, asked.action))
            await self.context.service.submit(inputs.AllOf(wishes=tuple(wishes)))
        await self.send_parts(await self.context.turns.walk(_written(jobs)))

    async def _found(self, filter_: bulk.Filter) -> list[str]:
        found, _ = await self.ask_long(JobQuery.of(filter_).find)
        return [job.id for job in found]


def _meant(state: State, asked: bulk.Bulk, ids: list[str], random: Ids) -> Steps[list[Meant]]:
    """Return the jobs that something is done to; what is deleted takes children with it."""
    starts = asked.action is Action.START and not asked.dry_run
    for job_id in ids:
        existing(state, job_id)
        yield
    if asked.action is Action.DELETE:
        ids = yield from followers.deleted_with(state, ids)
    meant = []
    for job_id in ids:
        name = existing(state, job_id).spec.name
        meant.append(Meant(job_id, name, random.new() if starts else None))
        yield
    return meant


def _wishes(jobs: list[Meant], action: Action) -> Steps[list[inputs.Wish]]:
    wishes = []
    for job in jobs:
        wishes.append(job.wish(action))
        yield
    return wishes


def _written(jobs: list[Meant]) -> Steps[list[bytes]]:
    parts = [b'{"jobs":[']
    for begin in range(0, len(jobs), listing.SLICE):
        some = to_json(jobs[begin : begin + listing.SLICE])[1:-1]
        parts.append(b"," + some if begin else some)
        yield
    return [*parts, b"]}\n"]
