"""An address of a PostgreSQL is shown without what is nobody's business, and one that is none is not repeated."""

import pytest

from kala_server.ports.store import StoreError
from kala_server.stores.postgres.address import has_password, parts_of, shown
from kala_server.stores.postgres.store import PostgresStore

SECRET = "canary-4b1d"


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("postgresql://kala@db:5432/jobs", "postgresql://kala@db:5432/jobs"),
        (f"postgresql://kala:{SECRET}@db:5432/jobs", "postgresql://kala@db:5432/jobs"),
        (f"postgres://kala@db/jobs?password={SECRET}&sslpassword={SECRET}", "postgresql://kala@db/jobs"),
        (f"host=db user=kala password={SECRET} dbname=jobs", "postgresql://kala@db/jobs"),
        (f"postgresql://k%40la:{SECRET}@[::1]:5433/jobs", "postgresql://k%40la@[::1]:5433/jobs"),
        (f"postgresql://kala:{SECRET}@one:1,two:2/jobs", "postgresql://kala@one:1,two:2/jobs"),
        (f"postgresql://:{SECRET}@/jobs?host=/run/postgresql", "postgresql://%2Frun%2Fpostgresql/jobs"),
        ("", "postgresql:///"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, safe: str) -> None:
    assert shown(address) == safe
    assert parts_of(shown(address)).get("dbname") == parts_of(address).get("dbname")
    assert has_password(address) == (SECRET in address)
    assert not has_password(shown(address))
    assert repr(PostgresStore(address)) == f"PostgresStore({safe})"


@pytest.mark.parametrize(
    "address", [f"mysql://kala:{SECRET}@db/jobs", f"kala:{SECRET}@db", f"password={SECRET} x"]
)
def test_what_is_no_address_is_told_and_not_repeated(address: str) -> None:
    with pytest.raises(StoreError, match="that is no address of a PostgreSQL; one is such as") as refused:
        PostgresStore(address)
    error: BaseException | None = refused.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__
