"""One server for all tests that only need some server."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from kala_client import KalaClient
from tests.cli.command_line import Ended, kala, kala_here, serving

Kala = Callable[..., Ended]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with serving("serve", "-p", "0", "--no-persist") as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[KalaClient]:
    """The SDK, at a server without any job."""
    with KalaClient(url) as opened:
        opened.delete_all_jobs()
        yield opened


@pytest.fixture
def at_server(client: KalaClient, url: str) -> Kala:  # noqa: ARG001 - the server has no job
    """The command line as a process of its own, talking to that server."""
    return partial(kala, env={"KALA_URL": url})


@pytest.fixture
def typed(client: KalaClient, url: str) -> Kala:  # noqa: ARG001 - the server has no job
    """The same without a process of its own, where it is only to be seen what a command does."""
    return partial(kala_here, env={"KALA_URL": url})
