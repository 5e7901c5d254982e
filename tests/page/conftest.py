"""One browser for all tests of the page, one server on the morning after a night; each test has its own window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.page.browsing import Window, chromium, window
from tests.page.night import Night, last_night

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a browser."""
    for item in items:
        if item.path.is_relative_to(_FOLDER) and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.page)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: while it is there, its driver's event loop runs in this very thread."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def night() -> Iterator[Night]:
    """The night that tests look at, and change nothing of."""
    with last_night() as night:
        yield night


@pytest.fixture
def seen(browser: Browser, night: Night) -> Iterator[Window]:
    """A window at that night's page."""
    with window(browser, night.kit.url) as seen:
        yield seen
