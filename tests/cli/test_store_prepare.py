"""`kala store prepare` makes the tables of a store in PostgreSQL, says so, and shows no password."""

import sys

import pytest

from tests.cli.command_line import kala, kala_here
from tests.postgres import PASSWORD, USER, Postgres


def prepared(postgres: Postgres, database: str) -> list[str]:
    tables = postgres.ask("SELECT tablename FROM pg_tables WHERE tablename LIKE 'kala%' ORDER BY 1", database)
    return [str(name) for (name,) in tables]


def test_the_tables_are_made_once_and_a_password_is_in_nothing_that_is_said(
    postgres: Postgres, database: str
) -> None:
    first = kala("store", "prepare", env={"KALA_JOBDB_ADDRESS": database})
    again = kala("store", "prepare", env={"KALA_JOBDB_ADDRESS": database})
    shown = database.replace(f":{PASSWORD}", "")
    assert f"{USER}@" in shown
    assert (first.code, first.out, first.err) == (0, f"{shown}: the tables are made, and all is well.\n", "")
    assert (again.code, again.out, again.err) == (0, f"{shown}: the tables are there, and all is well.\n", "")
    assert prepared(postgres, database) == [
        "kala_attempt",
        "kala_lease",
        "kala_log",
        "kala_output",
        "kala_printed",
        "kala_queue",
        "kala_snapshot",
        "kala_word",
        "kala_worker",
    ]


def test_a_password_among_the_arguments_is_warned_of(database: str) -> None:
    told = kala_here("store", "prepare", "--jobDBAddress", database)
    assert told.code == 0
    assert "everybody on this machine can see the password" in told.err
    assert PASSWORD not in told.out + told.err


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/kala", "Connection refused"),
        (f"postgresql://{USER}:{PASSWORD}@[::1/kala", "that is no address of a PostgreSQL"),
        (f"postgresql://{USER}:{PASSWORD}@127.0.0.1/kala?colour=red", "that is no address of a PostgreSQL"),
        (f"{USER}:{PASSWORD}", "that is no address of a PostgreSQL"),
    ],
)
def test_what_cannot_be_reached_or_read_is_told_without_its_password(address: str, why: str) -> None:
    told = kala_here("store", "prepare", env={"KALA_JOBDB_ADDRESS": address})
    assert told.code == 1
    assert why in told.err
    assert PASSWORD not in told.out + told.err


def test_a_wrong_password_is_told_and_not_shown(database: str) -> None:
    told = kala_here(
        "store", "prepare", env={"KALA_JOBDB_ADDRESS": database.replace(PASSWORD, "a-wrong-canary")}
    )
    assert told.code == 1
    assert f'password authentication failed for user "{USER}"' in told.err
    assert "canary" not in told.out + told.err


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [
        name
        for name in sys.modules
        if name.startswith(("kala_server.stores.postgres", "kala_server.runners.procrastinate"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    told = kala_here("store", "prepare", env={"KALA_JOBDB_ADDRESS": "postgresql://kala@127.0.0.1/kala"})
    assert told.code == 1
    assert 'pip install "kala-client[cluster]"' in told.err
