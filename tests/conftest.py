"""Options for the whole test run; fixtures belong to the folders that use them."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kala-url",
        metavar="URL",
        help="the live Kala that tests/compat/test_live.py talks to, in place of a server of its own",
    )
