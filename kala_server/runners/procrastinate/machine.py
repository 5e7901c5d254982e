"""A worker on a machine: takes attempts of its queues, has them carried out there, and tells what became of them.

It decides nothing. What it has taken it carries out once, whatever becomes of the database meanwhile, and tells when
that is there again. What an earlier life of it has left is ended before it takes anything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from functools import partial

from kala_server.boot_time import boot_time
from kala_server.core.frozen import replace
from kala_server.core.model.job import OnLost
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.runner import Outcome, Runner
from kala_server.ports.store import StoreAwayError
from kala_server.runners.procrastinate import bench
from kala_server.runners.procrastinate.bench import Badge, Told
from kala_server.runners.procrastinate.ears import Ears
from kala_server.runners.procrastinate.messages import OtherVersionError, attempt_of, text_of_outcome
from kala_server.stores.postgres.link import Link

_log = logging.getLogger("kala.worker")

BEAT = 1.0
FREE_AFTER = 5.0
"""Seconds without a word after which another worker may have a name."""
_TOGETHER = 0.02
"""Seconds for which what is to be told waits for more of it."""
_AGAIN = 0.2
"""Seconds until something is tried again that the database did not answer."""
LOST_AFTER = 10.0
"""Seconds without the database after which attempts are ended of jobs that want it."""
_LOST = "its worker could not reach the database, and the job says on_lost: end; whether it did its work is not known"
_CUT_OFF = "the worker was ended before the command was; whether it did its work is not known"
_STOPPED = "the worker was stopped before the command ended"


class Machine:
    """Carries out attempts with a runner, for as long as it works."""

    def __init__(
        self, who: Badge, runner: Runner, a_link: Callable[[str], Link], *, mark: str, limits: tuple[int, int]
    ) -> None:
        """Ask the database by links for a purpose.

        By the mark commands of an earlier life are known. Of what is printed at once so much is told, of both ends.
        """
        self.who = who
        self._runner = runner
        self._links = {name: a_link(name) for name in ("take", "tell", "beat", "listen")}
        channels = ["kala_worker", *(f"procrastinate_queue_v1#{queue}" for queue in who.queues)]
        self._ears = Ears(self._links["listen"], channels)
        self._mark = mark
        self._limits = limits
        self._life = 0
        self._running: set[str] = set()
        self._printing: dict[str, _Printing] = {}
        self._over: dict[str, str] = {}
        """How attempts went that are yet to be told of."""
        self._to_end_if_lost: set[str] = set()
        self._lost: set[str] = set()
        """Attempts that were ended as the database could not be reached."""
        self._draining = False
        self._stopping = False
        self._wake = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._idle = asyncio.Event()

    @property
    def running(self) -> int:
        """How many attempts go on."""
        return len(self._running)

    async def begin(self) -> None:
        """Be the worker of that name, once no other is; end what an earlier one has left. Raises ReplacedError."""
        until = boot_time() + 3 * FREE_AFTER
        while True:
            try:
                life = await self._links["beat"].run(
                    partial(bench.begin, who=self.who, free_after=FREE_AFTER)
                )
            except StoreAwayError as error:
                _log.warning("the database cannot be reached, trying again: %s", error)
                await asyncio.sleep(_AGAIN)
                continue
            if life is not None:
                break
            if boot_time() > until:
                raise bench.ReplacedError(
                    f"there is a worker of the name {self.who.name!r}: each needs its own (--name)"
                )
            await asyncio.sleep(_AGAIN)
        self._life = life.number
        self._runner.attach(self, self._mark)
        await self._clear_up(life.left)

    async def _clear_up(self, left: Collection[str]) -> None:
        if not left:
            return
        _log.warning("%d commands were cut off when this worker was ended", len(left))
        going_on = await self._runner.adopt(left)
        self._running |= going_on
        for handle in going_on:
            self._runner.end(handle)
        for handle in set(left) - going_on:
            self.ended(handle, Outcome(succeeded=False, reason=_CUT_OFF, interrupted=True))

    async def work(self) -> None:
        """Take and carry out attempts until this is cancelled. Raises ReplacedError."""
        async with asyncio.TaskGroup() as group:
            for work in (self._take, self._listen, self._tell, self._beat):
                group.create_task(work())

    async def stop(self, grace: float) -> None:
        """Take nothing more, let attempts end for a while, end the others; return when all is told."""
        self._draining = True
        await self._idle_within(grace)
        self._stopping = True
        for handle in list(self._running):
            self._runner.end(handle)
        await self._idle_within(grace)

    async def _idle_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._running or self._over or self._printing:
                    self._idle.clear()
                    await self._idle.wait()

    async def close(self) -> None:
        """End what still goes on, and say that this worker is gone."""
        self._runner.kill_all()
        await self._runner.close()
        with contextlib.suppress(StoreAwayError, bench.ReplacedError):
            if told := self._gather():
                await self._links["tell"].run(partial(bench.tell, what=told))
            if self._life:
                await self._links["beat"].run(self._saying(stops=True))
        for link in self._links.values():
            link.close()

    def _saying(self, *, stops: bool = False) -> Callable[..., bool]:
        return partial(bench.beat, who=self.who, life=self._life, running=len(self._running), stops=stops)

    # -- from the database

    async def _listen(self) -> None:
        while True:
            try:
                await self._ears.wait()
            except StoreAwayError:
                await asyncio.sleep(_AGAIN)
            self._wake.set()

    async def _beat(self) -> None:
        away_since = None
        while True:
            try:
                self._draining |= await self._links["beat"].run(self._saying())
                if away_since is not None:
                    _log.warning("the database is back")
                away_since = None
            except StoreAwayError as error:
                if away_since is None:
                    _log.warning("the database cannot be reached; what runs goes on: %s", error)
                away_since = away_since or boot_time()
                if boot_time() >= away_since + LOST_AFTER:
                    self._end_what_is_lost()
            await asyncio.sleep(BEAT)

    def _end_what_is_lost(self) -> None:
        for handle in self._to_end_if_lost - self._lost:
            self._lost.add(handle)
            self._runner.end(handle)

    async def _take(self) -> None:
        while True:
            self._wake.clear()
            room = 0 if self._draining else max(0, self.who.concurrency - len(self._running))
            held = [*self._running, *self._over]
            ask = partial(bench.turn, who=self.who, life=self._life, held=held, room=room)
            try:
                for handle, text in await self._links["take"].run(ask):
                    self._do(handle, text)
            except StoreAwayError:
                await asyncio.sleep(_AGAIN)
                continue
            await self._wake.wait()

    def _do(self, handle: str, text: str | None) -> None:
        if text is None:
            self._runner.end(handle)
        elif handle not in self._running and handle not in self._over:
            self._running.add(handle)
            try:
                attempt = attempt_of(text)
            except OtherVersionError as error:
                self.ended(handle, Outcome(succeeded=False, reason=str(error)))
                return
            if attempt.spec.on_lost is OnLost.END:
                self._to_end_if_lost.add(handle)
            _log.debug("starting %s of the job %s", attempt.handle, attempt.job_id)
            self._runner.start(replace(attempt, spec=replace(attempt.spec, queue="")))  # it is here

    # -- from the runner

    def printed(self, handle: str, chunk: bytes, missing: int = 0) -> None:  # noqa: ARG002 - runners here leave out nothing
        """Take what an attempt prints."""
        if handle not in self._printing:
            self._printing[handle] = _Printing(self._limits)
        self._printing[handle].output.write(chunk)
        self._to_tell.set()

    def ended(self, handle: str, outcome: Outcome) -> None:
        """Take note of how an attempt went."""
        if self._stopping and not outcome.succeeded and not outcome.put_off:
            outcome = Outcome(succeeded=False, reason=_STOPPED, interrupted=True)
        elif handle in self._lost and not outcome.succeeded:
            outcome = Outcome(succeeded=False, reason=_LOST, interrupted=True)
        for those in (self._running, self._to_end_if_lost, self._lost):
            those.discard(handle)
        self._over[handle] = text_of_outcome(outcome)
        self._wake.set()
        self._to_tell.set()

    # -- to the database

    async def _tell(self) -> None:
        while True:
            await self._to_tell.wait()
            await asyncio.sleep(_TOGETHER)
            self._to_tell.clear()
            if told := self._gather():
                await self._tell_until_heard(told)
                for handle, _ in told.over:
                    self._over.pop(handle, None)
                    self._printing.pop(handle, None)
            self._idle.set()

    def _gather(self) -> Told | None:
        printed = [
            (handle, piece_start, text)
            for handle, printing in self._printing.items()
            for piece_start, text in printing.take()
        ]
        over = list(self._over.items())
        return Told(printed, over) if printed or over else None

    async def _tell_until_heard(self, told: Told) -> None:
        heard = False
        while not heard:
            try:
                await self._links["tell"].run(partial(bench.tell, what=told))
                heard = True
            except StoreAwayError:
                await asyncio.sleep(_AGAIN)


class _Printing:
    """What an attempt prints, and where that goes on."""

    def __init__(self, limits: tuple[int, int]) -> None:
        self._limits = limits
        self._place = 0
        self.output = BoundedOutput(*limits)

    def take(self) -> list[tuple[int, bytes]]:
        """Return what was printed since the last time, each piece with its place; where it is much, both ends of it."""
        output, self.output = self.output, BoundedOutput(*self._limits)
        begin, self._place = self._place, self._place + output.size
        return [(begin + piece.start, piece.text) for piece in output.kept() if piece.text]
