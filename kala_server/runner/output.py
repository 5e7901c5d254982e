"""What a command prints: the first and the last of it, however much it is.

Memory is bounded for each run, and a follower that reads slowly costs nothing: it misses what has fallen out.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

HEAD = TAIL = 64 * 1024


class BoundedOutput:
    """Bytes written in order; the first `head` and the last `tail` of them are kept."""

    def __init__(self, head: int = HEAD, tail: int = TAIL) -> None:
        self._head_limit = head
        self._tail_limit = tail
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._written = 0
        self._finished = False
        self._news: asyncio.Event | None = None

    @property
    def size(self) -> int:
        """How many bytes were ever written."""
        return self._written

    @property
    def cut(self) -> bool:
        """Whether some of them are not kept."""
        return self._written > len(self._head) + self._tail_size

    @property
    def finished(self) -> bool:
        """Whether nothing more will be written."""
        return self._finished

    def write(self, chunk: bytes) -> None:
        """Add to the output."""
        self._written += len(chunk)
        room = self._head_limit - len(self._head)
        self._head += chunk[:room]
        self._keep_at_the_end(chunk[room:])
        self._wake()

    def finish(self) -> None:
        """Say that nothing more comes, and let followers come to their end."""
        self._finished = True
        self._wake()

    def text(self) -> bytes:
        """Return what is kept, with a line where something is missing."""
        return b"".join(self._from(0)[0])

    async def follow(self) -> AsyncIterator[bytes]:
        """Yield what is kept, and then what comes, until the output is finished."""
        position = 0
        while True:
            news = self._news = self._news or asyncio.Event()
            chunks, position = self._from(position)
            for chunk in chunks:
                yield chunk
            if self._finished and position == self._written:
                return
            if position == self._written:
                await news.wait()

    def _keep_at_the_end(self, chunk: bytes) -> None:
        chunk = chunk[max(0, len(chunk) - self._tail_limit) :]
        if not chunk:
            return
        self._tail.append(bytes(chunk))
        self._tail_size += len(chunk)
        while self._tail_size - len(self._tail[0]) >= self._tail_limit:
            self._tail_size -= len(self._tail.popleft())
        if self._tail_size > self._tail_limit:
            surplus = self._tail_size - self._tail_limit
            self._tail[0] = self._tail[0][surplus:]
            self._tail_size -= surplus

    def _from(self, position: int) -> tuple[list[bytes], int]:
        """Return what is kept from a position on, and the position after it."""
        tail_begins = self._written - self._tail_size
        chunks = [bytes(self._head[position:])] if position < len(self._head) else []
        position = max(position, len(self._head))
        if position < tail_begins:
            chunks.append(f"\n[… {tail_begins - position:,} bytes cut …]\n".encode())
        begins = tail_begins
        for chunk in self._tail:
            if begins + len(chunk) > position:
                chunks.append(chunk[max(0, position - begins) :])
            begins += len(chunk)
        return [chunk for chunk in chunks if chunk], max(position, self._written)

    def _wake(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None
