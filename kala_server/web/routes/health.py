"""For those who watch the server: is it alive, can it do its work, and figures for Prometheus."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from kala_server.metrics import CONTENT_TYPE
from kala_server.service.role import Role
from kala_server.web.base import Handler
from kala_server.wire.cluster import role as as_json

_FAR_BEHIND = 10.0
"""Seconds after which what a follower shows is no answer any more to whoever asks what is so now."""


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
        role = self.context.role()
        if role.lag > _FAR_BEHIND:
            self.refuse(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"this server follows and is {role.lag:.0f} s behind: it does not reach its store",
            )
        notes = self.context.notes()
        self.answer({"status": "ok"} | ({"notes": notes} if notes else {}) | _cluster(role))


def _cluster(role: Role) -> dict[str, Any]:
    """Say what the server is among several; everybody may ask, so where the others are is left out."""
    told = as_json(role)
    return (
        {} if told is None else {"cluster": {name: told[name] for name in ("role", "epoch", "lag", "lease")}}
    )


class Figures(Handler):
    """`/metrics`."""

    async def get(self) -> None:
        """Return the figures in Prometheus' format."""
        self.headers["Content-Type"] = CONTENT_TYPE
        self.send(self.context.metrics.text())
