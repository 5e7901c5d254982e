"""Options, rules and a database of each kind for the whole run; other fixtures belong to the folders that use them."""

import inspect
import os
import signal
from collections.abc import Iterator

import httpx
import hypothesis
import pytest

from tests.eventually import PATIENCE
from tests.postgres import Postgres, a_postgres
from tests.redis_server import RedisServer, a_redis

hypothesis.settings.register_profile(
    "no test judges a time", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("no test judges a time")

_UNLESS_TOLD_OTHERWISE: httpx.Timeout = inspect.signature(httpx.get).parameters["timeout"].default
"""Of all clients of httpx: five seconds, which are not enough for a server on a machine that is busy otherwise."""
for _wait in ("connect", "read", "write", "pool"):
    setattr(_UNLESS_TOLD_OTHERWISE, _wait, PATIENCE)

_NOT_FOR_ROOT = "root may run commands as anybody"
"""The one reason for a skip that stands in CI, which runs as root."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kala-url",
        metavar="URL",
        help="the live Kala that tests/compat/test_live.py talks to, in place of a server of its own",
    )


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell's background job ignores SIGINT, and so would every command that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL, which those who share it leave running as it is; whoever stops one has one of his own."""
    with a_postgres() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The address of a new database."""
    return postgres.database()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis, which those who share it leave running."""
    with a_redis() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A Redis that is empty, and set as a store wants it."""
    shared_redis.begin_anew()
    return shared_redis


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI where a test was skipped: what CI lacks, it has to install."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", ())]
    unwanted = [reason for reason in skipped if _NOT_FOR_ROOT not in reason]
    if unwanted and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"skipped in CI, which is a failure: {'; '.join(unwanted)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
