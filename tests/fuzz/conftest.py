"""A server to try things on, and how much was tried, told at the end of the whole run."""

from collections.abc import Iterator

import pytest
import requests

from kala_server.testing import running_server
from tests.fuzz.world import World

_TRIED = pytest.StashKey[World]()


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with running_server(max_running=4) as server, requests.Session() as session:
        world = request.config.stash[_TRIED] = World(server.url, session)
        yield world


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell how many requests there were, and how they were answered."""
    if world := config.stash.get(_TRIED, None):
        terminalreporter.section("tried")
        answers = ", ".join(f"{number} × {status}" for status, number in sorted(world.asked.items()))
        terminalreporter.write_line(f"{world.asked.total():,} requests: {answers}")
