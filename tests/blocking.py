"""Both clients behind one blocking face, so that one suite runs over both."""

import asyncio
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast

from kala_client import AsyncKalaClient, KalaClient

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, ...] = ("sync", "async")


class Blocking:
    """AsyncKalaClient with the face of KalaClient."""

    def __init__(self, client: AsyncKalaClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        if name == "last_answer":
            return self._client.last_answer

        def call(*args: Any, **options: Any) -> Any:
            made = getattr(self._client, name)(*args, **options)
            if isinstance(made, AsyncKalaClient):
                return Blocking(made, self._runner)
            return self._iterate(made) if inspect.isasyncgen(made) else self._runner.run(_awaited(made))

        return call

    def _iterate(self, made: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(made, self)

        try:
            while (item := self._runner.run(following())) is not self:
                yield item
        finally:
            self._runner.run(made.aclose())


async def _awaited(made: Any) -> Any:
    """Await it as a program does: from a line of its own."""
    return await made


@contextmanager
def client_of(kind: Kind, url: str | Sequence[str], **options: Any) -> Iterator[KalaClient]:
    """Open a client of that kind, the asyncio one in an event loop of its own."""
    if kind == "sync":
        with KalaClient(url, **options) as client:
            yield client
        return
    with asyncio.Runner() as runner:
        asynchronous = AsyncKalaClient(url, **options)
        try:
            yield cast("KalaClient", Blocking(asynchronous, runner))
        finally:
            runner.run(asynchronous.close())
