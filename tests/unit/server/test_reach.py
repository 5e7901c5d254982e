"""Which servers HTTP jobs may call, by name and by address."""

import pytest

from kala_server.access import reach_of
from kala_server.config import ConfigError, Settings
from kala_server.runners.http.reach import NotAllowedError, Reach, address_of

LOOPBACK = ("127.0.0.0/8", "::1")
DENIED = [
    ("127.0.0.0/8", "localhost", "127.0.0.1"),
    ("127.0.0.0/8", "rebound.example.com", "127.8.8.8"),
    ("127.0.0.0/8", "0.0.0.0", "0.0.0.0"),
    ("127.0.0.0/8", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
    ("::1", "any", "::"),
    ("::1", "any", "::1"),
    ("[::1]", "any", "::1"),
    ("169.254.0.0/16", "metadata", "169.254.169.254"),
    ("169.254.169.254", "metadata", "64:ff9b::a9fe:a9fe"),
    ("169.254.169.254", "metadata", "2002:a9fe:a9fe::1"),
    ("fe80::/10", "link", "fe80::1%eth0"),
    ("10.0.0.7/8", "strictly no network", "10.1.1.1"),
    ("Example.com", "EXAMPLE.com.", None),
    ("*.example.com", "a.b.example.com", "93.184.216.34"),
]
NOT_DENIED = [
    ("127.0.0.0/8", "example.com", "93.184.216.34"),
    ("127.0.0.0/8", "example.com", None),
    ("::1", "example.com", "93.184.216.34"),
    ("example.com", "a.example.com", None),
    ("*.example.com", "example.com", None),
    ("*.example.com", "badexample.com", None),
]


def check(reach: Reach, host: str, address: str | None) -> None:
    reach.check(host, None if address is None else address_of(address))


@pytest.mark.parametrize(("rule", "host", "address"), DENIED)
def test_what_is_denied_may_not_be_called_by_whatever_name_it_goes(
    rule: str, host: str, address: str | None
) -> None:
    with pytest.raises(NotAllowedError, match="may not be called: --http-deny"):
        check(Reach.read([], [rule]), host, address)
    with pytest.raises(NotAllowedError, match="may not be called: --http-deny"):
        check(Reach.read([rule, host] if address is None else [rule], [rule]), host, address)


@pytest.mark.parametrize(("rule", "host", "address"), NOT_DENIED)
def test_all_else_may_be_called(rule: str, host: str, address: str | None) -> None:
    check(Reach.read([], [rule]), host, address)
    with pytest.raises(NotAllowedError, match="no --http-allow names it"):
        check(Reach.read([rule], []), host, address)


def test_what_is_allowed_may_be_called_and_nothing_else() -> None:
    reach = Reach.read(["hooks.example.com", "10.0.0.0/8"], ["10.0.0.1"])
    check(reach, "hooks.example.com", "93.184.216.34")
    check(reach, "intern", "10.0.0.2")
    for host, address in (("intern", "10.0.0.1"), ("hooks.example.com", "10.0.0.1"), ("example.com", None)):
        with pytest.raises(NotAllowedError):
            check(reach, host, address)


def test_what_an_address_leads_to_is_not_allowed_for_it() -> None:
    with pytest.raises(NotAllowedError, match="no --http-allow"):
        check(Reach.read(["93.184.216.34"], []), "any", "64:ff9b::5db8:d822")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "http://example.com",
        "example.com:80",
        "a/b",
        "a b",
        "10.0.0.0/33",
        "1.2.3",
        "*",
        "a.*.b",
        "[::1",
        "ä.de",
    ],
)
def test_what_is_no_host_or_network_keeps_the_server_from_starting(wrong: str) -> None:
    for settings in (Settings(http_allow=(wrong,)), Settings(http_deny=(wrong,))):
        with pytest.raises(ConfigError, match="is no host or network: it must be such as"):
            reach_of(settings)


def test_without_a_word_everything_may_be_called() -> None:
    assert reach_of(Settings()).everywhere
    assert not Reach.read([], LOOPBACK).everywhere
