"""The state in memory, and those who ask about it: they see only what is durable. It decides and appends nothing.

It comes to be what is kept by what a store gives back, and goes on by what this server commits, or another one has.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from kala_server.core.model.records import Record
from kala_server.core.state.apply import apply, applying
from kala_server.core.state.state import State
from kala_server.core.steps import Steps, to_the_end
from kala_server.ports.store import Batch
from kala_server.service.slices import Pace

T = TypeVar("T")


class KnownState:
    """What there is, and who waits to ask about it while it holds what may have to be taken back."""

    def __init__(self, pace: Callable[[], Pace]) -> None:
        self.state = State()
        self._pace = pace
        self._undurable = False
        self._waiting: deque[tuple[Callable[[State], Any], asyncio.Future[Any]]] = deque()

    # -- for whoever asks

    async def read(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable, once there is one."""
        if not self._undurable:
            return question(self.state)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        return await answer

    def refuse(self, error: Exception) -> None:
        """Tell all who wait that no answer can be given."""
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(error)
        self._waiting.clear()

    # -- for whoever changes it

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let those who ask wait: within the block the state holds what is not durable yet."""
        self._undurable = True
        try:
            yield
        finally:
            self._undurable = False

    async def answer_all(self) -> None:
        """Answer all who wait, in slices."""
        await self._pace().walk(self._answering())

    def answer_at_once(self) -> None:
        """Do the same in one go, where there may be no loop to go on."""
        to_the_end(self._answering())

    def _answering(self) -> Steps[None]:
        while self._waiting:
            question, answer = self._waiting.popleft()
            if answer.done():
                continue
            try:
                answer.set_result(question(self.state))
            except Exception as error:  # noqa: BLE001 - it is the reader's own, and goes to the reader
                answer.set_exception(error)
            yield

    async def take_back(self) -> None:
        """Go back to what is durable."""
        with self.changing():
            await self._pace().walk(self.state.undo.rolling_back())

    # -- from a store

    async def load(self, batches: AsyncIterator[Batch]) -> int:
        """Begin with what is kept, and return the number of the latest batch; until then the state is as before."""
        state, number = State(), 0
        pace = self._pace()
        async for batch in batches:
            for record in batch.records:
                apply(state, record)
                if pace.used_up:
                    await pace.keep()
            state.undo.commit()
            number = batch.number
        state.take_dropped()
        self.state = state
        return number

    async def take_in(self, records: Sequence[Record]) -> None:
        """Take in what was kept of another server, as a whole."""
        pace = self._pace()
        with self.changing():
            for record in records:
                await pace.walk(applying(self.state, record))
            await pace.walk(self.state.undo.committing())
        self.state.take_dropped()
        await self.answer_all()
