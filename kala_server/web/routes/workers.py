"""`/workers/`: the machines on which jobs with a queue run (docs/api.md)."""

import logging

from kala_server.core.errors import NotFoundError
from kala_server.web.base import Handler
from kala_server.wire.cluster import worker

_log = logging.getLogger("kala.web")


class Workers(Handler):
    """`/workers/`."""

    async def get(self) -> None:
        """List them, by their names; none where there can be none."""
        machines = self.context.machines
        found = [] if machines is None else await machines.machines()
        self.answer({"workers": [worker(machine) for machine in found]})


class Drain(Handler):
    """`/workers/{name}/drain/`."""

    async def post(self, name: str) -> None:
        """Let a worker take nothing more, until it is started anew; what it runs goes on."""
        machines = self.context.machines
        if machines is None or not await machines.drain(name):
            raise NotFoundError(f"there is no worker {name!r}")
        _log.info("the worker %s is drained by request", name)
        self.done()
