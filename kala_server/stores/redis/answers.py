"""What a script has answered that refuses to change something. No I/O."""

from typing import Any

from kala_server.ports.store import FenceLostError, StoreBrokenError
from kala_server.stores.redis import scripts


def in_words(who: bytes) -> str:
    """Return what people call a server that has named itself so."""
    return who.decode().partition(" ")[2]


def refused(where: str, who: str, answer: Any) -> int | None:
    """Return None for what a script did, and else how far the log is. Raises FenceLostError where it is another's."""
    if not isinstance(answer, list) or answer[0] != scripts.REFUSED.encode():
        return None
    _, holder, epoch, number = answer
    if not holder:
        raise StoreBrokenError(f"{where} was emptied: nothing is there of what was kept")
    if holder != who.encode():
        other = in_words(holder)
        raise FenceLostError(
            f"{where} was taken by {other} since, under epoch {int(epoch)}: nothing is kept any more"
        )
    return int(number)
