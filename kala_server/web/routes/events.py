"""The live stream of what happens, as server-sent events (WHATWG HTML, section 9.2).

An id is `SERVER-NUMBER`: numbers are those of this server's life. A client that comes back with an id of an earlier
life, or of what is no longer buffered, gets an event `missed` and then all that there is.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic_core import to_json

from kala_server.core.errors import FieldProblem, InvalidRequestError
from kala_server.core.state.state import State
from kala_server.service.feed import Entry
from kala_server.web.streaming import StreamingHandler
from kala_server.wire import ledger

_MISSED = "some events are no longer known; ask for the state of what matters"


class Events(StreamingHandler):
    """`/events/`."""

    heartbeat = 15.0
    """Seconds of silence after which a comment tells a quiet stream from a dead connection."""

    async def get(self) -> None:
        """Stream events until the client or the server goes."""
        after = self._after()
        self.headers["Content-Type"] = "text/event-stream; charset=utf-8"
        await self.stream(self._events(after))

    async def _events(self, after: int) -> AsyncGenerator[bytes, None]:
        # An id without an event: a client that is cut off before the first one knows where to take up all the same.
        yield f"{self._id(after)}\n".encode() if after >= 0 else b": hello\n\n"
        async with aclosing(self.context.service.feed.listen(after, patience=self.heartbeat)) as entries:
            async for entry in entries:
                yield b":\n\n" if entry is None else await self._told(entry)

    def _after(self) -> int:
        """Return the number after which the client wants to hear more."""
        feed = self.context.service.feed
        name, said = "Last-Event-ID", self.request.headers.get("Last-Event-ID", "")
        if not said:
            name, said = "after", self.query.text("after")
        if not said:
            return feed.latest
        life, _, number = said.rpartition("-")
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            message = "it must be the id of an event that this server sent"
            raise InvalidRequestError([FieldProblem(name, message, f"{feed.life}-{feed.latest}")])
        # What is no number of this life is one that no feed has: it makes the feed say that something was missed.
        return int(number) if life == feed.life else -1

    def _id(self, number: int) -> str:
        return f"id: {self.context.service.feed.life}-{number}\n"

    async def _told(self, entry: Entry) -> bytes:
        """Return the event as it is sent; nothing where it is not for owners."""
        if entry.record is None:
            return f'{self._id(entry.number)}event: missed\ndata: {{"reason":"{_MISSED}"}}\n\n'.encode()
        told = self.context.events.get(entry.number)
        return await self.ask(lambda state: self._written(state, entry)) if told is None else told

    def _written(self, state: State, entry: Entry) -> bytes:
        events, record = self.context.events, entry.record
        known = events.get(entry.number)  # another follower may have asked for it meanwhile
        if known is not None or record is None:
            return known or b""
        told = ledger.event(state, record)
        if told is None:
            return events.keep(entry.number, b"")
        name, data = told
        text = f"{self._id(entry.number)}event: {name}\ndata: {to_json(data).decode()}\n\n"
        return events.keep(entry.number, text.encode())
