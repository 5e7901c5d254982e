"""What can be committed at a server, and how it is refused where nothing can. It changes nothing."""

from enum import Enum, auto

from kala_server.ports.store import StoreError


class Standing(Enum):
    """What can be committed."""

    FOLLOWING = auto()
    """Nothing: what another server commits is taken in."""
    OPEN = auto()
    FULL = auto()
    """The store has no room: nothing, and it is tried again until there is."""
    AWAY = auto()
    """The store cannot be reached: nothing, and what became of the last batch is asked once it is back."""
    BROKEN = auto()
    """What is kept can no longer be known: nothing ever, and the server is about to end."""
    STOPPED = auto()


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
