"""Which servers HTTP jobs may call: by name, and by the addresses to which a name leads. Nothing is looked up here."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

Address = IPv4Address | IPv6Address

_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NAT64 = IPv6Network("64:ff9b::/96")
_ANY_IS_LOOPBACK: dict[Address, Address] = {
    IPv4Address("0.0.0.0"): IPv4Address("127.0.0.1"),  # noqa: S104 - nothing listens on it by this
    IPv6Address("::"): IPv6Address("::1"),
}
"""Where the system leads who calls "any address"."""


class NotAllowedError(Exception):
    """A call that the server may not make; the message names the rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, all names below one (`*.example.com`), an address, or a network (`10.0.0.0/8`)."""

    said: str
    network: IPv4Network | IPv6Network | None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what was said. Raises ValueError."""
        bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        try:
            return cls(text, ip_network(bare, strict=False))
        except ValueError:
            name = text.lower().removesuffix(".")
        if not _NAME.fullmatch(name) or name.replace(".", "").isdigit():
            raise ValueError(
                f"{text!r} is no host or network: it must be such as hooks.example.com, *.example.com, 127.0.0.1, "
                "10.0.0.0/8 or fd00::/8, in ASCII and without scheme, port or path"
            )
        return cls(name, None)

    def covers_name(self, host: str) -> bool:
        """Whether the rule is about a host by its name."""
        return host.endswith(self.said[1:]) if self.said.startswith("*.") else host == self.said

    def covers_any(self, addresses: Iterable[Address]) -> bool:
        """Whether the rule is about one of the addresses."""
        return self.network is not None and any(address in self.network for address in addresses)


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be called: all but what is denied, and where something is allowed, nothing else."""

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    @classmethod
    def read(cls, allow: Iterable[str], deny: Iterable[str]) -> Self:
        """Read both lists. Raises ValueError."""
        return cls(tuple(map(Rule.read, allow)), tuple(map(Rule.read, deny)))

    @property
    def everywhere(self) -> bool:
        """Whether everything may be called."""
        return not (self.allow or self.deny)

    def check(self, host: str, address: Address | None) -> None:
        """Raise NotAllowedError where a host may not be called at an address, None where that is not known."""
        name, led_to = host.lower().removesuffix("."), () if address is None else tuple(_means(address))
        what = host if address is None or str(address) == host else f"{host} ({address})"
        for rule in self.deny:
            if rule.covers_name(name) or rule.covers_any(led_to):
                raise NotAllowedError(f"{what} may not be called: --http-deny {rule.said}")
        # Of what an address stands for, the address itself has to be allowed.
        if self.allow and not any(
            rule.covers_name(name) or rule.covers_any(led_to[:1]) for rule in self.allow
        ):
            raise NotAllowedError(f"{what} may not be called: no --http-allow names it")


def _means(address: Address) -> Iterator[Address]:
    """Yield the address, and those to which it leads as well: an IPv4 address may be within one of IPv6."""
    plain = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    yield plain
    if plain in _ANY_IS_LOOPBACK:
        yield _ANY_IS_LOOPBACK[plain]
    if isinstance(plain, IPv6Address):
        if plain.sixtofour is not None:
            yield plain.sixtofour
        if plain in _NAT64:
            yield IPv4Address(int(plain) & 0xFFFF_FFFF)


def address_of(text: str) -> Address:
    """Read an address as the system tells it: with the zone of a link, which is no part of it."""
    return ip_address(text.partition("%")[0])
