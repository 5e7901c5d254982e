"""Every call of the store to the disk may fail, once or from then on: nothing that was acknowledged is lost.

A full disk is told apart from a failing one: the first ends a batch, the second ends the server.
"""

import asyncio
import errno
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from itertools import count
from typing import Any

import pytest

from kala_server.ports.store import StoreBrokenError, StoreError, StoreFullError
from kala_server.stores.journal.log import Log
from tests.faults.simulated_disk import SimulatedDisk
from tests.faults.witness import Witness, big, load

TORN = b'{"v":1,"seq":3,"batch":3,"le'
CALLS = [
    *(
        "make_directory",
        "danger",
        "list_directory",
        "lock",
        "identity",
        "create",
        "open",
        "read",
        "write",
        "status",
    ),
    *("truncate", "sync", "rename", "unlink", "sync_directory"),
]


DONE: set[object] = set()
"""States that were checked of the store as it is; one that breaks a promise fails the first test that comes to it."""


class FailingDisk(SimulatedDisk):
    """Refuses the n-th call of one name, or all of that name from then on; takes half of a write that it refuses."""

    def __init__(self, name: str = "", number: int = 0, *, code: int = 0, lasting: bool = False) -> None:
        super().__init__(with_torn_tail())
        self.counted: Counter[str] = Counter()
        self.refused = 0
        self.healed = False
        self._name, self._number, self._code, self._lasting = name, number, code, lasting

    def fail_next(self, name: str, code: int, *, lasting: bool) -> None:
        """Let the next call of a name fail."""
        self._name, self._number, self._code, self._lasting = name, self.counted[name] + 1, code, lasting

    def called(self, name: str) -> None:
        self.counted[name] += 1
        if self._refuses(name):
            self.refused += 1
            raise OSError(self._code, errno.errorcode[self._code])

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if self._name == "write" and self._number == self.counted["write"] + 2 and len(data) > 1:
            data = data[: len(data) // 2]
        return super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        try:
            super().sync(fd)
        except OSError:
            self.open_files[fd].lose()
            raise

    def _refuses(self, name: str) -> bool:
        if name != self._name or self.healed:
            return False
        return self.counted[name] == self._number or (self._lasting and self.counted[name] > self._number)


@cache
def with_torn_tail() -> dict[str, bytes]:
    """A folder with one whole batch, a torn one, and what a crashed compaction left."""
    witness = Witness(SimulatedDisk())
    witness.start()
    asyncio.run(witness.append("old"))
    witness.store.close()
    journal = witness.disk.seen()["journal.jsonl"]
    return {"journal.jsonl": journal + TORN, "journal.jsonl.new": b"left over"}


def live(witness: Witness) -> list[StoreError]:
    """Go through everything that a store does, as a server would: go on when it is full, end when it is broken."""
    errors: list[StoreError] = []

    async def tried(step: Callable[[], Awaitable[None]]) -> None:
        if errors and isinstance(errors[-1], StoreBrokenError):
            return
        try:
            await step()
        except (StoreFullError, StoreBrokenError) as error:
            errors.append(error)

    async def steps() -> None:
        await tried(lambda: witness.append(*(big(f"a{number}") for number in range(4))))
        await tried(lambda: witness.append("b1", "b2"))
        await tried(lambda: witness.compact("s1", "s2", meanwhile=[("m1",), ("m2",)]))
        await tried(lambda: witness.append("c1"))

    try:
        witness.start("old")
    except StoreError as error:
        errors.append(error)
    else:
        asyncio.run(steps())
    return errors


def check(disk: FailingDisk, done: set[object] | None = None) -> tuple[Witness, list[StoreError]]:
    """Live with the fault, then start again without it."""
    witness = Witness(disk, every=10_000, done=done)
    errors = live(witness)
    disk.healed = True
    witness.restart()
    asyncio.run(witness.append("after"))
    witness.store.close()
    return witness, errors


def sweep(name: str, code: int, *, lasting: bool = False, done: set[object] | None = None) -> list[str]:
    """Let the first call of a name fail, then the second, until there is none left; tell what was lost."""
    violations: list[str] = []
    done = set() if done is None else done  # up to the call that fails, each of these lives is the one before
    for number in count(1):
        disk = FailingDisk(name, number, code=code, lasting=lasting)
        witness, _ = check(disk, done)
        violations += witness.violations
        if not disk.refused:
            assert number > 1
            break
    return violations


def test_without_a_fault_nothing_is_reported() -> None:
    disk = FailingDisk()
    witness, errors = check(disk)
    assert errors == []
    assert witness.violations == []
    assert set(disk.counted) == {*CALLS, "close"}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("name", CALLS)
def test_every_call_may_fail_and_nothing_acknowledged_is_lost(name: str, code: int, lasting: bool) -> None:
    assert sweep(name, code, lasting=lasting, done=DONE) == []


def test_a_store_that_tries_a_failed_sync_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def retried(log: Log) -> None:
        try:
            log._filesystem.sync(log._fd)
        except OSError:
            log._filesystem.sync(log._fd)

    monkeypatch.setattr(Log, "sync", retried)
    assert sweep("sync", errno.EIO)


def test_a_store_that_does_not_cut_off_what_it_could_not_write_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Log, "_cut_back", lambda *_: None)
    monkeypatch.setattr(Log, "_check_file", lambda *_: None)
    assert sweep("write", errno.ENOSPC)


def about_to_fail(
    disk: FailingDisk, fault: tuple[str, int], *, lasting: bool = False, **options: Any
) -> Witness:
    """A loaded store whose next call of a name fails with this error."""
    witness = Witness(disk, every=10_000, **options)
    witness.start("old")
    disk.fail_next(*fault, lasting=lasting)
    return witness


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_refuses_a_batch_and_takes_the_next_one_when_there_is_room(code: int) -> None:
    async def scenario() -> None:
        disk = FailingDisk()
        witness = about_to_fail(disk, ("write", code), lasting=True)
        for _ in range(3):
            with pytest.raises(StoreFullError, match="the batch was not kept"):
                await witness.append("refused", "too")
        disk.healed = True
        await witness.append("taken")
        witness.store.close()
        assert load(disk.seen())[0] == ("old", "taken")
        assert witness.violations == []

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", [("sync", errno.EIO), ("sync", errno.ENOSPC), ("write", errno.EIO)])
def test_after_a_failed_sync_or_a_failing_disk_nothing_is_answered_any_more(fault: tuple[str, int]) -> None:
    async def scenario() -> None:
        witness = about_to_fail(FailingDisk(), fault)
        with pytest.raises(StoreBrokenError, match="failed"):
            await witness.append("lost")
        with pytest.raises(StoreBrokenError, match="failed"):
            await witness.append("next")
        with pytest.raises(StoreBrokenError, match="failed"):
            await witness.compact("snapshot")
        assert not witness.store.store.wants_compaction(0)
        witness.store.close()

    asyncio.run(scenario())


class FullDisk(FailingDisk):
    """Has no room once it is full, whatever else fails."""

    full = False

    def called(self, name: str) -> None:
        if name == "write" and self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().called(name)


@pytest.mark.parametrize("name", ["truncate", "sync"])
def test_half_a_batch_that_cannot_be_cut_off_breaks_the_store(name: str) -> None:
    async def scenario() -> None:
        disk = FullDisk()
        witness = about_to_fail(disk, (name, errno.EIO))
        disk.full = True
        with pytest.raises(StoreBrokenError, match="half written"):
            await witness.append("lost")
        witness.store.close()

    asyncio.run(scenario())


def test_a_compaction_without_room_is_not_asked_for_again_at_once() -> None:
    async def scenario() -> None:
        disk = FailingDisk()
        witness = about_to_fail(disk, ("create", errno.ENOSPC), compact_from=200)
        await witness.append("a", "b", "c")
        wanted = [witness.store.store.wants_compaction(0)]
        with pytest.raises(StoreFullError, match="it goes on as it is"):
            await witness.compact("snapshot")
        wanted.append(witness.store.store.wants_compaction(0))
        await witness.append("d", "e", "f")
        wanted.append(witness.store.store.wants_compaction(0))
        await witness.compact("snapshot")
        witness.store.close()
        assert wanted == [True, False, True]
        assert load(disk.seen())[0] == ("snapshot",)
        assert witness.violations == []

    asyncio.run(scenario())
