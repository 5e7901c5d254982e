"""Where a client finds its servers, and what it says to each to be let in. No I/O."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from kala_client._calls.answers import safe_url
from kala_client._calls.call import API
from kala_client._calls.servers import Place, place_of
from kala_client._http.network import usable_url
from kala_client._version import version

DEFAULT_URL = "http://127.0.0.1:8000"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_BETWEEN = re.compile(r"\s*,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")
"""A comma before another address; others may belong to a password or a path."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is, and what to say to be let in, which is never shown."""

    url: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def choose(
        cls, url: str | Sequence[str] | None, token: str | None, environment: Mapping[str, str]
    ) -> list["Target"]:
        """Take the arguments, else KALA_URL and KALA_TOKEN; a text may name several servers, with commas between.

        Raises ValueError for an address that no client can use.
        """
        found: dict[Place | None, Target] = {}
        for each in _named(url, environment):
            target = cls._of(each, token, environment)
            found.setdefault(place_of(target.url), target)
        return list(found.values())

    @classmethod
    def _of(cls, url: str, token: str | None, environment: Mapping[str, str]) -> "Target":
        """Take one address. Userinfo in it becomes Basic authentication, for this server alone."""
        parts = _parts(url)
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not host or "," in host or parts.query or parts.fragment:
            raise ValueError(f"the base URL must be such as {DEFAULT_URL}, not {safe_url(url)!r}")
        if token is None and parts.username is not None:
            authorization: str | None = _basic(parts.username, parts.password or "")
        else:
            authorization = _bearer(token or environment.get("KALA_TOKEN"))
        base = safe_url(url).rstrip("/").removesuffix(API)
        try:
            usable_url(base)
        except ValueError as error:
            raise ValueError(f"the base URL must be such as {DEFAULT_URL}, not {base!r}: {error}") from None
        return cls(base, authorization)

    @property
    def headers(self) -> dict[str, str]:
        """What every request to the server says, where its call says nothing else."""
        headers = {
            "User-Agent": f"kala-client-python/{version()}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        return headers | ({"Authorization": self.authorization} if self.authorization else {})


def _named(url: str | Sequence[str] | None, environment: Mapping[str, str]) -> Sequence[str]:
    """Return the addresses that are said, one by one."""
    if url is None or isinstance(url, str):
        return _BETWEEN.split((url or environment.get("KALA_URL") or DEFAULT_URL).strip())
    if not isinstance(url, Sequence) or not all(isinstance(each, str) for each in url):
        raise TypeError(f"url must be of type str or a sequence of such, not {type(url).__name__}")
    if not url:
        raise ValueError(f"url must name a server, such as {DEFAULT_URL}; it is empty")
    return url


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _basic(user: str, password: str) -> str:
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _bearer(token: str | None) -> str | None:
    if not token:
        return None
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("the token must be printable ASCII without spaces; is there a newline at its end?")
    return f"Bearer {token}"
