"""The limit for whatever is served: Tornado with handlers that do nothing but read and write as many bytes.

`python -m tests.bench.bare` says where it listens, and ends when it is asked to.
"""

import asyncio
import signal
from functools import cache
from uuid import uuid4

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

_CREATED = b'{"id":"%s"}\n' % str(uuid4()).encode()
_PIECE = 256
"""As many jobs as kala_server writes at a time."""


class Post(RequestHandler):
    def post(self) -> None:
        self.set_status(201)
        self.set_header("Content-Type", "application/json;charset=UTF-8")
        self.finish(_CREATED)


class Get(RequestHandler):
    def get(self, size: str) -> None:
        self.set_header("Content-Type", "application/json;charset=UTF-8")
        self.finish(_bytes(int(size)))


class Stream(RequestHandler):
    """So many pieces of so many bytes, ready-made, some at a time."""

    async def get(self, count: str, size: str) -> None:
        piece = _bytes(int(size))
        for begin in range(0, int(count), _PIECE):
            self.write(b"".join([piece] * min(_PIECE, int(count) - begin)))
            await self.flush()
            await asyncio.sleep(0)  # or a fast reader would never let go of the loop
        await self.finish()


@cache
def _bytes(size: int) -> bytes:
    return b"x" * size


async def _serve() -> None:
    application = Application(
        [("/", Post), (r"/(\d+)", Get), (r"/(\d+)/(\d+)", Stream)], log_function=lambda _handler: None
    )
    server = HTTPServer(application)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(f"listening on http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)  # noqa: T201
    await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
