"""The part of a server in a cluster: it follows, leads once it can, and ends where it does not lead any more.

What it decides about jobs while it leads is the service's business; what it shows while it follows, the follower's.
"""

import asyncio
import logging

from kala_server.clock import Clock
from kala_server.ports.store import Fence, SharedStore, StoreBrokenError, StoreError, StoreFullError
from kala_server.service.follower import Follower
from kala_server.service.role import Role
from kala_server.service.service import Service
from kala_server.service.standing import Leased

_log = logging.getLogger("kala.service")


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

    async def stop(self) -> None:
        """Become nothing else any more."""
        if self._fence is not None:
            await self._led.wait()
        if self._life is not None:
            self._life.cancel()

    async def _live(self) -> None:
        try:
            self._service.break_down(await self._lead())
        except ExceptionGroup as errors:
            self._end(errors.exceptions[0])
        except (StoreError, OSError) as error:
            self._end(error)

    async def _lead(self) -> StoreBrokenError:
        """Lead as long as possible, and return why it is not any more."""
        self._fence = await self._follower.until_leading()
        try:
            _log.warning("this server leads now, in epoch %d", self._fence.epoch)
            await self._service.lead(self._fence, Leased(self._store, self._fence, self._clock))
        except StoreFullError as error:
            _log.error("this server leads, and there is no room: %s", error)
        finally:
            self._led.set()
        return await self._store.until_lost(self._fence)

    def _end(self, error: Exception) -> None:
        broken = error if isinstance(error, StoreBrokenError) else StoreBrokenError(str(error))
        self._service.break_down(broken)
