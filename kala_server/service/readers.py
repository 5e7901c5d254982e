"""Questions about what is durable, which wait for the batch that is on its way to the disk. It changes nothing."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from kala_server.core.state.state import State
from kala_server.core.steps import Steps

T = TypeVar("T")


class Readers:
    """Those who have asked, in their order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[State], Any], asyncio.Future[Any]]] = deque()

    async def ask(self, question: Callable[[State], T]) -> T:
        """Return the answer to the question, once there is one."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        return await answer

    def answering(self, state: State) -> Steps[None]:
        """Answer all of them, one at a step."""
        while self._waiting:
            question, answer = self._waiting.popleft()
            if answer.done():
                continue
            try:
                answer.set_result(question(state))
            except Exception as error:  # noqa: BLE001 - it is the reader's own, and goes to the reader
                answer.set_exception(error)
            yield

    def refuse(self, error: Exception) -> None:
        """Tell all of them that no answer can be given."""
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(error)
        self._waiting.clear()
