"""Room for the full figures, and a place for what was measured: figures are told at the end, none is asserted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.figures import FULL

Tell = Callable[[str], None]

_FOLDER = Path(__file__).parent
_TOLD = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the full figures the time that they take."""
    if FULL:
        for item in items:
            if item.path.is_relative_to(_FOLDER):
                item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Tell a figure at the end of the whole run."""
    told = request.config.stash.setdefault(_TOLD, [])
    name = request.node.name
    return lambda figure: told.append(f"{name}: {figure}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the figures."""
    if told := config.stash.get(_TOLD, []):
        terminalreporter.section("measured")
        for line in told:
            terminalreporter.write_line(line)
