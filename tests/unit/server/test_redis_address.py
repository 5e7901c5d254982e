"""Where a Redis is, as people write it; a password is in no text that is shown."""

from pathlib import Path

import pytest

from kala_server.stores.redis.address import Address, Tls, address_of

GOOD = {
    "": Address(),
    "127.0.0.1:6379": Address(),
    "redis.example.com": Address(host="redis.example.com"),
    "redis.example.com:7000": Address(host="redis.example.com", port=7000),
    "redis://[::1]:7000/3": Address(host="::1", port=7000, database=3),
    "redis://ana:p%40ss@host": Address(host="host", username="ana", password="p@ss"),
    "redis://:word@host/1": Address(host="host", password="word", database=1),
    "rediss://host": Address(host="host", tls=Tls()),
    "unix:///run/redis.sock": Address(path="/run/redis.sock"),
    "unix://ana@/run/redis.sock?db=2": Address(path="/run/redis.sock", database=2, username="ana"),
}
BAD = {
    "http://host": "begins with http://",
    "redis://host:port": "a port is a number",
    "redis://host:99999": "a port is a number",
    "redis://host/first": "has a number",
    "redis://host/1?x=y": "nothing comes after the \\?",
    "unix://run/redis.sock?x=y": "db=NUMBER",
    "unix://": "a whole path",
    "redis://[::1": "no address of a Redis",
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_read_as_kala_and_others_write_it(text: str) -> None:
    assert address_of(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_address_is_refused_with_how_one_is_written_and_without_itself(text: str) -> None:
    secret = text.replace("://", "://ana:a-canary@") if "[" not in text else text
    with pytest.raises(ValueError, match=BAD[text]) as refusal:
        address_of(secret)
    assert "127.0.0.1:6379, redis://" in str(refusal.value)
    assert "canary" not in str(refusal.value)


def test_what_an_address_says_goes_before_what_is_said_beside_it() -> None:
    tls = Tls(ca=Path("ca.pem"))
    said = address_of("rediss://ana:one@host", username="eva", password="two", tls=tls)
    assert (said.username, said.password, said.tls) == ("ana", "one", tls)
    beside = address_of("host", username="eva", password="two", tls=tls)
    assert (beside.username, beside.password, beside.tls) == ("eva", "two", None)


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_shown_so_that_it_can_be_read_again_but_for_its_password(text: str) -> None:
    address = GOOD[text]
    again = address_of(str(address), password=address.password)
    assert again == address
    assert not address.password or address.password not in f"{address}{address!r}"
