"""The fixture `kala` for tests with pytest: a client of a real server on a clock that moves only when it is told to.

pytest loads this in every run of whoever has the package: it imports nothing of the server before a test asks for it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kala_server.testing.kit import KitClient

_MARK = "kala"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers",
        f"{_MARK}(start=…, real_commands=…, journal=…, …): what the fixture kala is, said as Kit takes it",
    )


@pytest.fixture
def kala(request: pytest.FixtureRequest) -> "Iterator[KitClient]":
    """Return a client of a server of the test's own, which also moves its clock: see docs/testing.md."""
    try:
        from kala_server.testing import Kit
    except ModuleNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
    with Kit(**_said(request.node)) as kit:
        yield kit.client


def _said(test: pytest.Item) -> dict[str, Any]:
    """Return what the marks of a test and of what is around it say, the nearest in the end."""
    said: dict[str, Any] = {}
    for mark in reversed(list(test.iter_markers(_MARK))):
        if mark.args:
            pytest.fail(f"the mark {_MARK} takes names, such as {_MARK}(max_running=4)", pytrace=False)
        said |= mark.kwargs
    return said
