"""Who sees what: a token is asked for where the server wants one, and stays in this browser's tabs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.page.browsing import Window, button, link, window

FULL, READ = "full-token-of-the-tests", "read-token-of-the-tests"


@pytest.fixture
def guarded(browser: Browser, tmp_path: Path) -> Iterator[Window]:
    """A window at a server that wants a token, and has one job."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"full {FULL}\nread {READ}\n")
    tokens.chmod(0o600)
    with running_server(token_file=tokens) as server:
        with KalaClient(server.url, token=FULL) as kala:
            kala.create_job(name="nightly dump", command="true", schedule="0 3 * * *")
        with window(browser, server.url) as opened:
            yield opened


def sign_in(tab: Page, token: str) -> None:
    tab.get_by_label("Token", exact=True).fill(token)
    button(tab, "Sign in").click()


def test_a_wrong_token_is_told_to_be_none_and_a_right_one_opens_the_page(guarded: Window) -> None:
    tab = guarded.open("jobs")
    sign_in(tab, "not-a-token-of-this-server")
    expect(tab.get_by_role("alert")).to_have_text("This is none of the server’s tokens.")
    sign_in(tab, FULL)
    expect(link(tab, "nightly dump")).to_be_visible()


def test_a_second_tab_is_signed_in_by_the_first_and_a_strange_browser_is_asked(
    guarded: Window, browser: Browser
) -> None:
    first = guarded.open("jobs")
    sign_in(first, FULL)
    expect(link(first, "nightly dump")).to_be_visible()
    expect(link(guarded.open("jobs"), "nightly dump")).to_be_visible()
    with window(browser, guarded.url) as strange:
        expect(button(strange.open("jobs"), "Sign in")).to_be_visible()


def test_no_cookie_is_set_and_the_token_is_gone_with_its_tabs_unless_it_is_to_stay(guarded: Window) -> None:
    tab = guarded.open("jobs")
    sign_in(tab, FULL)
    expect(link(tab, "nightly dump")).to_be_visible()
    assert guarded.context.cookies() == []
    assert FULL not in tab.evaluate("JSON.stringify(localStorage)")
    tab.close()
    expect(button(guarded.open("jobs"), "Sign in")).to_be_visible()


def test_who_signs_out_does_so_in_every_tab(guarded: Window) -> None:
    first = guarded.open("jobs")
    sign_in(first, FULL)
    second = guarded.open("jobs")
    expect(link(second, "nightly dump")).to_be_visible()
    button(first, "Sign out").click()
    expect(button(second, "Sign in")).to_be_visible()


def test_who_may_only_look_is_offered_nothing_that_would_be_refused(guarded: Window) -> None:
    tab = guarded.open("jobs")
    sign_in(tab, READ)
    expect(tab.get_by_text("read-only")).to_be_visible()
    expect(tab.get_by_role("checkbox")).to_have_count(0)
    link(tab, "nightly dump").click()
    expect(tab.get_by_role("heading", level=1, name="nightly dump")).to_be_visible()
    offered = {text.strip() for text in tab.locator("main button, main a.button").all_inner_texts()}
    assert offered == {"Explain"}
    assert link(tab, "New").count() == 0
