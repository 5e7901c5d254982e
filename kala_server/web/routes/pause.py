"""`/pause/` and `/resume/`: whether jobs start by themselves at all (docs/api.md)."""

import logging

from kala_server.core.model import inputs
from kala_server.web.base import Handler
from kala_server.wire import pause

_log = logging.getLogger("kala.web")


class Pause(Handler):
    """`/pause/`."""

    async def get(self) -> None:
        """Say whether the server is paused."""
        self.answer({"pause": await self.ask(pause.pause)})

    async def post(self) -> None:
        """Pause it; where it is paused, that goes on, for the new reason where there is one."""
        reason = pause.read_reason(await self.body()) if self.raw_body() else ""
        await self.context.service.submit(inputs.PauseServer(reason=reason))
        _log.info("paused by request: no job starts by itself")
        await self.get()


class Resume(Handler):
    """`/resume/`."""

    async def post(self) -> None:
        """Let jobs start by themselves again, as they may where nobody has paused the server."""
        await self.context.service.submit(inputs.ResumeServer())
        _log.info("resumed by request: jobs start by themselves")
        self.answer({"pause": await self.ask(pause.pause)})
