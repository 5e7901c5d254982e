"""Whether an HTTP call can be sent: what is wrong with it, in words. Nothing is looked up or sent here.

Stricter than the library that sends it, which makes `a%20b` of the host `a b` and takes -1 for a port; whatever is
accepted here, that library sends (a property test holds it).
"""

import math
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import idna

from kala_server.core.model.job import RemoteCall

LONGEST_URL = 65_536
"""Characters; as much as the library takes."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PORT = re.compile(r"(?::(?P<port>[0-9]*))?")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_LONGEST_NAME = 253
_A_URL = "an HTTP job needs a url with http:// or https:// and a host"


def wrong_in(call: RemoteCall | None) -> Iterator[str]:
    """Say everything that keeps the call from being sent."""
    if call is None:
        yield _A_URL
        return
    yield from _wrong_in_url(call.url)
    if not _TOKEN.fullmatch(call.method):
        yield f"{call.method!r} is no HTTP method"
    if not 0 <= call.timeout < math.inf:
        yield "the timeout is a number of seconds, 0 for the default"
    for name, value in call.header_lines():
        if not _TOKEN.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            yield f"the header {name!r} cannot be sent: names have no spaces, values are ASCII on one line"
    if sum(name.lower() == "host" for name, _ in call.header_lines()) > 1:
        yield "the header Host is there twice"
    if not all(100 <= code <= 599 for code in call.expected_response_codes):
        yield "expected_response_codes are between 100 and 599"


def _wrong_in_url(url: str) -> Iterator[str]:
    if url != url.strip():
        yield "the url has spaces or a line break around it"
    elif found := _CONTROL.search(url):
        yield f"the url has a line break or a control character at character {found.start() + 1}"
    elif len(url) > LONGEST_URL:
        yield f"the url is longer than {LONGEST_URL:,} characters"
    elif not _leads_somewhere(url):
        yield _A_URL


def _leads_somewhere(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.netloc.rpartition("@")[2]
    name, port = _apart(host)
    if parts.scheme not in {"http", "https"} or port is None:
        return False
    return _is_ipv6(name[1:-1]) if name.startswith("[") else _is_name(name)


def _apart(host: str) -> tuple[str, str | None]:
    """Return the name and the port of an authority; None for what can be no port."""
    name, bracket, rest = host.partition("]") if host.startswith("[") else ("", "", host)
    if not bracket:
        name, colon, digits = host.partition(":")
        rest = colon + digits
    found = _PORT.fullmatch(rest)
    if found is None or (found["port"] and not 1 <= int(found["port"][:6]) <= 65_535):
        return name + bracket, None
    return name + bracket, found["port"] or ""


def _is_ipv6(address: str) -> bool:
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


def _is_name(name: str) -> bool:
    """Whether DNS can be asked for the name (RFC 1035, IDNA 2008), or it is an IPv4 address."""
    if not name.isascii() or "xn--" in name.lower():
        try:
            name = idna.encode(name.lower()).decode()
            idna.decode(name)
        except (idna.IDNAError, UnicodeError):
            return False
    labels = name.removesuffix(".").split(".")
    if len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        return False
    return not (labels[-1].isdigit() and len(labels) >= 4) or _is_ipv4(name)


def _is_ipv4(address: str) -> bool:
    try:
        IPv4Address(address)
    except ValueError:
        return False
    return True
