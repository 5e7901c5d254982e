"""docs/security.md: the guard, tokens and the socket do what the page says."""

from pathlib import Path

import pytest

from kala_server.config import ConfigError, Settings
from kala_server.testing import running_server
from kala_server.web.base import Handler
from kala_server.web.routes.jobs import Batch
from kala_server.wire import batch, strict_json
from tests.docs import scripts
from tests.docs.blocks import DOCS, blocks, read
from tests.docs.console import Session

PAGE = read(DOCS / "security.md")
GUARD, BY_A_LINK, MAKE_TOKENS, USE_TOKENS, SOCKET = blocks(PAGE, "console")
NOWHERE = "http://127.0.0.1:1"


def test_the_guard_answers_as_documented(session: Session) -> None:
    session.play(GUARD)


def test_a_link_leads_to_the_page_and_to_no_data_as_documented(session: Session) -> None:
    session.play(BY_A_LINK)


def test_tokens_are_made_and_used_as_documented(tmp_path: Path) -> None:
    Session(NOWHERE, tmp_path).play(MAKE_TOKENS)
    with running_server(token_file=tmp_path / "tokens") as server:
        Session(server.url, tmp_path).play(USE_TOKENS)


def test_a_socket_is_used_as_documented(tmp_path: Path) -> None:
    [script] = blocks(PAGE, "python")
    with running_server(unix_socket=tmp_path / "kala.sock"):
        Session(NOWHERE, tmp_path).play(SOCKET)
        assert scripts.run(script.text, NOWHERE, tmp_path) == "0\n"
        assert (tmp_path / "kala.sock").stat().st_mode & 0o777 == 0o600


def test_a_server_beyond_this_machine_wants_one_of_the_documented_options() -> None:
    entered = []
    with pytest.raises(ConfigError) as refused, running_server(host="0.0.0.0") as server:
        entered.append(server)
    assert entered == []
    for option in ("--token-file", "--tls-cert", "--tls-client-ca", "--insecure-open-to-network"):
        assert option in str(refused.value)
        assert f"`{option}" in PAGE


def test_limits_are_the_documented_ones() -> None:
    settings = Settings()
    assert (Handler.body_limit >> 20, Batch.body_limit >> 20, strict_json.MOST_DEPTH) == (1, 64, 64)
    assert "A body: 1 MiB, a batch 64 MiB." in PAGE
    page = PAGE.replace("\n", " ")
    assert "deeper than 64" in page
    assert f"more than {strict_json.MOST_MEMBERS:,} members" in page
    assert f"more than {strict_json.MOST_ELEMENTS:,} elements" in page
    assert f"more than {strict_json.MOST_VALUES:,} values (a batch: {batch.MOST_VALUES:,})" in page
    seconds = (settings.header_timeout, settings.body_timeout, settings.unread_timeout)
    assert [limit.total_seconds() for limit in seconds] == [20, 60, 30]
