"""Sets of jobs: what a file says, planned and applied as a whole (docs/sets.md)."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from kala_server.core.decide.sets import tag_of_set
from kala_server.core.errors import ChangedMeanwhileError, InvalidJobError, NotFoundError
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.questions.plan import Planned, changes, planned
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.base import Handler
from kala_server.web.routes.taking import check_for_queues
from kala_server.wire import sets


class Sets(Handler):
    """`/set/`."""

    async def get(self) -> None:
        """List the sets that were applied."""

        def told(state: State) -> list[dict[str, Any]]:
            return [_summary(state, name) for name in sorted(state.sets)]

        self.answer({"sets": await self.ask(told)})


class OneSet(Handler):
    """`/set/{name}/`."""

    body_limit = 16 << 20
    most_values = 1_000_000

    async def get(self, name: str) -> None:
        """Return what the jobs of a set say, by their keys, as it would be applied."""
        self._send_tagged(set=await self.ask_long(lambda state: _whole(state, name)))

    async def put(self, name: str) -> None:
        """Let the set be just these jobs; or say what would come of it."""
        document = await self.body()
        hours = self.query.whole_number("hours", otherwise=24, most=sets.MOST_HOURS)
        wanted = inputs.ApplySet(
            name=sets.check_name(name),
            jobs=sets.read_jobs(document, self.context.ids.new, self.context.default_owner),
            prune=self.query.yes("prune"),
            prune_children=self.query.yes("prune_children"),
            take=self.query.yes("take"),
            expect=self.request.headers.get("If-Match", ""),
            source=str(document.get("source", ""))[:1000],
        )
        for number, job in enumerate(wanted.jobs):
            try:
                check_for_queues(job.spec, self.context.machines)
            except InvalidJobError as error:
                raise error.within(f"jobs[{number}]") from None
        if self.query.yes("dry_run"):
            await self._plan(wanted, hours)
            return
        try:
            await self._apply(wanted)
        except ChangedMeanwhileError as error:
            self.refuse(HTTPStatus.PRECONDITION_FAILED, str(error))

    async def delete(self, name: str) -> None:
        """Let there be no such set; with `keep_jobs=true` its jobs stay."""
        await self.context.service.submit(inputs.ReleaseSet(name=name, keep_jobs=self.query.yes("keep_jobs")))
        self.done()

    async def _plan(self, wanted: inputs.ApplySet, hours: int) -> None:
        now = self.context.service.clock.now()

        def told(state: State, records: Sequence[r.Record]) -> Steps[tuple[str, list[Planned], list[str]]]:
            tag = yield from tag_of_set(state, wanted.name)
            return tag, (yield from planned(state, records)), _left(state, wanted)

        decision = await self.context.service.submit(inputs.PlanSet(of=wanted, told=told))
        tag, steps, left = decision.planned
        until = now + timedelta(hours=hours)
        each = await self.context.turns.walk(changes(steps, now, until))
        self._send_tagged(plan={**sets.plan(wanted, each, left), "until": until, "etag": tag})

    def _send_tagged(self, **told: dict[str, Any]) -> None:
        """Answer with one thing, which has a tag."""
        [thing] = told.values()
        self.headers["ETag"] = thing["etag"]
        self.answer(told)

    async def _apply(self, wanted: inputs.ApplySet) -> None:
        decision = await self.context.service.submit(wanted)
        keys = {job.key for job in wanted.jobs}
        done: dict[str, Any] = {"set": wanted.name, "created": {}, "changed": [], "deleted": []}
        for record in decision.records:
            match record:
                case r.JobCreated() if record.key in keys and record.set == wanted.name:
                    done["created"][record.key] = record.id
                case r.JobChanged() if record.set == wanted.name:
                    done["changed"].append(record.key)
                case r.JobDeleted():
                    done["deleted"].append(record.id)
        done["unchanged"] = len(keys) - len(done["created"]) - len(done["changed"])
        done["etag"] = await self.ask_long(lambda state: tag_of_set(state, wanted.name))
        self._send_tagged(applied=done)


def _summary(state: State, name: str) -> dict[str, Any]:
    applied = state.sets[name]
    jobs = state.jobs.by_set.get(name, {})
    by_hand = sum(state.jobs[job_id].applied is not None for job_id in jobs.values())
    return {
        "name": name,
        "applied_at": applied.at,
        "source": applied.source,
        "count": len(jobs),
        "changed_by_hand": by_hand,
    }


def _left(state: State, wanted: inputs.ApplySet) -> list[str]:
    """Return the keys that stay although they are not named, as nothing is pruned."""
    if wanted.prune:
        return []
    named = {job.key for job in wanted.jobs} | {job.was for job in wanted.jobs}
    return sorted(state.jobs.by_set.get(wanted.name, {}).keys() - named)


def _whole(state: State, name: str) -> Steps[dict[str, Any]]:
    if name not in state.sets:
        raise NotFoundError(f"there is no set {name!r}")
    tag = yield from tag_of_set(state, name)
    jobs = []
    for _, job_id in sorted(state.jobs.by_set.get(name, {}).items()):
        jobs.append(sets.said(state, state.jobs[job_id]))
        yield
    return {**_summary(state, name), "jobs": jobs, "etag": tag}
