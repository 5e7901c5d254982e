"""The list of all jobs: found by a letter or two, by how they are, and in any order."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from kala_client import Job, KalaClient
from kala_server.testing import running_server
from tests.eventually import eventually
from tests.page.browsing import Window, button, link, window
from tests.page.night import Night

MANY = 5_000


def names(tab: Page) -> list[str]:
    return tab.locator("td.c-name").all_inner_texts()


def row(tab: Page, name: str) -> Locator:
    return tab.get_by_role("row").filter(has=link(tab, name))


def test_what_fails_stands_first_and_says_so(seen: Window, night: Night) -> None:
    tab = seen.open("jobs", now=night.now)
    expect(link(tab, "dump wiki database")).to_be_visible()
    assert set(names(tab)[:2]) == {"dump wiki database", "extract payments"}
    expect(row(tab, "extract payments")).to_contain_text("failing")


def test_a_schedule_says_on_whose_clock_it_is(seen: Window, night: Night) -> None:
    tab = seen.open("jobs?q=price feed us", now=night.now)
    expect(row(tab, "price feed us")).to_contain_text("America/New_York")


def test_a_job_is_found_by_a_part_of_its_name_and_the_address_says_so(seen: Window, night: Night) -> None:
    tab = seen.open("jobs", now=night.now)
    expect(link(tab, "extract payments")).to_be_visible()
    tab.keyboard.press("/")
    tab.keyboard.type("wareH")
    expect(tab.locator("td.c-name")).to_have_text(["build warehouse marts"])
    expect(tab).to_have_url(re.compile(r"#/jobs\?q=wareH$"))
    expect(link(seen.open("jobs?q=wareH", now=night.now), "build warehouse marts")).to_be_visible()


def test_states_and_columns_are_links(seen: Window, night: Night) -> None:
    tab = seen.open("jobs", now=night.now)
    link(tab, "disabled").click()
    expect(tab.locator("td.c-name")).to_have_text(["price feed br"])
    link(tab, "all").click()
    link(tab, "Name").click()
    expect(tab.locator("td.c-name").first).to_have_text("build warehouse marts")
    expect(tab.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")


def test_keys_go_from_row_to_row_and_open_a_job(seen: Window, night: Night) -> None:
    tab = seen.open("jobs?sort=name", now=night.now)
    expect(link(tab, "clean customers")).to_be_visible()
    tab.locator(".table-box").focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1, name="clean customers")).to_be_visible()
    tab.keyboard.press("g")
    tab.keyboard.press("j")
    expect(tab.get_by_role("columnheader", name="Owner")).to_be_visible()


def test_single_letters_can_be_turned_off(seen: Window, night: Night) -> None:
    tab = seen.open("jobs", now=night.now)
    button(tab, "Keys").click()
    tab.get_by_label("Single letters are keys").uncheck()
    button(tab, "Close").click()
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_of_a_long_list_only_what_is_seen_is_drawn_and_any_place_is_reached(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        kala.create_jobs(
            Job(name=f"tenant {n:05}", command="true", schedule="0 3 * * *") for n in range(MANY)
        )
        tab = seen.open("jobs?sort=name")
        expect(tab.get_by_text(f"{MANY:,} jobs")).to_be_visible()
        assert tab.evaluate("document.querySelectorAll('*').length") < 3_000
        tab.locator(".table-box").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
        expect(link(tab, f"tenant {MANY - 1:05}")).to_be_visible()
        tab.get_by_label("Search name, command, owner").fill("tenant 04242")
        expect(tab.locator("td.c-name")).to_have_text(["tenant 04242"])


def test_what_is_searched_from_far_down_is_asked_for_once_and_stands_at_the_top(browser: Browser) -> None:
    with (
        running_server() as server,
        KalaClient(server.url) as kala,
        window(browser, server.url) as seen,
    ):
        kala.create_jobs(Job(name=f"job {n:03}", command="true", schedule="never") for n in range(400))
        asked: list[str] = []
        tab = seen.open("jobs?sort=name")
        expect(link(tab, "job 000")).to_be_visible()
        tab.locator(".table-box").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
        expect(link(tab, "job 399")).to_be_visible()
        tab.on("request", lambda request: asked.append(request.url))
        tab.get_by_label("Search name, command, owner").fill("job")
        expect(link(tab, "job 000")).to_be_visible()
        assert re.findall("offset=[0-9]+", " ".join(asked)) == ["offset=0"]


@pytest.mark.parametrize("action", ["Disable", "Delete …"])
def test_what_is_done_to_many_is_said_before_and_refused_where_they_are_others_by_then(
    browser: Browser, action: str
) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        for n in range(3):
            kala.create_job(name=f"tenant {n}", command="true", schedule="0 3 * * *")
        kala.create_job(name="other", command="true", schedule="0 3 * * *")
        tab = seen.open("jobs?q=tenant")
        expect(link(tab, "tenant 2")).to_be_visible()
        tab.get_by_label("Select all 3 that are found").check()
        button(tab, action).click()
        verb = action.partition(" ")[0].lower()
        yes = button(tab, f"Yes, {verb} 3 jobs")
        kala.create_job(name="tenant 3", command="true", schedule="0 3 * * *")
        if verb == "delete":
            expect(yes).to_be_disabled()
            tab.get_by_label("Type how many these are").fill("3")
        yes.click()
        expect(tab.get_by_role("alert")).to_contain_text("is 4, not 3")
        assert not any(job.disabled for job in kala.get_all_jobs().values())
        assert len(kala.get_all_jobs()) == 5


def test_jobs_that_were_chosen_one_by_one_are_disabled_and_no_other(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        ids = {
            name: kala.create_job(name=name, command="true", schedule="0 3 * * *") for name in ("a", "b", "c")
        }
        tab = seen.open("jobs")
        tab.get_by_label("Select a", exact=True).check()
        tab.get_by_label("Select c", exact=True).check()
        button(tab, "Disable").click()
        button(tab, "Yes, disable 2 jobs").click()
        eventually(lambda: kala.get_job(ids["c"]).disabled)
        assert [kala.get_job(ids[name]).disabled for name in "abc"] == [True, False, True]
