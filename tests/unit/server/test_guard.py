"""Who may speak to the server, told from three headers."""

import pytest

from kala_server.web.guard import ANY_NAME, Guard, can_be_a_host, host_name, is_address, is_loopback

GUARD = Guard(allowed_hosts=frozenset({"kala.example"}))
OURS = [
    "localhost",
    "LocalHost:8000",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.8.9.10:1",
    "[::1]",
    "[::1]:8000",
    "10.0.0.1",
    "10.0.0.1:8000",
    "192.0.2.7",
    "[::2]",
    "[2001:DB8::7]:8000",
    "[::ffff:10.0.0.1]",
    "[fe80::1%eth0]:8000",
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
    "0.0.0.0:8000",
    "[::]",
    "[::ffff:0.0.0.0]",
    "10.1",
    "10.0.0.01",
    "10.0.0.256",
    "167772161",
    "0x0a000001",
    "10.0.0.1.",
    "10.0.0.1.nip.io",
    "10.0.0.1,evil.test",
    "evil.test@10.0.0.1",
    "::1",
    "[::1",
    "[::1]x",
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
def test_an_address_a_name_of_this_machine_or_one_that_is_allowed_is_ours(host: str) -> None:
    assert GUARD.refusal({"Host": host}, "http") is None


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_name_is_a_rebound_one_and_refused(host: str) -> None:
    refusal = GUARD.refusal({"Host": host}, "http")
    assert refusal is not None
    assert "Host" in refusal


def test_a_request_without_a_name_is_refused() -> None:
    assert GUARD.refusal({}, "http") is not None
    assert Guard(allowed_hosts=frozenset({""})).refusal({}, "http") is not None


@pytest.mark.parametrize("host", [*OURS, *FOREIGN])
def test_where_any_name_is_allowed_every_host_is_ours_but_no_foreign_page_is(host: str) -> None:
    guard = Guard(allowed_hosts=frozenset({ANY_NAME}))
    for headers, whose in (({"Host": host}, guard), ({}, guard)):
        assert whose.refusal(headers, "http") is None
    assert guard.refusal({"Host": host, "Origin": "http://other.test"}, "http") is not None
    assert guard.refusal({"Host": host, "Sec-Fetch-Site": "cross-site"}, "http") is not None


@pytest.mark.parametrize("host", [*OURS, *FOREIGN])
def test_where_the_host_does_not_matter_the_page_still_does(host: str) -> None:
    assert GUARD.refusal({"Host": host}, "http", whatever_host=True) is None
    for foreign in ({"Origin": "http://other.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert GUARD.refusal({"Host": host, **foreign}, "http", whatever_host=True) is not None


@pytest.mark.parametrize("address", ["10.0.0.1:8000", "[2001:db8::7]:8000", "127.0.0.1:8000"])
def test_a_page_of_one_address_may_not_use_another(address: str) -> None:
    assert GUARD.refusal({"Host": address, "Origin": f"http://{address}"}, "http") is None
    for origin in ("http://10.0.0.2:8000", f"https://{address}", f"http://{address}0", "http://evil.test"):
        assert GUARD.refusal({"Host": address, "Origin": origin}, "http") is not None


def test_where_a_proxy_undid_the_tls_the_browser_says_that_it_is_the_same_origin() -> None:
    own = {"Host": "kala.example", "Origin": "https://kala.example"}
    assert GUARD.refusal({**own, "Sec-Fetch-Site": "same-origin"}, "http") is None
    for site in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-site"}):
        assert GUARD.refusal({**own, **site}, "http") is not None
    for origin in ("https://kala.example:444", "https://evil.test", "ftp://kala.example", "null"):
        headers = {**own, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        assert GUARD.refusal(headers, "http") is not None
    plain = {**own, "Origin": "http://kala.example", "Sec-Fetch-Site": "same-origin"}
    assert GUARD.refusal(plain, "https") is not None


@pytest.mark.parametrize(
    "name", ["*", "kala.example.com", "Kala", "kala.", "my_host", "xn--bcher-kva.example", "10.0.0.1", "::1"]
)
def test_a_name_that_a_request_can_have_may_be_allowed(name: str) -> None:
    assert can_be_a_host(name)
    guard = Guard(allowed_hosts=frozenset({name.lower()}))
    host = f"[{name}]:8000" if ":" in name else f"{name}:8000"
    assert guard.refusal({"Host": host}, "http") is None


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " ",
            "kala:8000",
            "http://kala",
            "https://kala.example.com/",
            "kala.example/api",
            "a b",
            " kala",
        ),
        *(
            "*.example.com",
            "**",
            "bücher.example",
            "[::1]",
            "a,b",
            "kala..example",
            ".kala",
            "user@kala",
            "kala\n",
        ),
    ],
)
def test_a_name_that_no_request_can_have_may_not(name: str) -> None:
    assert not can_be_a_host(name)


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


def test_an_address_is_literal_and_not_that_of_nobody() -> None:
    assert all(
        map(is_address, ("10.0.0.1", "127.0.0.1", "255.255.255.255", "::1", "::ffff:1.2.3.4", "fe80::1%1"))
    )
    assert not any(map(is_address, ("0.0.0.0", "::", "::ffff:0.0.0.0", "10.1", "0x7f.1", "localhost", "")))
