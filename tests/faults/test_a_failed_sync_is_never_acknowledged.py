"""A sync that the kernel refuses ends the process, and nobody is told that anything is durable."""

from pathlib import Path

import pytest

from tests.faults.appending_client import kept, run
from tests.faults.figures import FAILED_SYNCS
from tests.faults.tracing import strace, why_not

pytestmark = pytest.mark.needs("strace")


@pytest.fixture(autouse=True)
def _this_machine_can() -> None:
    if reason := why_not():
        pytest.skip(reason)


def refusing(number: int) -> tuple[str, ...]:
    """Let the n-th fdatasync of a thread fail: two are the load's, and the thread that writes has one a batch."""
    return strace("fdatasync", f"error=EIO:when={number}")


@pytest.mark.parametrize("number", FAILED_SYNCS)
def test_a_failed_sync_is_never_acknowledged(tmp_path: Path, number: int) -> None:
    code, told = run(tmp_path, 60, under=refusing(number))
    assert code == 3
    assert told == [f"run-{each}" for each in range(number - 1)]
    assert kept(tmp_path)[: len(told)] == told


def test_a_store_that_tries_a_failed_sync_again_is_noticed(tmp_path: Path) -> None:
    code, told = run(tmp_path, 10, under=refusing(3), plant="tries_a_failed_sync_again")
    assert (code, len(told)) == (0, 10)
