"""Answers without an end in sight: sent as they come, at the pace of the client, until it goes or there is no more."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from tornado.iostream import StreamClosedError

from kala_server.web.base import Handler

_FEW = 8
"""Parts of an answer, of up to 100 kB each, that are sent in one go."""

_A_TURN = 32 << 10
"""Bytes that are made and sent in one turn, where they come in small chunks …"""
_ANY_CHUNK = 256
"""… of which each counts for as many more, also an empty one."""


class StreamingHandler(Handler):
    """A handler that may call `stream`, once."""

    async def stream(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Send each chunk when the one before is on its way; the head goes with the first."""
        streaming = asyncio.get_running_loop().create_task(self._send_each(chunks))
        self.context.streams.add(streaming)
        streaming.add_done_callback(self.context.streams.discard)

        def give_up() -> None:
            streaming.cancel()

        self.connection.set_close_callback(give_up)
        await streaming

    async def send_parts(self, parts: Sequence[bytes]) -> None:
        """Answer with JSON that is made of these parts, as they are where they are few."""
        if len(parts) <= _FEW:
            self.send(b"".join(parts))
        else:
            await self.stream(_each(parts))

    async def _send_each(self, chunks: AsyncGenerator[bytes, None]) -> None:
        # What has no length ends with its chunks, or, where a client knows none, with the connection (RFC 9112, 6.3).
        chunked = self.request.version == "HTTP/1.1"
        if not chunked:
            self.request.headers.pop("Connection", None)  # or Tornado would promise to keep it
        held = 0
        with suppress(StreamClosedError):
            async with aclosing(chunks):
                async for chunk in chunks:
                    if not self.begun:
                        await self.begin(chunk=chunk)
                    elif chunk:
                        await self.connection.write(chunk)
                    # A write that need not wait does not yield: who reads fast would hold the loop to the end.
                    held += len(chunk) + _ANY_CHUNK
                    if held >= _A_TURN:
                        held = 0
                        await self.context.turns.take()
            self.connection.finish()
            if not chunked:
                self.connection.close()


async def _each(parts: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part
