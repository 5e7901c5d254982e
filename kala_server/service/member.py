"""The part of a server in a cluster: it follows, leads once it can, and ends where it does not lead any more.

What it decides about jobs while it leads is the service's business; what it shows while it follows, the follower's.
"""

import asyncio
import logging
from datetime import timedelta

from kala_server.clock import Clock
from kala_server.ports.store import Fence, SharedStore, StoreBrokenError, StoreError, StoreFullError
from kala_server.service.follower import Follower
from kala_server.service.handover import Heir, Leaver
from kala_server.service.role import Role
from kala_server.service.service import Service
from kala_server.service.standing import Leased

_log = logging.getLogger("kala.service")


_LAST_WORDS = 5.0
"""Seconds that word of ended commands may take to be left."""


class Member:
    """One of several servers of a store."""

    def __init__(self, store: SharedStore, service: Service, clock: Clock) -> None:
        self._store = store
        self._service = service
        self._clock = clock
        self._follower = Follower(store, service, clock)
        self._fence: Fence | None = None
        """What it leads under, as soon as it has acquired the store."""
        self._led = asyncio.Event()
        """Whether all that was cut off or missed before is accounted for."""
        self._life: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None
        """Takes in what servers that led before say of commands that go on there."""

    @property
    def role(self) -> Role:
        """What it is now."""
        leader = self._store.leader
        if self._fence is not None:
            lease = self._store.held_until(self._fence) - self._clock.since_boot()
            return Role(name="leader", epoch=self._fence.epoch, leader=leader.address, lease=lease)
        return Role(
            name="follower",
            epoch=leader.epoch,
            leader=leader.address,
            lag=self._follower.lag,
            lease=leader.seen_at + leader.lease - self._clock.since_boot(),
        )

    async def start(self) -> None:
        """Show what is kept, and go on from there. Raises StoreError where that cannot be had."""
        self._service.follow(lambda: self._store.leader.address)
        await self._follower.load()
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def stop(self, grace: timedelta) -> None:
        """Let another one lead at once, let commands finish for a while, end the others, leave word of all."""
        fence = await self._become_nothing_else()
        if fence is not None and self._service.broken is None:
            await self._hand_over(fence, grace)
        await self._service.leave()

    async def leave(self) -> None:
        """End as if it was killed."""
        await self._become_nothing_else()
        await self._service.leave()

    async def _become_nothing_else(self) -> Fence | None:
        """Return what it leads under, if it does."""
        if self._fence is not None:
            await self._led.wait()
        for task in (self._life, self._hearing):
            if task is not None:
                task.cancel()
        return self._fence

    async def _hand_over(self, fence: Fence, grace: timedelta) -> None:
        handles: dict[str, str] = {}
        leaver = Leaver(self._store, self._clock, handles)
        handles |= await self._service.stand_down(leaver.tell)
        longest = self._service.longest_ending
        try:
            await self._store.release(
                fence, list(handles.values()), grace.total_seconds() + longest + _LAST_WORDS
            )
        except StoreError as error:
            _log.error("the store could not be let go of; others wait for its lease to run out: %s", error)
        await self._service.let_finish(grace, leaver.begin_to_end)
        await leaver.until_all_is_said(_LAST_WORDS)

    async def _live(self) -> None:
        error: Exception
        try:
            error = await self._lead()
        except ExceptionGroup as errors:
            error = errors.exceptions[0]
        except Exception as fault:  # noqa: BLE001 - whatever it is, another server can lead
            error = fault
        self._service.break_down(_broken_by(error))

    async def _lead(self) -> StoreBrokenError:
        """Lead as long as possible, and return why it is not any more."""
        self._fence = await self._follower.until_leading()
        try:
            _log.warning("this server leads now, in epoch %d", self._fence.epoch)
            heir = Heir(self._store, self._service, self._clock)
            hold = Leased(self._store, self._fence, self._clock)
            await self._service.lead(self._fence, hold, await heir.left())
            self._hearing = asyncio.get_running_loop().create_task(heir.listen())
        except StoreFullError as error:
            _log.error("this server leads, and there is no room: %s", error)
        finally:
            self._led.set()
        return await self._store.until_lost(self._fence)


def _broken_by(error: Exception) -> StoreBrokenError:
    """Return why a server ends that can neither lead nor follow any more."""
    if isinstance(error, StoreBrokenError):
        return error
    if isinstance(error, StoreError | OSError):
        return StoreBrokenError(str(error))
    _log.error("a fault of ours ends this server", exc_info=error)
    return StoreBrokenError(f"what is kept could not be taken in: {error!r}")
