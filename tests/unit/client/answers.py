"""What servers answer in these tests."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

ID = "7c58ea8f-3753-4428-77c5-ba6103933f1c"
JOB = {"name": "a", "id": ID}


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (
        httpx.Response(status, headers=named, json=body)
        if body is not None
        else httpx.Response(status, headers=named)
    )


def text(body: str, status: int) -> httpx.Response:
    return httpx.Response(status, text=body)


class Streamed(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that nobody has read before us."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
