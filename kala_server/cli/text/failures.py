"""Errors of the client in one line for people: what was wrong, and what would be right. Pure."""

from kala_client import (
    AuthenticationError,
    InvalidRequestError,
    KalaConnectionError,
    KalaError,
    NotLeaderError,
)
from kala_server.cli.text.plain import printable
from kala_server.cli.text.wording import in_options


def told(error: KalaError) -> str:
    """Say on one line what went wrong."""
    return printable(_words(error))


def _words(error: KalaError) -> str:
    words = _of_the_call(error)
    said = f"{words} (through the proxy {error.proxy})" if error.proxy else words
    return "; ".join([said, *getattr(error, "__notes__", [])])  # what the other servers of several said


def _of_the_call(error: KalaError) -> str:
    if isinstance(error, KalaConnectionError) and (error.lasting or (error.never_sent and error.proxy)):
        return error.message
    if isinstance(error, KalaConnectionError) and error.never_sent:
        return f"no Kala answers at {_base(error)}; start one with: kala serve (or name another with --url)"
    if isinstance(error, AuthenticationError):
        return f"{error.message}; the token is read from KALA_TOKEN"
    if isinstance(error, InvalidRequestError) and error.errors:
        return "; ".join(map(in_options, error.errors))
    if isinstance(error, KalaConnectionError | NotLeaderError):
        return f"{error.message} ({_base(error)})"
    return error.message


def _base(error: KalaError) -> str:
    return (error.url or "").partition("/api/v1/")[0]
