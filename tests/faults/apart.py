"""A process on a network of its own, which can be cut off: what is sent is lost, and nobody is told."""

import ctypes
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_A_NETWORK = 0x40000000
"""CLONE_NEWNET; `os.setns` came with Python 3.12."""
CAN = os.geteuid() == 0 and shutil.which("ip") is not None


class Apart:
    """A network namespace that is joined to this one by two virtual interfaces."""

    def __init__(self, number: int) -> None:
        self._name = f"kala-{number}"
        self._here, self._there = f"kala-h{number}", f"kala-t{number}"
        self.address = f"10.211.{number}.1"
        """Where what listens here is reached from there."""
        self._both = f"10.211.{number}.0/30"
        self.there = f"10.211.{number}.2"
        """Where what listens there is reached from here."""

    def make(self) -> bool:
        """Make it; False where that is not allowed, or there is one of that number."""
        if subprocess.run(["ip", "netns", "add", self._name], check=False, capture_output=True).returncode:
            return False
        _ip("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._name)
        # Where the interface is down nobody else is to be asked: this machine may have a way to all the world.
        _ip("route", "add", "unreachable", self._both, "metric", "4000")
        _ip("address", "add", f"{self.address}/30", "dev", self._here)
        _ip("link", "set", self._here, "up")
        _ip("-n", self._name, "address", "add", f"{self.there}/30", "dev", self._there)
        _ip("-n", self._name, "link", "set", self._there, "up")
        return True

    def remove(self) -> None:
        """Remove it; interfaces go with it."""
        _ip("route", "delete", "unreachable", self._both)
        _ip("link", "delete", self._here)
        _ip("netns", "delete", self._name)

    def cut(self) -> None:
        """Let nothing through."""
        _ip("link", "set", self._here, "down")

    def mend(self) -> None:
        """Let everything through again."""
        _ip("link", "set", self._here, "up")

    def enter(self) -> None:
        """Let this process be there from now on; it has one thread."""
        with Path("/run/netns", self._name).open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _A_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")

    @property
    def through(self) -> list[str]:
        """What runs a command there."""
        return ["ip", "netns", "exec", self._name]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def apart() -> Iterator[Apart]:
    """Have a network apart; the test is skipped where that is not allowed."""
    made = next((each for each in map(Apart, random.sample(range(1, 250), 5)) if each.make()), None)
    if made is None:
        pytest.skip("this machine does not let root have networks apart")
    try:
        yield made
    finally:
        with suppress(subprocess.CalledProcessError):
            made.remove()
