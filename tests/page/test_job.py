"""One job, one run: what it did, why it did not, and what is done with it only when somebody has said so twice."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.eventually import eventually
from tests.page.browsing import Window, button, link, settled, window
from tests.page.night import LINES_OF_TRACE, Night


@contextmanager
def a_job(browser: Browser, **said: Any) -> Iterator[tuple[KalaClient, str, Page]]:
    """Have a real server with one job, and a tab that shows it."""
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        job_id = kala.create_job(
            **{"name": "nightly dump", "schedule": "0 3 1 1 *", "command": "echo dumped", **said}
        )
        yield kala, job_id, seen.open(f"job/{job_id}")


def test_its_ledger_is_told_in_sentences(seen: Window, night: Night) -> None:
    tab = seen.open(f"job/{night.ids['clean payments']}", now=night.now)
    expect(tab.get_by_role("heading", level=1)).to_have_text("clean payments")
    ledger = tab.get_by_label("Runs, the latest first").get_by_role("listitem")
    expect(ledger.first).to_contain_text(
        "its parent 'extract payments' did not succeed (failed: exit code 74)"
    )


def test_why_it_did_not_run_at_a_time_is_asked_by_the_clock_alone(seen: Window, night: Night) -> None:
    tab = seen.open(f"job/{night.ids['extract payments']}", now=night.now)
    tab.get_by_label("Why at").fill("02:10")
    button(tab, "Explain").click()
    expect(tab.get_by_role("status").filter(has_text="exit code 74")).to_be_visible()
    expect(tab).to_have_url(re.compile(r"at=2035-03-07T01%3A10%3A00Z"))


def test_the_zone_of_the_page_is_that_of_every_time_on_it(seen: Window, night: Night) -> None:
    job = night.ids["price feed us"]
    tab = seen.open(f"job/{job}", now=night.now)
    expect(tab.get_by_text("next 12:02")).to_contain_text("(06:02 there)")
    tab.get_by_label("Time zone of this page").select_option("UTC")
    expect(tab.get_by_text("next 11:02")).to_contain_text("(06:02 there)")
    expect(tab).to_have_url(re.compile("zone=UTC"))
    expect(
        seen.open(f"job/{job}?zone=Asia/Kathmandu", now=night.now).get_by_text("next 16:47")
    ).to_be_visible()


def test_its_durations_are_bars_with_their_median(seen: Window, night: Night) -> None:
    tab = seen.open(f"job/{night.ids['sync calendar']}", now=night.now)
    expect(tab.get_by_text("median 20 s")).to_be_visible()


def test_what_it_printed_is_all_there_and_a_line_has_an_address(seen: Window, night: Night) -> None:
    job = night.ids["extract payments"]
    [run, *_] = night.kit.client.runs(job)
    tab = seen.open(f"run/{run.id}/L901-L903", now=night.now)
    expect(tab.get_by_text(f"{LINES_OF_TRACE} lines")).to_be_visible()
    expect(tab.locator(".line.picked")).to_have_count(3)
    expect(tab.locator(".line.picked .bad, .line.picked .f1").first).to_have_text("ERROR")
    link(tab, "Line 905").click()
    expect(tab).to_have_url(re.compile(rf"run/{run.id}/L905$"))


def test_what_is_searched_in_the_output_is_counted_and_shown(seen: Window, night: Night) -> None:
    [run, *_] = night.kit.client.runs(night.ids["extract payments"])
    tab = seen.open(f"run/{run.id}", now=night.now)
    tab.get_by_label("Find in output").fill("batch    7 of")
    expect(tab.get_by_text("1 of 1 line")).to_be_visible()
    expect(tab.locator("mark")).to_have_text(["batch    7 of"])
    tab.get_by_label("Find in output").fill("nowhere")
    expect(tab.get_by_text("not found")).to_be_visible()


def test_words_that_are_searched_before_the_output_is_there_are_shown_when_it_is(
    seen: Window, night: Night
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    seen.context.route("**/output/**", hold)
    [run, *_] = night.kit.client.runs(night.ids["extract payments"])
    tab = seen.open(f"run/{run.id}", now=night.now)
    tab.get_by_label("Find in output").fill("batch    7 of")
    expect(tab.get_by_text("not found")).to_be_visible()
    assert held
    for route in held:
        route.continue_()
    expect(tab.get_by_text(f"{LINES_OF_TRACE} lines")).to_be_visible()
    settled(tab)  # what is drawn first is the beginning; only then does the window go where it is to be
    assert tab.locator("mark").all_inner_texts() == ["batch    7 of"]


def test_a_run_is_started_once_and_only_by_who_says_yes(browser: Browser) -> None:
    with a_job(browser) as (kala, job_id, tab):
        button(tab, "Run now").click()
        button(tab, "Do not run").click()
        button(tab, "Run now").click()
        button(tab, "Yes, run “nightly dump” now").click()
        expect(tab.get_by_label("What it printed")).to_contain_text("dumped")
        assert len(list(kala.runs(job_id))) == 1


def test_no_key_acts_on_a_job(browser: Browser) -> None:
    with a_job(browser) as (kala, job_id, tab):
        expect(button(tab, "Run now")).to_be_visible()
        for key in ["r", "s", "x", "d", "e", "Enter", "Delete", "Space", "y"]:
            tab.keyboard.press(key)
        assert list(kala.runs(job_id)) == []
        assert not kala.get_job(job_id).disabled


def test_a_run_is_ended_by_who_says_so_twice(browser: Browser) -> None:
    with a_job(browser, command="sleep 600") as (kala, job_id, tab):
        kala.start_job(job_id)
        button(tab, "End run").click()
        button(tab, "Yes, end this run of “nightly dump”").click()
        eventually(lambda: [run.state for run in kala.runs(job_id)] == ["cancelled"])


def test_a_job_is_deleted_by_who_types_its_name(browser: Browser) -> None:
    with a_job(browser) as (kala, _, tab):
        button(tab, "Delete this job …").click()
        yes = button(tab, "Delete “nightly dump” and its history")
        expect(yes).to_be_disabled()
        tab.get_by_label("Type nightly dump").fill("nightly dump")
        yes.click()
        eventually(lambda: not kala.get_all_jobs())


def test_output_is_followed_and_stays_where_a_reader_has_scrolled(browser: Browser) -> None:
    command = (
        "bash -c 'for n in $(seq 400); do echo line $n; done; while true; do echo more; sleep 0.05; done'"
    )
    with a_job(browser, command=command) as (kala, job_id, tab):
        kala.start_job(job_id)
        lines = tab.get_by_label("What it printed")
        expect(lines).to_contain_text("more")
        expect(tab.get_by_text("following")).to_be_visible()
        assert lines.evaluate("(box) => box.scrollTop") > 0
        lines.evaluate("(box) => box.scrollTo(0, 0)")
        expect(lines).to_contain_text("line 1")
        first = tab.get_by_text(re.compile(r"^\d+ lines · following")).inner_text()
        expect(tab.get_by_text(first)).to_have_count(0)
        assert lines.evaluate("(box) => box.scrollTop") == 0


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "\u202etxt.exe\u202c \u05e2\u05d1\u05e8\u05d9\u05ea",
        "🦆" * 40,
        "n" * 300,
    ],
)
def test_a_name_is_text_whatever_it_says(browser: Browser, name: str) -> None:
    with a_job(
        browser,
        name=name,
        description=f"{name} https://wiki.example.com/a?b=c. javascript:alert(1)",
        owner=name,
    ) as (_, _, tab):
        expect(tab.get_by_role("heading", level=1)).to_have_text(name.strip())
        assert tab.locator("img").count() == 0
        expect(link(tab, "https://wiki.example.com/a?b=c")).to_have_attribute("rel", "noreferrer noopener")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for address in ("#/jobs", "#/"):
            tab.evaluate("(address) => { location.hash = address }", address)
            expect(tab.get_by_text(name[:20]).first).to_be_attached()
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
