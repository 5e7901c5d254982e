"""For those who watch the server: is it alive, can it do its work, and figures for Prometheus."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from kala_server.metrics import CONTENT_TYPE
from kala_server.web.base import Handler


class Alive(Handler):
    """`/healthz`: the process answers. Machines ask it without a token, and by whatever name."""

    for_everybody = True
    whatever_host = True

    def action(self) -> Callable[..., Awaitable[None]]:
        """Take HEAD as GET: the answer goes out without its words."""
        return self.get if self.request.method == "HEAD" else super().action()

    async def get(self) -> None:
        """Say so."""
        self.answer({"status": "ok"})


class Ready(Alive):
    """`/readyz`: jobs can be created and are run; asked as the other is."""

    async def get(self) -> None:
        """Say so, with what ails it all the same; or what is in the way."""
        trouble = self.context.service.trouble
        if trouble:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, trouble)
        notes = self.context.notes()
        self.answer({"status": "ok", "notes": notes} if notes else {"status": "ok"})


class Figures(Handler):
    """`/metrics`."""

    async def get(self) -> None:
        """Return the figures in Prometheus' format."""
        self.headers["Content-Type"] = CONTENT_TYPE
        self.send(self.context.metrics.text())
