"""A leader that is cut off from the database is followed after its lease, and keeps nothing when it is back."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import pytest

from tests.faults.a_database import found
from tests.faults.apart import CAN, Apart, apart
from tests.faults.conftest import Tell
from tests.postgres import a_postgres

pytestmark = [
    pytest.mark.needs("root, ip"),
    pytest.mark.skipif(not CAN, reason="needs root and ip (Debian: iproute2), to cut a network"),
]

SECOND = 1_000_000
"""The first number of the second leader."""


class Leader:
    """A process that holds a store, and what it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.kept: list[int] = []
        self._asked = -1

    def hear(self) -> str:
        """Return the next line, and keep account of it."""
        assert self.process.stdout is not None
        match self.process.stdout.readline().split():
            case ["kept", number]:
                self.kept.append(int(number))
                return "kept"
            case ["away", number, sure]:
                self._asked = int(number)
                return f"away {sure}"
            case ["settled", "True"]:
                self.kept.append(self._asked)
                return "settled"
            case [word, *_]:
                return word
        return ""

    def hear_until(self, line: str, times: int = 1) -> None:
        while times:
            heard = self.hear()
            assert heard, "it has ended"
            times -= heard == line

    def kill(self) -> None:
        """End it, and hear what it has said before."""
        self.process.kill()
        while self.hear():
            pass


@contextmanager
def leader(address: str, first: int, through: list[str]) -> Iterator[Leader]:
    words = [*through, sys.executable, "-m", "tests.faults.leading_store", address, str(first)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Leader(process)
        finally:
            process.kill()


def listening(network: Apart) -> dict[str, str]:
    return {"listen_addresses": f"127.0.0.1,{network.address}"}


def test_a_leader_that_is_cut_off_from_the_database_is_followed_and_keeps_nothing_more(tell: Tell) -> None:
    with apart() as network, a_postgres(options=listening(network)) as server:
        address = server.database()
        from_there = address.replace("127.0.0.1", network.address)
        with leader(from_there, 0, network.through) as first:
            first.hear_until("kept", 20)
            with leader(address, SECOND, []) as second:
                second.hear_until("follows")
                network.cut()
                began = perf_counter()
                second.hear_until("kept")
                taken_over = perf_counter() - began
                second.hear_until("kept", 100)
                network.mend()
                first.hear_until("lost")
                second.hear_until("kept", 20)
                second.kill()
            kept = asyncio.run(found(address))
    early = [number for number in kept if number < SECOND]
    late = [number for number in kept if number >= SECOND]
    assert kept == early + late
    # Of the last batch of each it may not be known whether it is kept.
    assert early in (first.kept, [*first.kept, len(first.kept)])
    assert late in (second.kept, [*second.kept, SECOND + len(second.kept)])
    tell(f"the next one kept a batch {taken_over:.1f} s after the leader was cut off")
