"""A server for a page, and a folder to play in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_server.testing import running_server
from tests.docs.console import Session


@pytest.fixture
def url() -> Iterator[str]:
    with running_server() as server:
        yield server.url


@pytest.fixture
def session(url: str, tmp_path: Path) -> Session:
    return Session(url, tmp_path)
