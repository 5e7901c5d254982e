"""What the environment says about the way to a server, as a table; and that a setting at fault is told by its name."""

import ssl
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from kala_client import KalaConnectionError
from kala_client._http import route
from kala_client._http.network import Network
from kala_client._http.route import Routes

PROXY = "http://proxy.test:3128"


def way(url: str, environment: dict[str, str]) -> str | None:
    proxy = Network.read(environment).proxy_for(httpx.URL(url))
    return None if proxy is None else str(proxy)


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("http://kala.test:8000", {}, None),
        ("http://kala.test:8000", {"HTTP_PROXY": PROXY}, f"{PROXY} of HTTP_PROXY"),
        ("http://kala.test:8000", {"http_proxy": PROXY}, f"{PROXY} of http_proxy"),
        ("http://kala.test:8000", {"HTTPS_PROXY": PROXY}, None),
        ("https://kala.test", {"HTTPS_PROXY": PROXY}, f"{PROXY} of HTTPS_PROXY"),
        ("https://kala.test", {"https_proxy": PROXY}, f"{PROXY} of https_proxy"),
        ("https://kala.test", {"HTTP_PROXY": PROXY}, None),
        ("http://kala.test", {"ALL_PROXY": PROXY}, f"{PROXY} of ALL_PROXY"),
        ("https://kala.test", {"all_proxy": PROXY}, f"{PROXY} of all_proxy"),
        ("http://kala.test", {"ALL_PROXY": "http://other", "HTTP_PROXY": PROXY}, f"{PROXY} of HTTP_PROXY"),
        # In lower case it counts first, also to say "none"; a header of a CGI script's caller is no setting.
        ("http://kala.test", {"HTTP_PROXY": "http://other", "http_proxy": PROXY}, f"{PROXY} of http_proxy"),
        ("http://kala.test", {"HTTP_PROXY": PROXY, "http_proxy": ""}, None),
        ("http://kala.test", {"HTTP_PROXY": "  "}, None),
        ("http://kala.test", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
        ("http://kala.test", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, f"{PROXY} of http_proxy"),
        # What is shown has no password, and nothing else that is not the address.
        ("http://kala.test", {"HTTP_PROXY": "proxy.test:3128"}, f"{PROXY} of HTTP_PROXY"),
        (
            "http://kala.test",
            {"HTTP_PROXY": "http://u:canary@proxy.test:3128/x?y#z"},
            f"{PROXY} of HTTP_PROXY",
        ),
        ("http://kala.test", {"ALL_PROXY": "socks5://u:canary@p:1080"}, "socks5://p:1080 of ALL_PROXY"),
        ("http://kala.test", {"ALL_PROXY": "canary://u:canary@p"}, "of ALL_PROXY"),
    ],
)
def test_a_proxy_is_the_one_that_the_environment_names(
    url: str, environment: dict[str, str], expected: str | None
) -> None:
    assert way(url, environment) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000",
        "http://LOCALHOST.",
        "http://127.0.0.1:8000",
        "http://127.8.9.10",
        "https://[::1]:8000",
        "http://[::ffff:127.0.0.1]",
    ],
)
def test_loopback_is_never_proxied(url: str) -> None:
    assert way(url, {"ALL_PROXY": PROXY}) is None


@pytest.mark.parametrize(
    ("exempt", "direct", "proxied"),
    [
        ("*", ["http://kala.test", "http://10.1.2.3", "http://[fd00::1]"], []),
        (
            "kala.test",
            ["http://kala.test", "http://a.KALA.test:1"],
            ["http://xkala.test", "http://kala.test.x"],
        ),
        (".kala.test", ["http://a.kala.test", "http://a.b.kala.test"], ["http://kala.test"]),
        ("*.kala.test", ["http://a.kala.test"], ["http://kala.test", "http://xkala.test"]),
        ("kala.test.", ["http://kala.test", "http://kala.test."], ["http://other.test"]),
        ("kala.test:8000", ["http://kala.test:8000"], ["http://kala.test", "http://kala.test:8001"]),
        ("kala.test:80", ["http://kala.test"], ["https://kala.test"]),
        ("kala.test:443", ["https://kala.test"], ["http://kala.test"]),
        ("10.1.2.3", ["http://10.1.2.3:9"], ["http://10.1.2.4", "http://x.10.1.2.3.test"]),
        ("10.1.2.3:8000", ["http://10.1.2.3:8000"], ["http://10.1.2.3"]),
        (
            "10.0.0.0/8",
            ["http://10.1.2.3", "http://[::ffff:10.0.0.1]"],
            ["http://11.1.2.3", "http://ten.test"],
        ),
        ("10.9.9.9/8", ["http://10.1.2.3"], ["http://11.1.2.3"]),
        ("::ffff:10.0.0.0/104", ["http://10.1.2.3"], ["http://11.1.2.3"]),
        ("fd00::/8", ["http://[fd12::1]:8000"], ["http://[fe80::1]", "http://10.1.2.3"]),
        ("fd00::1", ["http://[fd00::1]"], ["http://[fd00::2]"]),
        ("[fd00::1]", ["http://[fd00::1]:9"], ["http://[fd00::2]"]),
        ("[fd00::1]:8000", ["http://[fd00::1]:8000"], ["http://[fd00::1]:9"]),
        ("a.test, b.test c.test", ["http://a.test", "http://b.test", "http://c.test"], ["http://d.test"]),
        ("xn--bcher-kva.test", ["http://bücher.test"], ["http://buecher.test"]),
        ("bücher.test", ["http://xn--bcher-kva.test"], ["http://buecher.test"]),
        # What is no entry exempts nothing, and keeps no other from being read.
        (
            ",, ,10.0.0.0/99,[fd00,]:,kala.test:x,:80,b.test",
            ["http://b.test"],
            ["http://kala.test", "http://x"],
        ),
        ("", [], ["http://kala.test"]),
    ],
)
def test_no_proxy_exempts_what_it_names(exempt: str, direct: list[str], proxied: list[str]) -> None:
    environment = {"ALL_PROXY": PROXY, "NO_PROXY": exempt}
    assert [way(url, environment) for url in direct] == [None] * len(direct)
    assert [way(url, environment) for url in proxied] == [f"{PROXY} of ALL_PROXY"] * len(proxied)


ADDRESSES = st.text() | st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "http://", "https://u:p@", "socks5://"]),
    st.sampled_from(["xn--zz", "a..b", "[::1", "[fd00::1]", "\u2460.com", "1.2.3.4.5", "x" * 300, "a b", ""]),
    st.sampled_from(["", ":0", ":-1", ":65536", ":99999", ":\u0663", ":x", "/%zz", "?", "#"]),
)


@given(st.dictionaries(st.sampled_from(["HTTP_PROXY", "no_proxy", "NO_PROXY", "ALL_PROXY"]), ADDRESSES))
def test_no_environment_fails_to_be_read(environment: dict[str, str]) -> None:
    for url in ("http://127.0.0.1", "http://kala.test:8000", "https://[fd00::1]"):
        proxy = Network.read(environment).proxy_for(httpx.URL(url))
        assert str(proxy)


@pytest.mark.parametrize(
    ("url", "environment", "at_fault"),
    [
        ("http://kala.test", {"HTTP_PROXY": "ftp://u:canary@proxy.test"}, "HTTP_PROXY"),
        ("http://kala.test", {"http_proxy": "http://"}, "http_proxy"),
        ("https://kala.test", {"ALL_PROXY": "http://u:canary@[::1"}, "ALL_PROXY"),
        ("https://kala.test", {"ALL_PROXY": "http://u:canary@xn--zz:3128"}, "ALL_PROXY"),
        ("http://kala.test", {"HTTP_PROXY": "u:canary@proxy.test:99999"}, "HTTP_PROXY"),
        ("http://kala.test", {"HTTP_PROXY": "http://u:canary@proxy.test:-1"}, "HTTP_PROXY"),
        ("http://kala.test", {"ALL_PROXY": "socks5://u:canary@127.0.0.1:1080"}, "ALL_PROXY"),
        ("http://kala.test", {"HTTP_PROXY": "https://p.test", "SSL_CERT_FILE": "/no/such"}, "SSL_CERT_FILE"),
        ("https://kala.test", {"SSL_CERT_FILE": "/no/such"}, "SSL_CERT_FILE"),
        ("https://kala.test", {"SSL_CERT_FILE": "/"}, "SSL_CERT_FILE"),
        ("https://kala.test", {"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
        ("https://kala.test", {"SSL_CERT_DIR": "/no/such"}, "SSL_CERT_DIR"),
        ("https://kala.test", {"SSL_CERT_DIR": f"/no/such:{__file__}"}, "SSL_CERT_DIR"),
        ("https://kala.test", {"SSLKEYLOGFILE": "/no/such/file"}, "SSLKEYLOGFILE"),
    ],
)
def test_a_setting_that_leads_nowhere_is_told_by_its_name_where_it_is_needed(
    url: str, environment: dict[str, str], at_fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "find_spec", lambda _: None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    routes = Routes(Network.read(environment))
    for opened in (routes.blocking, routes.asynchronous):
        with pytest.raises(KalaConnectionError, match=f"^{at_fault} names") as raised:
            opened(url)
        assert raised.value.never_sent
        assert raised.value.lasting
        assert "canary" not in str(raised.value)
    for exempt in ("http://127.0.0.1:8000", "http://localhost"):
        routes.blocking(exempt).close()
        routes.asynchronous(exempt)


def test_a_socks_proxy_is_used_where_the_package_for_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}
    monkeypatch.setattr(route, "find_spec", lambda _: True)
    monkeypatch.setattr(httpcore, "SOCKSProxy", made.update)
    Routes(Network.read({"ALL_PROXY": "socks5://u:p@proxy.test:1080"})).blocking("http://kala.test")
    assert bytes(made["proxy_url"]) == b"socks5://proxy.test:1080/"
    assert made["proxy_auth"] == (b"u", b"p")


def test_certificates_that_are_broken_without_a_setting_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> ssl.SSLContext:
        raise FileNotFoundError("cacert.pem")

    monkeypatch.setattr(httpx, "create_ssl_context", broken)
    with pytest.raises(KalaConnectionError, match=r"no certificates can be loaded: cacert\.pem"):
        Routes(Network.read({})).blocking("https://kala.test")


def test_certificates_are_those_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    for environment in ({"SSL_CERT_FILE": str(file)}, {"SSL_CERT_DIR": str(tmp_path)}):
        context = Routes(Network.read(environment)).trusting
        assert len(context.get_ca_certs()) == ("SSL_CERT_FILE" in environment)
    assert len(Routes(Network.read({})).trusting.get_ca_certs()) > 1


def test_a_setting_does_not_show_its_value() -> None:
    assert "canary" not in repr(Network.read({"HTTP_PROXY": "http://u:canary@proxy.test"}))
