"""What a server is among those of its store. It changes nothing."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a server is among those of its store."""

    name: str = "alone"
    """`leader`, `follower`, or `alone` where there can be no other."""
    epoch: int = 0
    """Of the one who leads: it is higher for each; 0 where nobody ever did."""
    leader: str = ""
    """The address of the one who leads; empty where none is known to."""
    lag: float = 0.0
    """Seconds: what it shows was so at most so long ago."""
    lease: float = inf
    """Seconds for which the leader is one if nothing more is heard of it; negative where that is over."""


ALONE = Role()
