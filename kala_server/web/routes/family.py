"""To which jobs one is connected: `/job/{id}/family/` (docs/api.md)."""

from datetime import datetime
from typing import Any

from kala_server.core.questions.families import family
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.base import Handler
from kala_server.web.routes.jobs import existing
from kala_server.wire import rows

MOST_MEMBERS = 1_000


class Family(Handler):
    """`/job/{id}/family/`."""

    async def get(self, job_id: str) -> None:
        """Return the jobs that lead to the job, and those to which it leads, the nearest first."""
        most = self.query.whole_number("limit", otherwise=200, most=MOST_MEMBERS)
        now = self.context.service.clock.now()
        self.answer(await self.ask_long(lambda state: _told(state, job_id, most, now)))


def _told(state: State, job_id: str, most: int, now: datetime) -> Steps[dict[str, Any]]:
    found = yield from family(state, existing(state, job_id).id, most)
    nodes = []
    for member_id, distance in found.distances.items():
        if member_id in state.jobs:  # it may be gone since it was found
            nodes.append(rows.member(state, state.jobs[member_id], now, distance))
        yield
    return {"nodes": nodes, "edges": [rows.edge(edge) for edge in found.edges], "cut": found.cut}
