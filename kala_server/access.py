"""Who reaches a server, and what its jobs may reach, as the settings say; refused where strangers could run commands.

It makes no server and opens no connection.
"""

import logging
import ssl

from kala_server.config import ConfigError, Settings
from kala_server.runners.http.reach import Reach
from kala_server.tokens import Tokens, read_tokens, token_of
from kala_server.web.guard import ANY_NAME, can_be_a_host, is_loopback

_log = logging.getLogger("kala.server")


def check_settings(settings: Settings, tokens: Tokens) -> None:
    """Raise ConfigError where the settings would let strangers run commands, or would have no effect."""
    for name in settings.allowed_hosts:
        if not can_be_a_host(name):
            raise ConfigError(
                f"no request names the host {name!r}: --allowed-host takes a name alone, such as kala.example.com, "
                f"in ASCII and without scheme, port, path or spaces, or {ANY_NAME!r} for any name"
            )
    local = settings.unix_socket or settings.host == "localhost" or is_loopback(settings.host)
    if not (local or tokens or settings.tls_client_ca or settings.insecure_open_to_network):
        raise ConfigError(
            f"whoever reaches {settings.host} could run commands on this machine. Let clients show a token "
            "(--token-file, made by kala token new) or a certificate (--tls-cert, --tls-client-ca), "
            "or say --insecure-open-to-network where the network is yours alone"
        )
    if ANY_NAME in settings.allowed_hosts and not (tokens or settings.tls_client_ca or settings.unix_socket):
        _log.warning(
            "with --allowed-host '*' and without tokens, a web page whose name is made to lead here can run commands"
        )
    if not local and tokens and not settings.tls_cert:
        _log.warning(
            "tokens cross the network in the clear: use --tls-cert, or a proxy with TLS on this machine"
        )


def tokens_of(settings: Settings) -> Tokens:
    """Return who may ask what: all tokens of the file, and the one that is given. Raises ConfigError."""
    found = read_tokens(settings.token_file) if settings.token_file else []
    return Tokens([*found, token_of(settings.token)] if settings.token else found)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Return what encrypts connections; None where they are not. Raises ConfigError."""
    if settings.tls_cert is None:
        if settings.tls_key or settings.tls_client_ca:
            raise ConfigError("a TLS key or a client CA means nothing without --tls-cert")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        if settings.tls_client_ca is not None:
            context.load_verify_locations(settings.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(
            str(path) for path in (settings.tls_cert, settings.tls_key, settings.tls_client_ca) if path
        )
        raise ConfigError(f"TLS cannot be set up with {files}: {error}") from error
    return context


def reach_of(settings: Settings) -> Reach:
    """Return what HTTP jobs may call. Raises ConfigError."""
    try:
        return Reach.read(settings.http_allow, settings.http_deny)
    except ValueError as error:
        raise ConfigError(f"--http-allow and --http-deny: {error}") from None
