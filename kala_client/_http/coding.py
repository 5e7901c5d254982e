"""The content coding of an answer, undone in small pieces. No I/O.

httpx undoes as many codings as an answer names, and a whole chunk at once: 1,788 bytes that were packed twice become
2 GB before anybody can count them. Only gzip is asked for, so only gzip is read (RFC 1952), and only once.
"""

import zlib
from collections.abc import Iterator, Mapping

from kala_client.errors import UnexpectedResponseError

_PIECE = 65_536
"""Bytes: after so many, limits are looked at again."""
_GZIP = 16 + zlib.MAX_WBITS


class Coding:
    """Undoes the coding of one answer; raises UnexpectedResponseError for what is none that was asked for."""

    def __init__(self, headers: Mapping[str, str], *, undone: bool = False) -> None:
        named = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
        named = [name for name in named if name not in {"", "identity"}]
        if named not in ([], ["gzip"], ["x-gzip"]):
            raise UnexpectedResponseError(f"the answer is coded as {', '.join(named)[:100]}, and not as gzip")
        self._inflate = zlib.decompressobj(_GZIP) if named and not undone else None
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take a chunk, and yield what it stands for."""
        if self._inflate is None:
            yield chunk
            return
        self._begun = self._begun or bool(chunk)
        piece = b""
        while chunk or len(piece) == _PIECE:  # what fills a piece may go on in the next one
            piece = self._decompress(self._inflate, chunk)
            chunk = self._inflate.unconsumed_tail
            yield piece
        if self._inflate.unused_data:
            raise UnexpectedResponseError("the compressed answer goes on after its end")

    def end(self) -> None:
        """Raise where the answer ended before its coding did; one without a body has none."""
        if self._inflate is not None and self._begun and not self._inflate.eof:
            raise UnexpectedResponseError("the compressed answer is cut off")

    @staticmethod
    def _decompress(inflate: "zlib._Decompress", chunk: bytes) -> bytes:
        try:
            return inflate.decompress(chunk, _PIECE)
        except zlib.error as error:
            raise UnexpectedResponseError(f"the compressed answer cannot be read: {error}") from error
