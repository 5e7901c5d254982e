"""The runner of queues, held against the contract that is shipped: a real PostgreSQL, a real worker."""

from collections.abc import Iterator

import psycopg
import pytest

from kala_client.clock import utc_now
from kala_server.core.frozen import replace
from kala_server.ports.runner import Runner
from kala_server.runners.procrastinate.runner import queues_of
from kala_server.stores.postgres.connection import Database
from kala_server.stores.postgres.store import PostgresStore
from tests.a_worker import a_worker
from tests.contract.test_runner import Commands, TestHttp
from tests.postgres import Postgres

_LEAD = "UPDATE kala_lease SET epoch = 7, expires = 'infinity'"


@pytest.fixture(scope="module")
def shared(postgres: Postgres) -> Iterator[str]:
    """A database with a worker, of which epoch 7 leads."""
    database = postgres.database()
    Database(database, patience=10, now=utc_now).prepare()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_LEAD)
    with a_worker(database):
        yield database


class TestQueues(Commands):
    """Commands, on another machine."""

    succeeds, fails, lasts, prints = (
        replace(spec, queue="db")
        for spec in (Commands.succeeds, Commands.fails, Commands.lasts, Commands.prints)
    )

    @pytest.fixture(autouse=True)
    def _in_a_database(self, shared: str) -> None:
        self.database = shared

    def runner(self) -> Runner:
        return queues_of(PostgresStore(self.database).links.make, lambda: 7)


class TestCallsOfQueues(TestHttp):
    """HTTP calls, from another machine."""

    @pytest.fixture(autouse=True)
    def _in_a_queue(self, shared: str, _server: None) -> None:
        self.database = shared
        for name in ("succeeds", "fails", "lasts", "prints"):
            setattr(self, name, replace(getattr(self, name), queue="db"))

    def runner(self) -> Runner:
        return queues_of(PostgresStore(self.database).links.make, lambda: 7)
