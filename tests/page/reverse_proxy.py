"""A reverse proxy, as a site has one: `/ops/kala/` of it is the root of a server on a port or on a Unix socket.

It may speak TLS, ask who somebody is by Basic, and show the server a token in their place. It passes bytes on.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kala_server.testing.apart import apart

PREFIX = "/ops/kala"
_REALM = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="ops"\r\n'
_NOWHERE = b"HTTP/1.1 404 Not Found\r\n"
_END = b"Content-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """What it is told."""

    behind: str | Path
    """The URL of the server, or its socket."""
    tls: ssl.SSLContext | None = None
    basic: str = ""
    """`name:password` of those that it lets in; empty = everybody."""
    token: str = ""
    """What it shows the server; empty = what the client shows."""

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Answer one request, on a connection of its own."""
        async with _closing(answers):
            first, *fields = (await client.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
            method, path, version = first.split(b" ")
            if refusal := self._refusal(path, fields):
                answers.write(refusal + _END)
                return
            fields = [*filter(self._goes_on, fields), *self._added(), b"Connection: close", b"", b""]
            first = b" ".join((method, path[len(PREFIX) :] or b"/", version))
            await self._pass_on(b"\r\n".join([first, *fields]), client, answers)

    def _refusal(self, path: bytes, fields: list[bytes]) -> bytes:
        if not path.startswith(PREFIX.encode()):
            return _NOWHERE
        shown = b"Authorization: Basic " + base64.b64encode(self.basic.encode())
        return b"" if not self.basic or shown in fields else _REALM

    def _goes_on(self, field: bytes) -> bool:
        name = field.partition(b":")[0].lower()
        return name != b"connection" and not (name == b"authorization" and (self.token or self.basic))

    def _added(self) -> list[bytes]:
        return [f"Authorization: Bearer {self.token}".encode()] if self.token else []

    async def _pass_on(
        self, head: bytes, client: asyncio.StreamReader, answers: asyncio.StreamWriter
    ) -> None:
        answer, server = await self._connect()
        async with _closing(server):
            server.write(head)
            upward = asyncio.create_task(_pump(client, server))
            await _pump(answer, answers)
            upward.cancel()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.behind, Path):
            return await asyncio.open_unix_connection(self.behind)
        where = urlsplit(self.behind)
        return await asyncio.open_connection(where.hostname, where.port)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()


@asynccontextmanager
async def _closing(stream: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close it with the block, which one of its ends may end at any time."""
    with suppress(OSError, asyncio.IncompleteReadError):
        try:
            yield
        finally:
            stream.close()
            await stream.wait_closed()


@asynccontextmanager
async def _listening(proxy: Proxy) -> AsyncIterator[str]:
    serving: set[asyncio.Task[None]] = set()

    def begin(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        serving.add(asyncio.get_running_loop().create_task(proxy.serve(client, answers)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=proxy.tls)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https' if proxy.tls else 'http'}://127.0.0.1:{port}{PREFIX}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@contextmanager
def below_a_path(
    behind: str | Path, *, tls: ssl.SSLContext | None = None, basic: str = "", token: str = ""
) -> Iterator[str]:
    """Run the proxy while the block lasts; return where the server is behind it."""
    with apart(_listening(Proxy(behind=behind, tls=tls, basic=basic, token=token))) as url:
        yield url
