"""Who asks, and whom: what a page has to know before it shows anything (docs/api.md)."""

from typing import Any

from kala_client import __version__
from kala_server.core.state.state import State
from kala_server.service.role import Role
from kala_server.web.base import Handler
from kala_server.wire.cluster import role
from kala_server.wire.pause import pause


class Session(Handler):
    """`/session/`."""

    async def get(self) -> None:
        """Say what the token allows, and what kind of server this is."""
        self.answer({"session": await self.ask(self._told)})

    def _told(self, state: State) -> dict[str, Any]:
        context = self.context
        return {
            "scope": context.tokens.scope(self.request.headers.get("Authorization", "")),
            "tokens": bool(context.tokens),
            "version": __version__,
            "now": context.service.clock.now(),
            "timezone": context.zone,
            "max_running": context.max_running,
            "up_since": context.service.up_since,
            "pause": pause(state),
            "trouble": context.service.trouble,
            "notes": [*_leading(context.role()), *context.notes()],
            "cluster": role(context.role()),
        }


def _leading(told: Role) -> list[str]:
    """Say that a server leads; one that follows notes that itself."""
    return [f"leads, in epoch {told.epoch}"] if told.name == "leader" else []
