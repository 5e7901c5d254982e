"""What is kept in a Redis, asked for and added to by calls that wait for its answer: they belong into a thread.

A log is of one server, by the name under which it was acquired. It knows how far it has come, and of which batch it
does not know what became.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn
from uuid import uuid4

from kala_server.core.model.records import Record
from kala_server.ports.store import (
    Batch,
    Fence,
    StoreAwayError,
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreNewerError,
)
from kala_server.stores.journal.codec import Payload
from kala_server.stores.redis import scripts
from kala_server.stores.redis.answers import in_words, refused
from kala_server.stores.redis.entries import Entry, entry_of, parts_of, records_of
from kala_server.stores.redis.link import Argument, Link

Wait = Callable[[float], bool]
"""Waits so many seconds; true where there is nothing to wait for any more, as the store is being closed."""

_BETWEEN_TRIES = 0.2
_LOOKS = 0.1
"""How often within a lease it is looked whether another server is there, which tells so three times."""
_A_PAGE = 1 << 20
"""Bytes that are read at a time, about; an entry that is larger is read alone."""
_MOST_OF_A_PAGE = 1000


class Read(NamedTuple):
    """A batch, and the size of its entry."""

    batch: Batch
    size: int
    in_snapshot: bool


class Log:
    """The log that one server adds to."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._who = ""
        self._turn = 0
        self._number = 0
        self._sent: Entry | None = None
        """The batch of which it is not known whether it is kept."""

    def acquire(self, who: str, lease: float, wait: Wait) -> Fence:
        """Become the one who may add to it. One that is gone is waited for, one that is there tells so."""
        before: tuple[bytes, int] | None = None
        while True:
            answer = self._ask_for_it(who, lease)
            if answer[0] == scripts.NEWER.encode():
                raise StoreNewerError(f"{self._where} was written by a newer version of Kala for Python")
            if answer[0] != scripts.HELD.encode():
                epoch, mark, self._number = answer
                self._who = who
                return Fence(epoch, mark.decode(), self._number)
            _, holder, left = answer
            if left < 0 or (before is not None and (holder != before[0] or left > before[1])):
                raise StoreLockedError(
                    f"{self._where} is in use by {in_words(holder)}: one server for each database of a Redis"
                )
            before = holder, left
            self._pause(wait, min(left / 1000, lease * _LOOKS))

    def _ask_for_it(self, who: str, lease: float) -> Any:
        keys = scripts.OWNER, scripts.HOLDER, scripts.NEW
        run = self._link.run_id
        return self._link.run(
            scripts.ACQUIRE, keys, (who, int(lease * 1000), run, uuid4().hex, scripts.FORMAT)
        )

    def read(self) -> Iterator[list[Read]]:
        """Give what is kept, some batches at a time."""
        keys = scripts.OWNER, scripts.SNAPSHOT, scripts.LOG
        until, number, parts, batches = self._link.run(scripts.LOOK, keys, ())
        if batches != number - until:
            raise StoreDamagedError(
                f"{scripts.LOG} of {self._where} has {batches} batches, and not {number - until}"
            )
        for page in self._pages(scripts.SNAPSHOT, parts, 0):
            yield [Read(Batch(until - parts + place, records), size, True) for place, records, size in page]
        for page in self._pages(scripts.LOG, batches, until):
            yield [Read(Batch(place, records), size, False) for place, records, size in page]

    def _pages(self, key: str, entries: int, before: int) -> Iterator[list[tuple[int, list[Record], int]]]:
        """Give the entries of a list, which are numbered from the one after `before`; more at a time the smaller."""
        done, more = 0, 1
        while done < entries:
            texts: list[bytes] = self._link.ask("LRANGE", key, done, done + more - 1)
            if not texts:
                raise StoreDamagedError(f"{key} of {self._where} has become shorter while it was read")
            yield [
                (
                    place,
                    records_of(text, place, f"entry {place - before} of {key} of {self._where}"),
                    len(text),
                )
                for place, text in enumerate(texts, before + done + 1)
            ]
            done += len(texts)
            size = sum(map(len, texts)) // len(texts) + 1
            more = max(1, min(_A_PAGE // size, _MOST_OF_A_PAGE))

    def append(self, payloads: Sequence[Payload]) -> Entry:
        """Keep a batch. After a StoreAwayError it is not known whether it is kept: nothing more is until `settle`."""
        if self._sent is not None:
            raise StoreAwayError(
                f"{self._where}: it is not known yet what became of batch {self._number + 1}"
            )
        entry = entry_of(payloads, self._number + 1)
        fence = self._who, self._turn, self._number
        try:
            answer = self._link.run(scripts.APPEND, (scripts.OWNER, scripts.LOG), (*fence, entry.text))
        except StoreAwayError:
            self._sent = entry
            raise
        self._number = self._unless_refused(answer)
        return entry

    def settle(self, wait: Wait) -> Entry | None:
        """Return the batch of which it was not known whether it is kept, where it is. Waits until Redis is back."""
        if self._sent is None:
            return None
        self._turn, number = self._unless_refused(self._ask_what_became(wait))
        sent, self._sent = self._sent, None
        if number == self._number:
            return None
        if number != self._number + 1:
            self._not_ours(number)
        self._number = number
        return sent

    def _ask_what_became(self, wait: Wait) -> Any:
        while True:
            try:
                return self._link.run(scripts.SETTLE, (scripts.OWNER,), (self._who,))
            except (StoreAwayError, StoreFullError):
                self._pause(wait, _BETWEEN_TRIES)
            except StoreBrokenError:
                raise
            except StoreError as error:
                raise StoreBrokenError(f"what became of the latest batch cannot be asked: {error}") from error

    def _pause(self, wait: Wait, seconds: float) -> None:
        if wait(seconds):
            raise StoreError(f"{self._where} was closed while it was waited for")

    def _unless_refused(self, answer: Any) -> Any:
        if (there := refused(self._where, self._who, answer)) is not None:
            self._not_ours(there)
        return answer

    def _not_ours(self, number: int) -> NoReturn:
        raise StoreBrokenError(
            f"{self._where} is at batch {number}, and {self._number} is what it has acknowledged: it was put back "
            "from a copy, or a replica has taken its place that did not have everything"
        )

    @property
    def _where(self) -> str:
        return str(self._link.address)


def compact(
    link: Link, who: str, until: int, snapshot: Iterable[Record], closed: Callable[[], bool]
) -> tuple[int, int]:
    """Put a snapshot in place of the batches up to a number; a crash leaves what there was.

    Return how many records it has, and how many bytes.
    """
    where = str(link.address)

    def run(script: str, keys: Sequence[str], *arguments: Argument) -> Any:
        answer = link.run(script, (scripts.OWNER, *keys), (who, *arguments))
        if refused(where, who, answer) is not None:
            raise StoreFullError(
                f"{where} was not compacted, as the snapshot has gone meanwhile; it goes on as it is"
            )
        return answer

    compaction = run(scripts.BEGIN, (scripts.NEW,))
    parts, records, size = 0, 0, 0
    for part in parts_of(snapshot):
        if closed():
            raise StoreError(f"{where} was closed while it was being compacted")
        run(scripts.ADD, (scripts.NEW,), compaction, parts, part.text)
        parts, records, size = parts + 1, records + part.records, size + len(part.text)
    run(scripts.CHANGE_OVER, (scripts.LOG, scripts.SNAPSHOT, scripts.NEW), compaction, parts, until)
    return records, size
