"""What a command prints: the first and the last of it, however much it is.

Memory is bounded for each run, and a follower that reads slowly costs nothing: it misses what has fallen out. What is
left out begins and ends between characters, where the output is UTF-8; otherwise bytes are bytes. It knows no files and
no processes; nothing here waits for a reader.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from kala_server.news import News
from kala_server.outputs import utf8

HEAD = TAIL = 64 * 1024
_BESIDE = utf8.LONGEST - 1
"""Bytes that are held beyond each limit: they say whether it falls into the middle of a character."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an output, and the place of the first of them in all that was printed."""

    start: int
    text: bytes

    @property
    def end(self) -> int:
        """The place after the last of them."""
        return self.start + len(self.text)


class BoundedOutput:
    """Bytes written in order; the first `head` and the last `tail` of them are kept."""

    def __init__(
        self, head: int = HEAD, tail: int = TAIL, on_write: Callable[[], None] | None = None
    ) -> None:
        self._head_limit = head
        self._tail_limit = tail
        self._on_write = on_write
        self._head = bytearray()
        self._room = head + _BESIDE
        """What the head still takes; nothing once something is missing after it."""
        self._tail = bytearray()
        """What has come after the head; where that is too much, the last of it."""
        self._written = 0
        self._finished = False
        self._news = News()

    @property
    def size(self) -> int:
        """How many bytes were ever written."""
        return self._written

    @property
    def cut(self) -> bool:
        """Whether some of them are not kept."""
        head_ends, tail_begins = self._left_out()
        return head_ends < tail_begins

    def write(self, chunk: bytes) -> None:
        """Add to the output."""
        self._written += len(chunk)
        room, most = self._room, self._tail_limit + _BESIDE
        self._head += chunk[:room]
        self._room -= min(room, len(chunk))
        self._tail += chunk[max(room, len(chunk) - most) :]
        # Cheap: a bytearray gives up bytes at its front without moving the others.
        del self._tail[: max(0, len(self._tail) - most)]
        if self._on_write is not None:
            self._on_write()
        self._news.tell()

    def put(self, piece: Piece) -> None:
        """Add what is known of an output: what was there already is passed over, and what is missing before it counted.

        Where something is missing, only the head remains of what was there.
        """
        missing = piece.start - self._written
        if missing > 0:
            self._written += missing
            self._room = 0
            self._tail.clear()
        self.write(piece.text[max(0, -missing) :])

    def finish(self) -> None:
        """Say that nothing more comes, and let followers come to their end."""
        self._finished = True
        self._news.tell()

    def kept(self) -> list[Piece]:
        """Return what is kept: one piece, or two where something is missing between them."""
        head_ends, tail_begins = self._left_out()
        if head_ends == tail_begins:
            return [self._piece(0, self._written)]
        return [self._piece(0, head_ends), self._piece(tail_begins, self._written)]

    def since(self, position: int) -> list[Piece]:
        """Return all that is at hand from a position on, as it came: what is not kept in the end may be among it."""
        tail_begins = max(position, self._written - len(self._tail))
        pieces = [self._piece(position, len(self._head)), self._piece(tail_begins, self._written)]
        return [piece for piece in pieces if piece.text]

    def text(self) -> bytes:
        """Return what is kept, with a line where something is missing."""
        return text_of(self.kept())

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Yield what is kept, and then what comes, until the output is finished; before that, whole characters only."""
        position = 0
        while True:
            pieces = self._from(position)
            if pieces[-1].end > position:
                yield text_of(pieces, position)
                position = pieces[-1].end
                continue
            if self._finished:
                return
            await self._news.wait()

    def _from(self, position: int) -> list[Piece]:
        """Return what is kept from a position on."""
        head_ends, tail_begins = self._left_out()
        end = self._written
        if not self._finished:
            end -= utf8.unfinished(self._between(max(end - _BESIDE, self._unbroken), end))
        if position >= tail_begins:
            return [self._piece(position, end)]
        return [self._piece(position, head_ends), self._piece(tail_begins, end)]

    def _left_out(self) -> tuple[int, int]:
        """Return from where to where nothing is kept; both are 0 where all is."""
        end = min(self._head_limit, len(self._head))
        start = max(self._written - self._tail_limit, self._unbroken)
        if start <= end:
            return 0, 0
        before, _ = utf8.parted(bytes(self._head[max(0, end - _BESIDE) : end]), bytes(self._head[end:]))
        _, after = utf8.parted(
            self._between(max(start - _BESIDE, self._unbroken), start), self._between(start, start + _BESIDE)
        )
        return end - before, start + after

    @property
    def _unbroken(self) -> int:
        """From where on all that was written is at hand."""
        tail_begins = self._written - len(self._tail)
        return tail_begins if tail_begins > len(self._head) else 0

    def _piece(self, start: int, end: int) -> Piece:
        return Piece(start, self._between(start, end))

    def _between(self, start: int, end: int) -> bytes:
        """Return these bytes, as far as they are at hand."""
        tail_begins = self._written - len(self._tail)
        tail = self._tail[max(0, start - tail_begins) : max(0, end - tail_begins)]
        return bytes(self._head[start:end] + tail)


def text_of(pieces: Iterable[Piece], position: int = 0) -> bytes:
    """Return the pieces of an output in one, from a position on, with a line where something is missing."""
    parts = []
    for piece in pieces:
        if piece.start > position:
            parts.append(f"\n[… {piece.start - position:,} bytes cut …]\n".encode())
        parts.append(piece.text)
        position = piece.end
    return b"".join(parts)
