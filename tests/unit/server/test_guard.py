"""Who may speak to the server, told from three headers."""

import pytest

from kala_server.web.guard import Guard, host_name, is_loopback

GUARD = Guard(allowed_hosts=frozenset({"kala.example"}))
OURS = [
    "localhost",
    "LocalHost:8000",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.8.9.10:1",
    "[::1]",
    "[::1]:8000",
    "kala.example",
    "Kala.Example:443",
]
FOREIGN = [
    "",
    " ",
    ":8000",
    "evil.test",
    "127.0.0.1.nip.io",
    "127.0.0.1.nip.io:8000",
    "localhost.evil.test",
    "evil.localhost.test",
    "localhost.",
    "localhost@evil.test",
    "user@localhost",
    "localhost:8000:8000",
    "localhost:80a",
    "localhost:",
    "localhost:８０",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "::1",
    "[::1",
    "[::1]x",
    "[::2]",
    "[]",
    "[localhost",
    "sub.kala.example",
    "kala.example.evil.test",
    "localhost,evil.test",
    "localhost/evil",
    "lоcalhost",  # with a Cyrillic letter
    "\x00",
]


@pytest.mark.parametrize("host", OURS)
def test_a_name_of_this_machine_or_one_that_is_allowed_is_ours(host: str) -> None:
    assert GUARD.refusal({"Host": host}, "http") is None


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_name_is_a_rebound_one_and_refused(host: str) -> None:
    refusal = GUARD.refusal({"Host": host}, "http")
    assert refusal is not None
    assert "Host" in refusal


def test_a_request_without_a_name_is_refused() -> None:
    assert GUARD.refusal({}, "http") is not None


@pytest.mark.parametrize(
    "site", ["cross-site", "same-site", "", "same-origin, cross-site", "SAME-ORIGIN", "new"]
)
def test_a_page_of_another_site_is_refused(site: str) -> None:
    refusal = GUARD.refusal({"Host": "localhost:8000", "Sec-Fetch-Site": site}, "http")
    assert refusal is not None
    assert "Sec-Fetch-Site" in refusal


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_page_of_ours_and_the_address_line_are_allowed(site: str) -> None:
    assert GUARD.refusal({"Host": "localhost:8000", "Sec-Fetch-Site": site}, "http") is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.test",
        "http://localhost",
        "http://localhost:8001",
        "https://localhost:8000",
        "http://127.0.0.1:8000",
        "http://localhost:8000.evil.test",
        "http://localhost:8000/",
        "http://localhost:8000, http://evil.test",
        "localhost:8000",
        "file://",
        "chrome-extension://abcdef",
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    refusal = GUARD.refusal({"Host": "localhost:8000", "Origin": origin}, "http")
    assert refusal is not None
    assert "Origin" in refusal


@pytest.mark.parametrize(
    ("host", "origin", "scheme"),
    [
        ("localhost:8000", "http://localhost:8000", "http"),
        ("LOCALHOST:8000", "http://localhost:8000", "http"),
        ("[::1]:8000", "http://[::1]:8000", "http"),
        ("kala.example", "https://kala.example", "https"),
    ],
)
def test_a_page_of_this_very_server_is_allowed(host: str, origin: str, scheme: str) -> None:
    headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert GUARD.refusal(headers, scheme) is None


def test_every_header_is_looked_at_even_where_the_others_are_fine() -> None:
    fine = {"Host": "localhost", "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    for name, foreign in {
        "Host": "evil.test",
        "Origin": "http://evil.test",
        "Sec-Fetch-Site": "cross-site",
    }.items():
        assert GUARD.refusal(fine, "http") is None
        assert GUARD.refusal({**fine, name: foreign}, "http") is not None


@pytest.mark.parametrize(
    ("host", "name"),
    [("A:1", "a"), ("[::1]:1", "::1"), ("a", "a"), ("a:", ""), ("[::1]1", ""), ("[::1", "")],
)
def test_the_name_is_told_from_the_port(host: str, name: str) -> None:
    assert host_name(host) == name


def test_only_plain_spellings_of_an_address_are_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not any(is_loopback(name) for name in ("localhost", "127.1", "0177.0.0.1", "::", "0.0.0.0", ""))
