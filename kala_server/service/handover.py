"""Commands that go on at a server which has let another one lead: it leaves word of their ends, and that one hears it.

What a word says is the very event that the server itself would have decided on. Who leads takes those attempts for
running until there is a word, or none will come any more.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from kala_server.clock import Clock, pause
from kala_server.core import reasons
from kala_server.core.model import inputs
from kala_server.core.model.job import Run, RunState
from kala_server.ports.store import SharedStore, StoreAwayError, StoreError, Word
from kala_server.service.service import Service

_log = logging.getLogger("kala.service")

_BETWEEN_LOOKS = timedelta(seconds=0.2)
_KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in (inputs.Ended, inputs.PutOff)
}
"""What a word can tell, by its name."""


class Leaver:
    """The side that has let go: says how its last attempts end."""

    def __init__(self, store: SharedStore, clock: Clock, handles: Mapping[str, str]) -> None:
        """Know the attempts that go on, by their runs."""
        self._store = store
        self._clock = clock
        self._handles = handles
        self._ending = False
        self._saying: set[asyncio.Task[None]] = set()

    def begin_to_end(self) -> None:
        """Take note that attempts which fail from now on are ended by this server."""
        self._ending = True

    def tell(self, event: inputs.Input) -> None:
        """Leave word of an attempt; what else happens here is nobody's business any more."""
        if isinstance(event, inputs.Ended | inputs.PutOff):
            if self._ending and isinstance(event, inputs.Ended) and not event.succeeded:
                event = replace(event, state=RunState.INTERRUPTED, reason=reasons.SERVER_STOPPED)
            task = asyncio.get_running_loop().create_task(self._say(event))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)

    async def until_all_is_said(self, seconds: float) -> None:
        """Return when each word is there, or it has taken so long."""
        if self._saying:
            await asyncio.wait(self._saying, timeout=seconds)

    async def _say(self, event: inputs.Ended | inputs.PutOff) -> None:
        text = to_json([type(event).__name__, event]).decode()
        said = False
        while not said:
            try:
                await self._store.leave_word(self._handles[event.run_id], text)
                said = True
            except StoreError as error:
                _log.warning("no word can be left for now: %s", error)
                await pause(self._clock, _BETWEEN_LOOKS)


class Heir:
    """The side that leads now: takes word for what has happened."""

    def __init__(self, store: SharedStore, service: Service, clock: Clock) -> None:
        self._store = store
        self._service = service
        self._clock = clock
        self._told: set[str] = set()

    async def left(self) -> frozenset[str]:
        """Return the attempts of which there is, or will be, word. Waits where the store is away."""
        while True:
            try:
                return frozenset(word.handle for word in await self._store.words())
            except StoreAwayError as error:
                _log.warning("no word can be heard for now: %s", error)
                await pause(self._clock, _BETWEEN_LOOKS)

    async def listen(self) -> None:
        """Take in each word as it comes, until all is said."""
        while True:
            try:
                if not await self._take_in(await self._store.words()):
                    return
            except StoreError as error:
                _log.warning("no word can be heard for now: %s", error)
            await pause(self._clock, _BETWEEN_LOOKS)

    async def _take_in(self, words: Collection[Word]) -> bool:
        """Tell of those that say something; drop those that nobody waits for; return whether there will be more."""
        runs = self._service.state.runs
        running = {
            run.handle: run for run in map(runs.get, runs.open) if run and run.state is RunState.RUNNING
        }
        for word in words:
            run = running.get(word.handle)
            if run is not None and word.handle not in self._told and (event := _said(word, run)):
                self._told.add(word.handle)
                self._service.tell(event)
        over = [word.handle for word in words if word.handle not in running]
        await self._store.drop_words(over)
        return len(over) < len(words)


def _said(word: Word, run: Run) -> inputs.Input | None:
    """Return what a word tells of its run; None where that is still to come."""
    if word.text:
        kind, fields = from_json(word.text)
        event: inputs.Input = _KINDS[kind].validate_python(fields)
        return event
    if word.seconds > 0:
        return None
    return inputs.Ended(run_id=run.id, succeeded=False, state=RunState.INTERRUPTED, reason=reasons.NO_WORD)
