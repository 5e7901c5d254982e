"""Now: the headline says what is broken and who waits behind it, and every mark says why it is there."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from kala_server.testing.kit import Kit
from tests.page.browsing import Window, button, link, window
from tests.page.night import Night


def options(tab: Page) -> Locator:
    return tab.get_by_role("listbox").get_by_role("option")


def rows(tab: Page) -> list[str]:
    return options(tab).locator(".row-label").all_inner_texts()


@pytest.fixture
def now(seen: Window, night: Night) -> Page:
    """Now, on the morning after the night."""
    tab = seen.open(now=night.now)
    expect(options(tab).first).to_be_visible()
    return tab


@pytest.mark.parametrize(
    ("failing", "headline"),
    [
        ([], "Nothing is failing."),
        (["a"], "a is failing."),
        (["a", "b"], "b and a are failing."),
        (["a", "b", "c", "d"], "d and 3 more are failing."),
    ],
)
def test_the_headline_names_what_is_failing_and_counts_the_rest(
    browser: Browser, failing: list[str], headline: str
) -> None:
    with Kit(start="2035-03-05T03:00Z") as kit, window(browser, kit.url) as seen:
        for n, name in enumerate(["a", "b", "c", "d"]):
            kit.client.create_job(name=name, command="x", schedule=f"{n} 4 * * *")
            kit.command(name).then(exit_code=int(name in failing))
        kit.advance("PT2H")
        tab = seen.open(now=kit.now)
        expect(tab.get_by_role("heading", level=1)).to_have_text(headline)


def test_who_waits_behind_is_named_below_it(now: Page) -> None:
    expect(now.get_by_role("heading", level=1)).to_have_text(
        "extract payments and dump wiki database are failing."
    )
    expect(now.get_by_text(re.compile("^Behind extract payments wait"))).to_have_text(
        "Behind extract payments wait clean payments, load payments, build warehouse marts and 4 more."
    )


def test_the_figures_lead_to_what_they_count(now: Page) -> None:
    link(now, "7 failed").click()
    expect(now.get_by_role("heading", level=1)).to_contain_text("Runs of all jobs since")
    expect(now.get_by_role("listitem")).to_have_count(7)
    expect(now.get_by_text("exit code 74")).to_be_visible()


def test_what_fails_is_picked_and_its_last_lines_are_there(now: Page) -> None:
    expect(now.get_by_role("heading", level=2, name="extract payments", exact=True)).to_be_visible()
    expect(now.get_by_label("The last lines")).to_contain_text("server closed the connection unexpectedly")


def test_arrow_keys_go_along_a_row_and_say_why_a_slot_did_not_run(now: Page) -> None:
    now.get_by_role("listbox").focus()
    place = rows(now).index("poll payment gateway")
    for _ in range(place):
        now.keyboard.press("ArrowDown")
    expect(now.get_by_role("option", selected=True).filter(has=now.locator(".row-label"))).to_contain_text(
        "poll payment gateway"
    )
    told: list[str] = []
    for _ in range(4):
        now.keyboard.press("ArrowRight")
        told.append(now.locator("[aria-live=polite]").inner_text())
    assert "Tue 6 Mar 13:05–13:20, 4 slots did not run: the server was down" in told


def test_a_row_says_in_a_sentence_what_its_marks_show(now: Page) -> None:
    name = now.get_by_role("option", name=re.compile("^clean payments")).get_attribute("aria-label") or ""
    assert "1 did not run" in name
    assert "its parent did not succeed" in name


def test_a_filter_and_a_window_stand_in_the_address(now: Page) -> None:
    now.get_by_label("Filter jobs").fill("price feed")
    expect(options(now)).to_have_count(5)
    link(now, "6 h").click()
    expect(now).to_have_url(re.compile(r"h=6"))
    assert "q=price" in now.url


def test_no_row_moves_while_somebody_is_in_the_list(browser: Browser) -> None:
    with Kit(start="2035-03-05T03:00Z") as kit, window(browser, kit.url) as seen:
        for name, schedule in (("a", "0 4 * * *"), ("b", "0 5 * * *")):
            kit.client.create_job(name=name, command="x", schedule=schedule)
        kit.command("b").then(exit_code=1)
        tab = seen.open(now=kit.now)
        expect(options(tab)).to_have_count(2)
        before = rows(tab)
        tab.get_by_role("listbox").focus()
        kit.advance("PT3H")
        expect(tab.get_by_text("would stand elsewhere")).to_be_visible()
        assert rows(tab) == before
        tab.get_by_label("Filter jobs").focus()
        expect(options(tab).first).to_contain_text("b")


def test_a_server_without_jobs_says_how_to_make_one(browser: Browser) -> None:
    with Kit() as kit, window(browser, kit.url) as seen:
        tab = seen.open(now=kit.now)
        expect(tab.get_by_role("heading", level=1)).to_have_text("There is no job yet.")
        expect(tab.get_by_text(f"curl {kit.url}/api/v1/job/")).to_be_visible()


def test_a_paused_server_says_so_and_is_resumed_in_words(browser: Browser) -> None:
    with Kit() as kit, window(browser, kit.url) as seen:
        kit.client.create_job(name="a", command="x", schedule="0 4 * * *")
        kit.client.pause("the database moves")
        tab = seen.open(now=kit.now)
        expect(tab.get_by_text("“the database moves”")).to_be_visible()
        button(tab, "Resume").click()
        button(tab, "Yes, let jobs start by themselves again").click()
        expect(tab.get_by_text("The server is paused")).to_have_count(0)
        assert not kit.client.get_pause().paused
