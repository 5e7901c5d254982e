"""Errors of the client in one line for people."""

import warnings

import pytest

from kala_client import (
    AuthenticationError,
    ConflictError,
    FieldError,
    InvalidJobError,
    KalaConnectionError,
    KalaError,
    KalaWarning,
)
from kala_server.cli.remote import warnings_on_stderr
from kala_server.cli.text.failures import told


def test_a_warning_of_the_server_is_a_line_on_stderr_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings_on_stderr():
        for _ in range(2):
            warnings.warn("retry: there is no such field\n", KalaWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "Warning: retry: there is no such field\\n\n" * 2)


URL = "http://127.0.0.1:8000/api/v1/job/"


def never_sent() -> KalaError:
    error = KalaConnectionError("refused", method="GET", url=URL)
    error.never_sent = True
    return error


def lasting(message: str) -> KalaError:
    return KalaConnectionError.lasting_error(message)


def proxied(error: KalaError) -> KalaError:
    error.proxy = "http://proxy.test:3128 of HTTP_PROXY"
    return error


def invalid(*errors: FieldError) -> KalaError:
    error = InvalidJobError("the job was refused", method="POST", url=URL, status=400)
    error.errors = errors
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            never_sent(),
            "no Kala answers at http://127.0.0.1:8000; start one with: kala serve (or name another with --url)",
        ),
        (proxied(never_sent()), "refused (through the proxy http://proxy.test:3128 of HTTP_PROXY)"),
        (
            proxied(ConflictError("disabled")),
            "disabled (through the proxy http://proxy.test:3128 of HTTP_PROXY)",
        ),
        (lasting("SSL_CERT_FILE names nothing"), "SSL_CERT_FILE names nothing"),
        (KalaConnectionError("cut off", url=URL), "cut off (http://127.0.0.1:8000)"),
        (AuthenticationError("a token is needed"), "a token is needed; the token is read from KALA_TOKEN"),
        (
            invalid(FieldError("name", "is missing"), FieldError("retries", "must be whole", "2")),
            "name: is missing; retries: must be whole (such as 2)",
        ),
        (invalid(), "the job was refused"),
        (ConflictError("the job is disabled", url=URL), "the job is disabled"),
        (ConflictError("two\nlines \x1b[31m"), r"two\nlines \x1b[31m"),
    ],
)
def test_an_error_is_one_line_that_says_what_would_be_right(error: KalaError, line: str) -> None:
    assert told(error) == line
