"""What lives on an event loop of its own, in a thread, while a block lasts. It knows nothing of servers."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar, cast

T = TypeVar("T")


@contextmanager
def apart(life: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter it in a thread, and leave it there with the block. Raises what goes wrong in it."""
    ready: Future[T] = Future()
    enough: Future[None] = Future()
    with ThreadPoolExecutor(1, thread_name_prefix="kala-server") as thread:
        ended = thread.submit(asyncio.run, _live(life, ready, enough))
        first = cast("tuple[Future[Any], ...]", (ready, ended))
        try:
            wait(first, return_when=FIRST_COMPLETED)
            if ended.done():
                ended.result()
            yield ready.result()
        finally:
            enough.set_result(None)
            ended.result()


async def _live(life: AbstractAsyncContextManager[T], ready: Future[T], enough: Future[None]) -> None:
    """Live until it is enough; both futures belong to the thread that asked for it."""
    async with life as made:
        ready.set_result(made)
        await asyncio.wrap_future(enough)
