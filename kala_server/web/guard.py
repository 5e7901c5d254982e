"""Who may speak to the server at all: no web page may, whatever it asks for. Pure: headers in, a refusal out.

Browsers tell where a request comes from (Origin, Sec-Fetch-Site) and which name they looked up (Host). Scripts send
neither of the first two. A name that is not ours in Host is a rebound DNS name. See docs/security.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

_OWN_SITES = {None, "none", "same-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The names under which this server may be spoken to, beside every loopback address and `localhost`."""

    allowed_hosts: frozenset[str] = frozenset()

    def refusal(self, headers: Mapping[str, str], scheme: str) -> str | None:
        """Return why a request with these headers is refused, in a sentence; None where it is welcome."""
        host = headers.get("Host", "")
        if not self._is_ours(host):
            return f"the Host {host!r} is not a name of this server; add it with --allowed-host where it is"
        site = headers.get("Sec-Fetch-Site")
        if site not in _OWN_SITES:
            return "a page of another site may not use this server (Sec-Fetch-Site)"
        origin = headers.get("Origin")
        if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
            return "a page of another origin may not use this server (Origin)"
        return None

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        return name == "localhost" or is_loopback(name) or name in self.allowed_hosts


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


@lru_cache(maxsize=64)
def is_loopback(name: str) -> bool:
    """Whether the name is an address of this very machine, in its plain spelling."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
