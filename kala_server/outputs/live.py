"""What runs that are not over have printed: in memory for whoever asks, and soon after on the disk.

A little is let come together before it is written, and one thread writes for all, in order: a command that prints a lot
costs some writes a second, one that is over within a moment a single one. What cannot be written is told of in the log
and does not concern the run; it is tried again (`late.py`). It knows no attempts and no processes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from kala_server.core.model.inputs import Printed
from kala_server.outputs.bounded import BoundedOutput, Piece
from kala_server.outputs.kept import Outputs
from kala_server.outputs.late import FAILED, LateOutputs

T = TypeVar("T")

_log = logging.getLogger("kala.outputs")

_TOGETHER = 0.25
"""Seconds from something new to when it is written, with what else there is by then."""
_DROPPED_AT_ONCE = 100


@dataclass(slots=True, eq=False)
class _Live:
    """The output of a run, and how much of it was given to the disk."""

    run_id: str
    output: BoundedOutput
    written: int = 0


class LiveOutputs:
    """The outputs of runs that are not over, and where they are kept."""

    def __init__(self, outputs: Outputs, limits: tuple[int, int]) -> None:
        self._outputs = outputs
        self._limits = limits
        self._live: dict[str, _Live] = {}
        self._late = LateOutputs(self._save)
        self._news: dict[str, _Live] = {}
        """Those of which something is not written yet."""
        self._due: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kala-outputs")
        self._in_trouble = False
        """Whether it is in the log that nothing can be written, and nothing was since."""

    def get(self, run_id: str) -> BoundedOutput | None:
        """Return the output of a run that is not over yet, or of one whose output could not be kept yet."""
        live = self._live.get(run_id)
        return self._late.get(run_id) if live is None else live.output

    def open(self, run_id: str) -> BoundedOutput:
        """Return the output to which the next attempt of a run is to add."""
        return self.get(run_id) or self._begun(run_id).output

    async def save(self, run_id: str) -> None:
        """Return when what is kept of a run's output is on the disk; where it cannot be, the log says so."""
        self._news.pop(run_id, None)
        live = self._live.get(run_id)
        if live is None:
            return
        live.written = live.output.size
        self._late.drop([run_id])
        try:
            await self._save(run_id, live.output)
        except FAILED as error:
            self._late.put(run_id, live.output)
            self._complain("the output of run %s cannot be kept, and is tried again: %s", run_id, error)

    async def _save(self, run_id: str, output: BoundedOutput) -> None:
        await self._written(partial(self._outputs.save, run_id, output.kept()))

    def let_go(self, run_id: str) -> None:
        """Let whoever follows the output come to its end: the run is over."""
        self._news.pop(run_id, None)
        live = self._live.pop(run_id, None)
        if live is not None:
            live.output.finish()

    def drop(self, run_ids: Sequence[str]) -> Awaitable[None]:
        """Keep the outputs of these runs no longer; what is returned is done when they are gone."""
        for run_id in self._live.keys() & run_ids:
            self.let_go(run_id)
        self._late.drop(run_ids)
        return self._dropped(run_ids)

    async def _dropped(self, run_ids: Sequence[str]) -> None:
        """Drop some at a time: a thread that makes many short calls keeps the loop from going on."""
        for begin in range(0, len(run_ids), _DROPPED_AT_ONCE):
            some = run_ids[begin : begin + _DROPPED_AT_ONCE]
            try:
                await self._in_thread(partial(self._drop, some))
            except FAILED as error:
                _log.error("the outputs of runs such as %s could not be removed: %s", some[0], error)

    def _drop(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            self._outputs.drop(run_id)

    async def take_up(self, known: Container[str], unfinished: Iterable[str]) -> None:
        """After a start: drop the outputs of runs that are not known, and go on with those that are not over."""
        try:
            await self._in_thread(partial(self._outputs.sweep, known))
            for run_id in unfinished:
                if pieces := await self._in_thread(partial(self._outputs.load, run_id)):
                    await self._take_up(self._begun(run_id), pieces)
        except FAILED as error:
            _log.error("what runs have printed before cannot be looked through: %s", error)

    async def _take_up(self, live: _Live, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            live.output.put(piece)
        await self.save(live.run_id)

    def printed(self, run_id: str) -> Printed:
        """Return how much a run that is not over has printed."""
        output = self.get(run_id)
        return Printed() if output is None else Printed(output.size, output.cut)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._due is not None:
            self._due.cancel()
        if self._writing is not None:
            await self._writing
        await self.write_all()
        await self._late.close()
        self._thread.shutdown()

    # -- written as it comes

    def _begun(self, run_id: str) -> _Live:
        output = BoundedOutput(*self._limits, on_write=lambda: self._is_news(live))
        live = self._live[run_id] = _Live(run_id, output)
        return live

    def _is_news(self, live: _Live) -> None:
        if self._live.get(live.run_id) is live:
            self._news[live.run_id] = live
            self._write_soon()

    def _write_soon(self) -> None:
        if self._news and self._due is None and self._writing is None:
            self._due = asyncio.get_running_loop().call_later(_TOGETHER, self._write)

    def _write(self) -> None:
        self._due = None
        self._writing = asyncio.get_running_loop().create_task(self.write_all())

    async def write_all(self) -> None:
        """Write what is new by now, and what comes meanwhile soon after."""
        news, self._news = self._news, {}
        for live in news.values():
            if self._live.get(live.run_id) is live and live.written < live.output.size:
                await self._add(live)
        self._writing = None
        self._write_soon()

    async def _add(self, live: _Live) -> None:
        """Write what is new; where what was written before is not there any more, all that is at hand."""
        position, live.written = live.written, live.output.size
        work = partial(self._outputs.add, live.run_id, position, live.output.since(position), self._limits)
        try:
            if not await self._written(work):
                live.written = 0
                await self._add(live)
        except FAILED as error:
            live.written = position
            self._complain("what run %s prints could not be written, so far: %s", live.run_id, error)

    async def _written(self, work: Callable[[], T]) -> T:
        done = await self._in_thread(work)
        self._in_trouble = False
        return done

    def _complain(self, words: str, run_id: str, error: Exception) -> None:
        """Put it into the log, once until something can be written again."""
        if not self._in_trouble:
            self._in_trouble = True
            _log.error(words, run_id, error)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
