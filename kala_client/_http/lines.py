"""Lines out of a stream of bytes. No I/O."""

from collections.abc import Iterator


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


def _text(line: bytearray) -> str:
    return line.decode("utf-8", "replace")
