"""A Kala to talk to: the live one of --kala-url, or a server of our own."""

from collections.abc import Iterator

import pytest

from kala_server.testing import running_server


@pytest.fixture(scope="session")
def kala_url(request: pytest.FixtureRequest) -> Iterator[str]:
    given = request.config.getoption("--kala-url")
    if given:
        yield given
        return
    with running_server() as server:
        yield server.url
