"""Lines out of a stream of bytes. No I/O."""

import zlib
from collections.abc import Iterator

from kala_client.errors import KalaConnectionError


class Lines:
    """Whole lines of UTF-8 out of chunks that end anywhere; a line longer than `longest` bytes is handed out cut."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Take a chunk, and yield the lines that it ends, without their newline."""
        # Not in all that is there: a long line would be looked through again for each chunk.
        ends, *begin = chunk.split(b"\n")
        self._rest += ends
        for piece in begin:
            yield _text(self._rest)
            self._rest = bytearray(piece)
        if len(self._rest) > self._longest:
            yield from self.end()

    def end(self) -> Iterator[str]:
        """Yield what is left when the stream has ended."""
        rest, self._rest = self._rest, bytearray()
        if rest:
            yield _text(rest)


class LinesOfMany(Lines):
    """The lines of a text out of several streams, each of which has it from its beginning on, as far as it is kept."""

    def __init__(self, longest: int) -> None:
        super().__init__(longest)
        self.known = 0
        """How many bytes came until now, of whatever stream."""
        self._known_sum = 0
        self._at, self._sum = 0, 0
        """How many came in this stream, and their sum."""

    def again(self) -> None:
        """Begin with another stream."""
        self._at, self._sum = 0, 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Take a chunk of this stream, and yield the lines that it ends; what another stream had is passed over.

        Raises KalaConnectionError where that was something else, as where parts of a long text are left out.
        """
        known = chunk[: self.known - self._at]
        self._take(known)
        if known and self._at == self.known and self._sum != self._known_sum:
            raise _told_otherwise()
        if new := chunk[len(known) :]:
            self._take(new)
            self.known, self._known_sum = self._at, self._sum
            yield from super().feed(new)

    def _take(self, chunk: bytes) -> None:
        self._at += len(chunk)
        self._sum = zlib.crc32(chunk, self._sum)


def _told_otherwise() -> KalaConnectionError:
    error = KalaConnectionError("the output broke off, and what came before that is told otherwise now")
    error.lasting = True
    return error


def _text(line: bytearray) -> str:
    return line.decode("utf-8", "replace")
