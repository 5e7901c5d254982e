"""Answers without an end in sight: sent as they come, at the pace of the client, until it goes or there is no more."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from tornado.iostream import StreamClosedError

from kala_server.web.base import Handler


class StreamingHandler(Handler):
    """A handler that may call `stream`, once."""

    _streaming: asyncio.Task[None] | None = None

    async def stream(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Send each chunk when the one before is on its way; the headers go with the first."""
        self._streaming = asyncio.get_running_loop().create_task(self._send_each(chunks))
        self.context.streams.add(self._streaming)
        self._streaming.add_done_callback(self.context.streams.discard)
        with suppress(asyncio.CancelledError, StreamClosedError):
            await self._streaming

    async def _send_each(self, chunks: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(chunks):
            async for chunk in chunks:
                self.write(chunk)
                await self.flush()
                # A flush that need not wait does not yield: a client that reads fast would hold the loop to the end.
                await asyncio.sleep(0)
        await self.finish()

    def on_connection_close(self) -> None:
        """Stop waiting for what the client will never read."""
        super().on_connection_close()
        if self._streaming is not None:
            self._streaming.cancel()
