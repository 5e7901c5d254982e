"""The servers that a client was given: which of them is asked first, and which one an address means. No I/O.

It must not hold what a server is told to let a client in: that goes with the given addresses, in `_http`.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from kala_client._calls.call import API
from kala_client.errors import NotLeaderError

_PORTS = {"http": 80, "https": 443}

Place = tuple[str, str, int | None, str]
"""What all spellings of an address have in common."""


def place_of(url: str) -> Place | None:
    """Return scheme, host, port and path of an address; None for what is none."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, host, port, parts.path.rstrip("/").removesuffix(API)


class Servers:
    """The addresses of the servers of one Kala, by their numbers in the order in which they were given.

    What one thread learns of them helps the others, and is never more than a hint at whom to ask first.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = urls
        self.first = 0

    @property
    def alone(self) -> bool:
        """Whether there is only one."""
        return len(self.urls) == 1

    def in_turn(self) -> list[int]:
        """Return all of them, beginning with the one that is asked first."""
        first = self.first  # once, as another thread may change it
        return [*range(first, len(self.urls)), *range(first)]

    def number_of(self, url: str) -> int | None:
        """Return which of them an address means; None where it was not given."""
        wanted = place_of(url)
        return next((at for at, given in enumerate(self.urls) if place_of(given) == wanted), None)

    def may_be_led_by(self, refusal: NotLeaderError) -> bool:
        """Whether the leader that a refusal names, if any, is one of them; else it is told how to name it."""
        leader = refusal.leader
        if leader is None or self.number_of(leader) is not None:
            return True
        named = ",".join([*self.urls, leader])
        refusal.message += (
            f"; {leader} was not asked, as this client was not given it: name both, as in KALA_URL={named}"
        )
        return False

    def answered(self, at: int) -> None:
        """Ask this one first from now on."""
        self.first = at

    def failed(self, at: int) -> None:
        """Ask the one after this first, if it was this one until now."""
        if self.first == at:
            self.first = (at + 1) % len(self.urls)
