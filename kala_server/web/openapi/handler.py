"""The description over HTTP."""

import asyncio

from kala_server.web.base import Handler


class OpenApi(Handler):
    """`/openapi.json`."""

    async def get(self) -> None:
        """Return the description of every route."""
        self.send(await asyncio.to_thread(_written))


def _written() -> bytes:
    # Here, as a server that is not asked need not read it all; in a thread, as that takes a while.
    from kala_server.web.openapi.document import document_bytes

    return document_bytes()
