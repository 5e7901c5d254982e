"""Who holds a token may use the server: with a `full` one for everything, with a `read` one to look.

A token comes as a bearer token, or as the password of Basic authentication, so that a client that knows nothing of
tokens works with `http://kala:TOKEN@host`. A token is never shown: not in a repr, an error or a log.
"""

import base64
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe

from kala_server.config import ConfigError

_SHORTEST = 16
"""Characters; a shorter token can be guessed."""


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Token:
    """A token by its digest: the secret itself is not kept."""

    digest: bytes = field(repr=False)
    scope: Scope


class Tokens:
    """The tokens of one server; where there are none, everybody has the full scope."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._tokens = tuple(tokens)

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def scope(self, authorization: str) -> Scope | None:
        """Return what an Authorization header allows, None where it allows nothing. Takes as long for any of them."""
        if not self._tokens:
            return Scope.FULL
        digest = _digest(_secret_of(authorization))
        found = None
        for token in self._tokens:
            if compare_digest(token.digest, digest):
                found = token.scope
        return found


def new_token(scope: Scope) -> str:
    """Return a line for a token file: a scope and a new secret of 256 bits."""
    return f"{scope} kala_{token_urlsafe(32)}"


def token_of(secret: str, scope: Scope = Scope.FULL) -> Token:
    """Return the token of a secret. Raises ConfigError for one that could be guessed or not be sent."""
    if len(secret) < _SHORTEST or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(
            f"a token has at least {_SHORTEST} printable ASCII characters and no spaces; kala token new makes one"
        )
    return Token(_digest(secret), scope)


def read_tokens(path: Path) -> list[Token]:
    """Read a token file: a line for each token, `full SECRET` or `read SECRET`; `#` begins a comment.

    Raises ConfigError where others than its owner may read it, or where a line is something else.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(f"others may read the token file {path}: chmod 600 {path}")
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token file {path} cannot be read: {error}") from error
    tokens = [
        _token_in(line, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.partition("#")[0].strip()
    ]
    if not tokens:
        raise ConfigError(f"the token file {path} holds no token; kala token new makes one")
    return tokens


def _token_in(line: str, where: str) -> Token:
    words = line.partition("#")[0].split()
    if len(words) != 2 or words[0] not in set(Scope):
        raise ConfigError(f"{where}: a line is `full SECRET` or `read SECRET`")
    try:
        return token_of(words[1], Scope(words[0]))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _secret_of(authorization: str) -> str:
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(rest.strip(), validate=True).decode()
    except ValueError:  # no base64, or no text in it
        return ""
    return pair.partition(":")[2]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()
