"""The ways to a Redis: TLS, where both sides show who they are, and a Unix socket."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from kala_server.ports.store import StoreAwayError
from kala_server.stores.redis.address import Address, Tls, address_of
from kala_server.stores.redis.store import RedisStore
from tests.contract.journals import started
from tests.free_port import free_port
from tests.redis_server import RedisServer, a_redis


async def kept_at(address: Address) -> int:
    """Keep something there, and return how many batches there were before."""
    store = RedisStore(address)
    try:
        fence = await store.acquire()
        before = [batch async for batch in store.load()]
        await store.append(fence, [started(1)])
        return len(before)
    finally:
        await store.close()


@pytest.fixture
def files(tmp_path: Path) -> Tls:
    """An authority, and a certificate of it that is good for both sides."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return Tls(ca=tmp_path / "ca.pem", cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def encrypted(files: Tls, port: int) -> Iterator[RedisServer]:
    """A Redis with another port, where it speaks TLS, and wants a certificate."""
    said = {
        "tls_port": str(port),
        "tls_ca_cert_file": str(files.ca),
        "tls_cert_file": str(files.cert),
        "tls_key_file": str(files.key),
    }
    with a_redis(None, **said) as server:
        yield server


@pytest.mark.usefixtures("encrypted")
def test_both_sides_show_who_they_are(files: Tls, port: int, tmp_path: Path) -> None:
    address = address_of(f"rediss://127.0.0.1:{port}", tls=files)
    assert asyncio.run(kept_at(address)) == 0
    assert asyncio.run(kept_at(address)) == 1
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    for wrong in (Tls(ca=files.ca), Tls(), replace(files, ca=other)):
        with pytest.raises(StoreAwayError, match=rf"rediss://127\.0\.0\.1:{port}/0 cannot be reached: "):
            asyncio.run(kept_at(replace(address, tls=wrong)))


def test_a_unix_socket_leads_to_it_too() -> None:
    with a_redis() as server:
        path = server.folder / "redis.sock"
        server.kill()
        server.start(unixsocket=str(path))
        assert asyncio.run(kept_at(address_of(f"unix://{path}?db=2"))) == 0
        assert server.ask("DBSIZE") == 0
        assert asyncio.run(kept_at(address_of(f"unix://{path}?db=2"))) == 1
