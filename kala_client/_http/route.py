"""Transports of httpx that go the way which `_network` has read; certificates are loaded where TLS is spoken.

What is wrong with a setting is an error of whoever needs it, and names the variable. It must not send anything.
"""

import os
import ssl
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from kala_client._http.network import Network, Proxy, Setting
from kala_client.errors import KalaConnectionError

if TYPE_CHECKING:
    from kala_client._http.transport import DeadlineTransport

_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)


class Routes:
    """Opens connections as one reading of the environment has it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy for an address, None where it is reached directly."""
        return self._network.proxy_for(httpx.URL(url))

    def blocking(self, url: str) -> "DeadlineTransport":
        """Return a transport to one server that holds to the deadline of a call. Raises KalaConnectionError."""
        from kala_client._http.transport import DeadlineTransport

        proxy = self._proxy(url)
        return DeadlineTransport(self._context(url), proxy=proxy)

    def asynchronous(self, url: str, limits: httpx.Limits = _LIMITS) -> httpx.AsyncBaseTransport:
        """Return a transport to one server for asyncio. Raises KalaConnectionError."""
        proxy = self._proxy(url)
        return httpx.AsyncHTTPTransport(
            verify=self._context(url), trust_env=False, limits=limits, proxy=proxy
        )

    @cached_property
    def trusting(self) -> ssl.SSLContext:
        """The certificates that are believed, loaded once. Raises KalaConnectionError."""
        return _load(self._network.tls)

    def _context(self, url: str) -> ssl.SSLContext:
        # To load the certificates takes longer than all else, so it is left where nobody looks at them.
        return self.trusting if httpx.URL(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _proxy(self, url: str) -> httpx.Proxy | None:
        proxy = self.proxy_for(url)
        if proxy is None:
            return None
        if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
            raise proxy.setting.refused(
                "names a SOCKS proxy, which takes one package more: pip install 'httpx[socks]'"
            )
        return httpx.Proxy(proxy.url, ssl_context=self.trusting if proxy.url.scheme == "https" else None)


def _load(tls: Mapping[str, Setting]) -> ssl.SSLContext:
    """Trust what the variables name, else what httpx brings along. Raises KalaConnectionError with the one at fault."""
    file, folder = tls.get("file"), tls.get("folder")
    if file and not (Path(file.value).is_file() and os.access(file.value, os.R_OK)):
        raise file.refused(f"names {file.value}, which is no file that can be read")
    # OpenSSL passes over a folder that is not there, and then trusts nobody without a word.
    if folder and not any(Path(part).is_dir() for part in folder.value.split(os.pathsep)):
        raise folder.refused(f"names {folder.value}, which is no folder")
    try:
        if not (file or folder):
            return httpx.create_ssl_context(trust_env=False)
        return ssl.create_default_context(
            cafile=file.value if file else None, capath=folder.value if folder else None
        )
    except OSError as error:
        at_fault = file if isinstance(error, ssl.SSLError) else tls.get("keys")
        if at_fault is None:
            raise KalaConnectionError.lasting_error(f"no certificates can be loaded: {error}") from error
        raise at_fault.refused(f"names {at_fault.value}, which cannot be used: {error}") from error
