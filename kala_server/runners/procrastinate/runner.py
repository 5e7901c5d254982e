"""Hands attempts over to workers on other machines; to the server it is a runner like others.

What is handed over is in the database, and so is what became of it: a server that takes over asks there. An attempt is
handed over under the epoch of the server that leads, or not at all; to ask twice starts once. Nothing is started again
by itself: what a worker has taken is its own, and where its machine is gone the run is interrupted.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from kala_server.boot_time import boot_time
from kala_server.ports.machines import Machine
from kala_server.ports.runner import TOO_LATE, Attempt, Listener, Outcome
from kala_server.ports.store import StoreAwayError, StoreError, StoreFullError
from kala_server.runners.procrastinate import desk
from kala_server.runners.procrastinate.ears import Ears
from kala_server.runners.procrastinate.messages import outcome_of, text_of_outcome
from kala_server.stores.postgres.link import Link

_log = logging.getLogger("kala.runner")

CHANNEL = "kala_attempt"
GONE_AFTER = 10.0
"""Seconds without a word of a worker after which its attempts are taken for cut off."""
_LOOK = 1.0
"""Seconds between two looks for workers that are gone."""
_AT_A_TIME = 200
_TRIES = 50
_AGAIN = 0.1
"""Seconds until something is tried again that the database did not answer."""
_KEPT = 60.0
"""Seconds for which the end of an attempt stays there after it was told: it is recorded by then."""
_NOT_STARTED = Outcome(succeeded=False, reason="it was ended before a worker took it")


def queues_of(a_link: Callable[..., Link], epoch: Callable[[], int]) -> "QueueRunner":
    """Return the runner of a server whose store gives it links."""
    return QueueRunner(a_link("queues"), a_link("queues' ears"), epoch=epoch)


class QueueRunner:
    """Runs what belongs into a queue."""

    def __init__(
        self, link: Link, ears: Link, *, epoch: Callable[[], int], gone_after: float = GONE_AFTER
    ) -> None:
        """Ask the database by one link, and listen by the other; what is handed over is so under the epoch."""
        self._link = link
        self._ears_link = ears
        self._ears = Ears(ears, (CHANNEL,))
        self._epoch = epoch
        self._gone_after = gone_after
        self._listener: Listener
        self._known: set[str] = set()
        """Attempts of which is to be told."""
        self._waiting: dict[str, Attempt] = {}
        """Those of them that are yet to be handed over; where that was begun, it may have been done."""
        self._begun: set[str] = set()
        self._to_end: set[str] = set()
        self._told: dict[str, float] = {}
        """Those whose end was told, and when: their rows may go after a while."""
        self._heard: Sequence[desk.Printed] = ()
        self._places: dict[str, int] = {}
        """Where what an attempt prints goes on."""
        self._steady_since: float | None = None
        """Since when the database has answered whatever it was asked."""
        self._looked_at = 0.0
        self._seen: Sequence[Machine] = ()
        self._untaken: Mapping[str, str] = {}
        self._telling: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._something_ended = asyncio.Event()

    def attach(self, listener: Listener, mark: str = "") -> None:  # noqa: ARG002 - workers read it in the database
        """Say whom to tell."""
        self._listener = listener

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:
        """Take over what was handed over: of what is over by now it is told soon."""
        found = await self._handed_over(handles)
        if found is None:
            return frozenset()
        self._known |= found
        self._listen()
        return found

    async def _handed_over(self, handles: Collection[str]) -> frozenset[str] | None:
        for _ in range(_TRIES):
            try:
                return await self._link.run(partial(desk.adopt, epoch=self._epoch(), handles=handles))
            except StoreAwayError as error:
                _log.warning("cannot ask for attempts on other machines, trying again: %s", error)
                await asyncio.sleep(_AGAIN)
        raise OSError("the database does not say which attempts go on at other machines")

    def start(self, attempt: Attempt) -> str:
        """Hand the attempt over; what goes wrong is an outcome."""
        handle = attempt.handle
        if handle in self._known:
            return handle
        if attempt.comes_too_late(boot_time()):
            asyncio.get_running_loop().call_soon(self._listener.ended, handle, TOO_LATE)
            return handle
        self._known.add(handle)
        self._told.pop(handle, None)
        self._waiting[handle] = attempt
        self._ask_soon()
        return handle

    def end(self, handle: str) -> None:
        """Have the attempt ended where it is; one that nobody has taken is not started."""
        if handle in self._known:
            self._to_end.add(handle)
            self._ask_soon()

    def kill_all(self) -> None:
        """Have every attempt ended: workers leave none of its processes."""
        self._to_end |= self._known
        self._ask_soon()

    def independent(self) -> frozenset[str]:
        """Return those that are known here: none of them needs this server."""
        return frozenset(self._known)

    def leave(self) -> None:
        """Let them be: the next server asks for them."""
        for known in (self._known, self._waiting, self._to_end):
            known.clear()

    async def close(self) -> None:
        """Wait for the attempts that were ended, as long as machines may take for it; let go of the database."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._gone_after):
                while self._known:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        for task in (self._asking, self._telling):
            if task is not None:
                task.cancel()
        self._link.close()
        self._ears_link.close()

    # -- what is asked for

    def _ask_soon(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = _task(self._ask())

    async def _ask(self) -> None:
        while self._waiting or self._to_end:
            try:
                if self._waiting:
                    await self._hand_over(list(self._waiting.values())[:_AT_A_TIME])
                ending = {handle for handle in self._to_end if handle not in self._waiting}
                if ending:
                    await self._link.run(
                        partial(desk.end, handles=ending, not_started=text_of_outcome(_NOT_STARTED))
                    )
                    self._to_end -= ending
            except StoreAwayError as error:
                _log.warning("other machines cannot be asked for anything, trying again: %s", error)
                await asyncio.sleep(_AGAIN)

    async def _hand_over(self, attempts: Sequence[Attempt]) -> None:
        """Hand them over, in their order. What the database refuses is refused for each by itself."""
        wanted = []
        for attempt in attempts:
            if attempt.handle in self._to_end and attempt.handle not in self._begun:
                self._refuse(attempt, _NOT_STARTED)
            else:
                wanted.append(attempt)
        self._begun.update(attempt.handle for attempt in wanted)
        try:
            counts = await self._link.run(partial(desk.hand_over, epoch=self._epoch(), attempts=wanted))
        except StoreAwayError:
            raise
        except StoreError as error:
            if len(wanted) > 1:
                for attempt in wanted:
                    await self._hand_over([attempt])
                return
            full = isinstance(error, StoreFullError)
            self._refuse(wanted[0], Outcome(succeeded=False, reason=str(error), put_off=full))
            return
        self._listen()
        for attempt in wanted:
            if counts:
                self._waiting.pop(attempt.handle, None)
                self._begun.discard(attempt.handle)
            else:
                self._refuse(attempt, TOO_LATE)

    def _refuse(self, attempt: Attempt, outcome: Outcome) -> None:
        self._waiting.pop(attempt.handle, None)
        self._begun.discard(attempt.handle)
        self._to_end.discard(attempt.handle)
        if attempt.handle in self._known:
            self._over(attempt.handle, outcome)

    # -- what is told

    def _listen(self) -> None:
        if self._telling is None:
            self._telling = _task(self._tell())

    async def _tell(self) -> None:
        while True:
            try:
                await self._ears.wait()
                await self._take_in()
                await self._look_for_machines()
                await self._forget()
            except StoreAwayError as error:
                if self._steady_since is not None:
                    _log.warning("nothing is heard of other machines: %s", error)
                self._steady_since = None
                await asyncio.sleep(_AGAIN)
            except StoreError as error:
                _log.error("nothing can be heard of other machines: %s", error)
                await asyncio.sleep(_LOOK)

    async def _take_in(self) -> None:
        reports = await self._link.run(
            partial(desk.reports, known=list(self._known), told=list(self._told), heard=self._heard)
        )
        self._heard = reports.printed
        for printed in reports.printed:
            self._print(printed)
        for handle, text in reports.over.items():
            await self._hear_end(handle, outcome_of(text))

    def _print(self, printed: desk.Printed) -> None:
        if printed.handle in self._known:
            missing = printed.start - self._places.get(printed.handle, printed.start)
            self._places[printed.handle] = printed.start + len(printed.text)
            self._listener.printed(printed.handle, printed.text, max(0, missing))

    async def _hear_end(self, handle: str, outcome: Outcome) -> None:
        if outcome.put_off:  # the very same attempt may be handed over again
            await self._link.run(partial(desk.forget, epoch=self._epoch(), handles=[handle]))
        else:
            self._told[handle] = boot_time()
        self._over(handle, outcome)

    # -- the machines

    @property
    def seen(self) -> Sequence[Machine]:
        """The workers that were there a moment ago, while this server leads."""
        return self._seen

    @property
    def untaken(self) -> Mapping[str, str]:
        """The queues of attempts that no worker has taken, by their handles."""
        return self._untaken

    async def machines(self) -> Sequence[Machine]:
        """Return the workers."""
        return await self._link.run(partial(desk.machines, gone_after=self._gone_after))

    async def drain(self, name: str) -> bool:
        """Let a worker take nothing more."""
        return await self._link.run(partial(desk.drain, name=name))

    def _over(self, handle: str, outcome: Outcome) -> None:
        self._known.discard(handle)
        self._to_end.discard(handle)
        self._places.pop(handle, None)
        self._something_ended.set()
        self._listener.ended(handle, outcome)

    async def _forget(self) -> None:
        before = boot_time() - _KEPT
        old = {handle for handle, told in self._told.items() if told < before}
        if not old:
            return
        if await self._link.run(partial(desk.forget, epoch=self._epoch(), handles=old)):
            self._told = {handle: told for handle, told in self._told.items() if handle not in old}

    async def _look_for_machines(self) -> None:
        """Tell of attempts whose machines are gone: none is judged that may not have reached the database either."""
        now = boot_time()
        self._steady_since = self._steady_since or now
        if now < self._looked_at + _LOOK:
            return
        self._looked_at = now
        look = partial(desk.machines, gone_after=self._gone_after)
        self._seen, self._untaken = await self._link.run(look), await self._link.run(desk.waiting)
        if now < self._steady_since + self._gone_after:
            return
        for gone in await self._link.run(partial(desk.gone, after=self._gone_after)):
            if gone.handle in self._known:
                reason = (
                    f"nothing was heard of the worker {gone.worker} since {gone.seen_at} UTC; whether the command did "
                    "its work is not known"
                )
                outcome = Outcome(succeeded=False, reason=reason, interrupted=True, may_go_on=True)
                self._over(gone.handle, outcome)


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)
