"""Who holds a token may use the server, whoever it is; a token is never shown."""

import base64
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kala_server.config import ConfigError
from kala_server.tokens import Scope, Tokens, new_token, read_tokens, token_of

SECRET = "kala_0123456789abcdef"
OTHER = "kala_fedcba9876543210"


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def basic_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def file_of(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_tokens_everybody_has_the_full_scope() -> None:
    tokens = Tokens()
    assert not tokens
    assert tokens.scope("") is tokens.scope("Bearer x") is Scope.FULL


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {SECRET}",
        f"bearer   {SECRET} ",
        basic(f"kala:{SECRET}"),
        basic(f":{SECRET}"),
        basic(f"a b:{SECRET}"),
    ],
)
def test_a_token_is_a_bearer_token_or_the_password_of_any_user(authorization: str) -> None:
    assert Tokens([token_of(OTHER, Scope.READ), token_of(SECRET)]).scope(authorization) is Scope.FULL


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", f"Bearer {OTHER}", f"Bearer {SECRET[:-1]}", f"Bearer {SECRET}x", SECRET),
        *(f"Token {SECRET}", basic(SECRET), basic(f"{SECRET}:"), "Basic !!!", "Basic /w==", "Bearer \udcff"),
    ],
)
def test_anything_else_opens_nothing(authorization: str) -> None:
    assert Tokens([token_of(SECRET)]).scope(authorization) is None


@given(
    scheme=st.sampled_from(["Basic", "basic ", "Bearer", "Token", ""]),
    rest=st.text() | st.binary().map(lambda data: data.decode("latin-1")) | st.binary().map(basic_of),
)
@example(scheme="Basic", rest="\xe9")
def test_whatever_else_a_stranger_says_opens_nothing_and_is_no_fault(scheme: str, rest: str) -> None:
    assert Tokens([token_of(SECRET)]).scope(f"{scheme} {rest}") is None


def test_a_file_has_a_line_for_each_token(tmp_path: Path) -> None:
    made = new_token(Scope.READ)
    path = file_of(tmp_path, f"# ours\n\n  full {SECRET}  # ann\n{made}\n")
    tokens = Tokens(read_tokens(path))
    assert tokens.scope(f"Bearer {SECRET}") is Scope.FULL
    assert tokens.scope(f"Bearer {made.removeprefix('read ')}") is Scope.READ
    assert tokens.scope("Bearer ann") is None


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        (f"full {SECRET}", 0o640, "others may read the token file .*: chmod 600"),
        (f"full {SECRET}", 0o604, "others may read"),
        ("# nothing\n", 0o600, "holds no token"),
        (f"full {SECRET}\n{SECRET}", 0o600, "line 2: a line is `full SECRET` or `read SECRET`"),
        (f"admin {SECRET}", 0o600, "line 1: a line is"),
        ("full short", 0o600, "line 1: a token has at least 16 printable ASCII characters"),
        ("full kala_ümlaut_ümlaut_ümlaut", 0o600, "line 1: a token has at least"),
    ],
)
def test_a_file_that_is_not_safe_or_not_clear_is_refused_and_nothing_of_it_is_shown(
    tmp_path: Path, text: str, mode: int, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        read_tokens(file_of(tmp_path, text, mode=mode))
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_tokens(tmp_path / "none")
    path = file_of(tmp_path, "")
    path.write_bytes(b"full \xff\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_tokens(path)


def test_tokens_are_long_each_another_and_never_shown() -> None:
    made = {new_token(Scope.FULL) for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) > 45
    assert SECRET not in repr(token_of(SECRET))
