"""What can be committed and carried out at a server, and how it is refused where nothing can. It changes nothing."""

from enum import Enum, auto
from math import inf

from kala_server.clock import Clock
from kala_server.ports.store import Fence, RemoteStore, StoreError


class Standing(Enum):
    """What can be committed."""

    FOLLOWING = auto()
    """Nothing: what another server commits is taken in."""
    BEGINNING = auto()
    """Nothing yet: what comes waits until what was cut off or missed before is accounted for."""
    OPEN = auto()
    FULL = auto()
    """The store has no room: nothing, and it is tried again until there is."""
    AWAY = auto()
    """The store cannot be reached: nothing, and what became of the last batch is asked once it is back."""
    BROKEN = auto()
    """What is kept can no longer be known: nothing ever, and the server is about to end."""
    STOPPED = auto()


class Hold:
    """Whether the store is ours, so that it may be acted: one that has one owner is his as long as he is there."""

    def until(self) -> float:
        """Return until when it certainly is, in seconds of `boot_time`."""
        return inf

    async def certain(self) -> None:
        """Return once it certainly is. Raises FenceLostError where it is somebody else's."""


class Leased(Hold):
    """Of a store that is held for a time."""

    def __init__(self, store: RemoteStore, fence: Fence, clock: Clock) -> None:
        self._store = store
        self._fence = fence
        self._clock = clock

    def until(self) -> float:
        """Return until when the lease lasts."""
        return self._store.held_until(self._fence)

    async def certain(self) -> None:
        """Return at once while it lasts; else ask."""
        if self.until() < self._clock.since_boot():
            await self._store.until_held(self._fence)


class NotLeadingError(StoreError):
    """Another server leads, or none does for the moment; nothing of what was asked for was carried out."""

    def __init__(self, leader: str) -> None:
        super().__init__(
            f"this server follows: ask {leader}, which leads"
            if leader
            else "this server follows, and none leads for the moment: ask again soon"
        )
        self.leader = leader
        """The address of the one who leads; empty where none is known to."""
