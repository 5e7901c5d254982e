"""For those who watch the server: is it alive, can it do its work, and figures for Prometheus."""

from http import HTTPStatus

from kala_server.metrics import CONTENT_TYPE
from kala_server.web.base import Handler


class Alive(Handler):
    """`/healthz`: the process answers."""

    for_everybody = True

    async def get(self) -> None:
        """Say so."""
        self.answer({"status": "ok"})


class Ready(Handler):
    """`/readyz`: jobs can be created and are run."""

    for_everybody = True

    async def get(self) -> None:
        """Say so, or what is in the way."""
        trouble = self.context.service.trouble
        if trouble:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, trouble)
        self.answer({"status": "ok"})


class Figures(Handler):
    """`/metrics`."""

    async def get(self) -> None:
        """Return the figures in Prometheus' format."""
        self.headers["Content-Type"] = CONTENT_TYPE
        self.send(self.context.metrics.text())
