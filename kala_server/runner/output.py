"""What a command prints: the first and the last of it, however much it is.

Memory is bounded for each run, and a follower that reads slowly costs nothing: it misses what has fallen out. It knows
no text, no files and no processes; nothing here waits for a reader.
"""

import asyncio
from collections.abc import AsyncGenerator

HEAD = TAIL = 64 * 1024


class BoundedOutput:
    """Bytes written in order; the first `head` and the last `tail` of them are kept."""

    def __init__(self, head: int = HEAD, tail: int = TAIL) -> None:
        self._head_limit = head
        self._tail_limit = tail
        self._head = bytearray()
        self._tail = bytearray()
        self._written = 0
        self._finished = False
        self._news: asyncio.Event | None = None
        """There while somebody waits."""

    @property
    def size(self) -> int:
        """How many bytes were ever written."""
        return self._written

    @property
    def cut(self) -> bool:
        """Whether some of them are not kept."""
        return self._written > len(self._head) + len(self._tail)

    def write(self, chunk: bytes) -> None:
        """Add to the output."""
        self._written += len(chunk)
        room = self._head_limit - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[max(room, len(chunk) - self._tail_limit) :]
        # Cheap: a bytearray gives up bytes at its front without moving the others.
        del self._tail[: max(0, len(self._tail) - self._tail_limit)]
        self._wake()

    def finish(self) -> None:
        """Say that nothing more comes, and let followers come to their end."""
        self._finished = True
        self._wake()

    def text(self) -> bytes:
        """Return what is kept, with a line where something is missing."""
        return b"".join(self._from(0))

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Yield what is kept, and then what comes, until the output is finished."""
        position = 0
        while True:
            chunks, position = self._from(position), self._written
            for chunk in chunks:
                yield chunk
            if position < self._written:
                continue
            if self._finished:
                return
            if self._news is None:
                self._news = asyncio.Event()
            await self._news.wait()

    def _from(self, position: int) -> list[bytes]:
        """Return what is kept from a position on."""
        tail_begins = self._written - len(self._tail)
        chunks = [bytes(self._head[position:])]
        missed = tail_begins - max(position, len(self._head))
        if missed > 0:
            chunks.append(f"\n[… {missed:,} bytes cut …]\n".encode())
        chunks.append(bytes(self._tail[max(0, position - tail_begins) :]))
        return [chunk for chunk in chunks if chunk]

    def _wake(self) -> None:
        """Wake whoever waits; those who come later wait for what comes later."""
        if self._news is not None:
            self._news.set()
            self._news = None
