"""Who may speak to the server at all: no web page may, whatever it asks for. Pure: headers in, a refusal out.

Browsers tell where a request comes from (Origin, Sec-Fetch-Site) and which name they looked up (Host). Scripts send
neither of the first two. A name that is not ours in Host is a rebound DNS name; an address was never looked up, so it
is none. See docs/security.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

ANY_NAME = "*"

_OWN_SITES = {None, "none", "same-origin"}
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
"""What a client sends of a DNS name; others than ASCII ones come as `xn--…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The names under which this server may be spoken to, beside every address and `localhost`."""

    allowed_hosts: frozenset[str] = frozenset()
    """In lower case; with ANY_NAME among them, the Host is not looked at."""

    def refusal(
        self, headers: Mapping[str, str], scheme: str, *, whatever_host: bool = False, by_links: bool = False
    ) -> str | None:
        """Return why a request with these headers is refused, in a sentence; None where it is welcome.

        `by_links`: it is welcome also where somebody followed a link on another site to see a document of its own.
        """
        host = headers.get("Host", "")
        if not (whatever_host or self._is_ours(host)):
            return f"the Host {host!r} is not a name of this server; add it with --allowed-host where it is"
        site = headers.get("Sec-Fetch-Site")
        if site not in _OWN_SITES and not (by_links and _opens_a_document(headers)):
            return "a page of another site may not use this server (Sec-Fetch-Site)"
        origin = headers.get("Origin")
        # A proxy may have undone the TLS: then only the browser knows that it is the same origin, and says so.
        schemes = {scheme, "https"} if site == "same-origin" else {scheme}
        if origin is not None and origin.lower() not in {f"{one}://{host}".lower() for one in schemes}:
            return "a page of another origin may not use this server (Origin)"
        return None

    def _is_ours(self, host: str) -> bool:
        if ANY_NAME in self.allowed_hosts:
            return True
        name = host_name(host)
        return bool(name) and (name == "localhost" or is_address(name) or name in self.allowed_hosts)


def _opens_a_document(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks for what it shows in a tab: no script gets to see it, no form or frame is behind it."""
    how = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")
    return how == ("navigate", "document") and "Origin" not in headers


def host_name(host: str) -> str:
    """Return the name in a Host header, in lower case and without its port; empty where it is malformed."""
    host = host.strip().lower()
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        return name if bracket and (not rest or _is_port(rest)) else ""
    name, colon, port = host.partition(":")
    return name if not colon or _is_port(colon + port) else ""


def _is_port(text: str) -> bool:
    return text[0] == ":" and text[1:].isascii() and text[1:].isdigit()


def can_be_a_host(name: str) -> bool:
    """Whether a name that is allowed can ever be met: a name or an address alone, or ANY_NAME."""
    name = name.lower()
    return name == ANY_NAME or _NAME.fullmatch(name) is not None or _address(name) is not None


@lru_cache(maxsize=64)
def is_address(name: str) -> bool:
    """Whether the name is a literal address, in its plain spelling.

    0.0.0.0 and :: are nobody's: web pages have reached servers of this machine by them where a browser held back
    loopback addresses.
    """
    address = _address(name)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and not (mapped or address).is_unspecified


@lru_cache(maxsize=64)
def is_loopback(name: str) -> bool:
    """Whether the name is an address of this very machine, in its plain spelling."""
    address = _address(name)
    return address is not None and address.is_loopback


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
