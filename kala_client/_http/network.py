"""What the environment says about the way to a server: its proxy, and the certificates to trust. Pure.

It is read once, here, for both clients and for the server's HTTP jobs; httpx's own reading is turned off, as it fails
for values that others understand (`NO_PROXY=fd00::/8`), and before anything is asked. The rules are those of Go's
net/http (golang.org/x/net/http/httpproxy), which real Kala and its clients follow, with ALL_PROXY beside them. It must
not open files or connections: `_route` does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

import httpx

from kala_client.errors import KalaConnectionError

_SCHEMES = ("http", "https", "socks5", "socks5h")
_EXEMPT = re.compile(r"\[?(?P<host>[^\[\]]*?)\]?(?::(?P<port>[0-9]{1,5}))?")
_TLS = {"file": "SSL_CERT_FILE", "folder": "SSL_CERT_DIR", "keys": "SSLKEYLOGFILE"}
_LAST_PORT = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443}

_Address = IPv4Address | IPv6Address


def usable_url(text: str) -> httpx.URL:
    """Return an address whose host and port can be those of one. Raises ValueError."""
    try:
        url = httpx.URL(text)
        _ = url.host  # httpx reads it only now
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None
    if not 0 <= (url.port or 0) <= _LAST_PORT:
        raise ValueError(f"there is no port {url.port}")
    return url


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable of the environment that says something; the value may hold a password."""

    variable: str
    value: str = field(repr=False)

    def refused(self, why: str) -> KalaConnectionError:
        """Build the error of a value that leads nowhere: nothing was sent, and another try would meet it again."""
        return KalaConnectionError.lasting_error(f"{self.variable} {why}")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, by the setting that names it. As text it is without its password."""

    setting: Setting

    @property
    def url(self) -> httpx.URL:
        """Return its address. Raises KalaConnectionError for what can be none."""
        value = self.setting.value
        try:
            url = usable_url(value if "://" in value else f"http://{value}")
        except ValueError:
            url = httpx.URL()
        if url.scheme not in _SCHEMES or not url.host:
            # Without the value, in which a password may be.
            raise self.setting.refused("names no proxy: it must be such as http://proxy.example:3128")
        return url

    def __str__(self) -> str:
        try:
            shown = self.url.copy_with(userinfo=b"", path="/", query=None, fragment=None)
        except KalaConnectionError:
            return f"of {self.setting.variable}"
        return f"{str(shown).rstrip('/')} of {self.setting.variable}"


@dataclass(frozen=True, slots=True)
class Network:
    """One reading of the environment."""

    proxies: Mapping[str, Setting]
    """By the scheme of what is asked for; `all` is for those that are not named."""
    exempt: tuple["_Exempt", ...]
    tls: Mapping[str, Setting]
    """`file` and `folder` take the place of the certificates that are trusted otherwise; `keys` is written to."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the environment; never raises, as what is wrong there may not be needed."""
        proxies = {scheme: _setting(environment, f"{scheme}_proxy") for scheme in ("http", "https", "all")}
        tls = {kind: _setting(environment, variable) for kind, variable in _TLS.items()}
        exempt = _setting(environment, "no_proxy")
        return cls(
            {scheme: found for scheme, found in proxies.items() if found},
            tuple(map(_exempted, re.split(r"[,\s]+", exempt.value))) if exempt else (),
            {kind: found for kind, found in tls.items() if found},
        )

    def proxy_for(self, url: httpx.URL) -> Proxy | None:
        """Return the proxy for an address, None where it is reached directly, as loopback always is."""
        setting = self.proxies.get(url.scheme) or self.proxies.get("all")
        if setting is None:
            return None
        asked = _Asked.of(url)
        if asked.is_loopback or any(exempt.covers(asked) for exempt in self.exempt):
            return None
        return Proxy(setting)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A host that is asked for, in each way that it may be written in NO_PROXY."""

    names: frozenset[str]
    address: _Address | None
    port: int | None

    @classmethod
    def of(cls, url: httpx.URL) -> Self:
        names = frozenset(name.lower().removesuffix(".") for name in (url.host, url.raw_host.decode("ascii")))
        return cls(names, _address(url.host), url.port or _DEFAULT_PORTS.get(url.scheme))

    @property
    def is_loopback(self) -> bool:
        return "localhost" in self.names or (self.address is not None and self.address.is_loopback)


@dataclass(frozen=True, slots=True)
class _Exempt:
    """An entry of NO_PROXY: `*`, an address, a network, a name with all below it, or `.suffix` with what is below."""

    name: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    def covers(self, asked: _Asked) -> bool:
        if self.port is not None and self.port != asked.port:
            return False
        if self.network is not None:
            return asked.address is not None and asked.address in self.network
        return self.name == "*" or any(self._covers_name(name) for name in asked.names)

    def _covers_name(self, name: str) -> bool:
        suffix = self.name.removeprefix("*")
        if suffix.startswith("."):
            return name.endswith(suffix)
        return bool(suffix) and (name == suffix or name.endswith(f".{suffix}"))


def _setting(environment: Mapping[str, str], name: str) -> Setting | None:
    """Return a variable that says something; the name in lower case counts first, as curl and Python have it.

    A CGI script has a header `Proxy` of its caller in HTTP_PROXY (CVE-2016-5385), so there only http_proxy counts.
    """
    for variable in _spellings(name):
        if variable == "HTTP_PROXY" and "REQUEST_METHOD" in environment:
            continue
        if variable in environment:
            value = environment[variable].strip()
            return Setting(variable, value) if value else None
    return None


def _spellings(name: str) -> Iterator[str]:
    yield name
    if name.islower():
        yield name.upper()


def _exempted(entry: str) -> _Exempt:
    if network := _network(entry):
        return _Exempt("", network, None)
    parts = _EXEMPT.fullmatch(entry.lower())
    host, port = (parts["host"], parts["port"]) if parts else (entry.lower(), None)
    return _Exempt(host.removesuffix("."), _network(host), int(port) if port else None)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        network = ip_network(text.removeprefix("[").removesuffix("]"), strict=False)
    except ValueError:
        return None
    address = network.network_address
    if isinstance(address, IPv6Address) and address.ipv4_mapped and network.prefixlen >= 96:
        return IPv4Network((address.ipv4_mapped, network.prefixlen - 96))
    return network


def _address(host: str) -> _Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
