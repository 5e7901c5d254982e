"""The latest events as they are sent: each is written once, however many follow them."""

KEPT = 1_000
"""Events: those who keep up need the same few, and who is far behind has them written for himself."""


class WrittenOnce:
    """Texts by the number of their event."""

    def __init__(self) -> None:
        self._texts: dict[int, bytes] = {}

    def get(self, number: int) -> bytes | None:
        """Return the event, where it was written lately."""
        return self._texts.get(number)

    def keep(self, number: int, text: bytes) -> bytes:
        """Remember an event, in place of the one that was written first."""
        self._texts[number] = text
        if len(self._texts) > KEPT:
            del self._texts[next(iter(self._texts))]
        return text
