"""Where a client finds its server, and what it says to be let in. No I/O."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from kala_client._calls.answers import safe_url
from kala_client._calls.call import API
from kala_client._http.network import usable_url
from kala_client._version import version

DEFAULT_URL = "http://127.0.0.1:8000"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is, and what to say to be let in, which is never shown."""

    url: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def choose(cls, url: str | None, token: str | None, environment: Mapping[str, str]) -> "Target":
        """Take the arguments, else KALA_URL and KALA_TOKEN. Userinfo in the URL becomes Basic authentication.

        Raises ValueError for an address that no client can use.
        """
        url = url or environment.get("KALA_URL") or DEFAULT_URL
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"the base URL must be such as {DEFAULT_URL}, not {safe_url(url)!r}")
        if token is None and parts.username is not None:
            authorization: str | None = _basic(parts.username, parts.password or "")
        else:
            authorization = _bearer(token or environment.get("KALA_TOKEN"))
        base = safe_url(url).rstrip("/").removesuffix(API)
        try:
            usable_url(base)
        except ValueError as error:
            raise ValueError(f"the base URL must be such as {DEFAULT_URL}: {error}") from None
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


def _basic(user: str, password: str) -> str:
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _bearer(token: str | None) -> str | None:
    if not token:
        return None
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("the token must be printable ASCII without spaces; is there a newline at its end?")
    return f"Bearer {token}"
