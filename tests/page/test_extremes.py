"""What is long, many or strange stays what it is, and a page that one can read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from kala_client import Job, KalaClient
from kala_server.testing import running_server
from tests.page.browsing import PHONE, link, window

ODD_NAMES = [
    "<img src=x onerror=alert(1)>",
    "نسخ احتياطي ليلي للبيانات",
    "🧾 send invoices 🇩🇪",
    "x" * 300,
    "\u202eesrever nialp",
    "&amp; \"quoted\" 'names' {{braces}} ${x}",
]
MOST_NODES = 3_000


@contextmanager
def a_server() -> Iterator[tuple[KalaClient, str]]:
    with running_server() as server, KalaClient(server.url) as kala:
        yield kala, server.url


def scrolls_sideways(tab: Page) -> bool:
    wide: bool = tab.evaluate("() => document.documentElement.scrollWidth > innerWidth")
    return wide


def nodes(tab: Page) -> int:
    count: int = tab.evaluate("() => document.querySelectorAll('*').length")
    return count


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desk"])
def test_odd_names_stay_text_and_let_no_page_scroll_sideways(
    browser: Browser, viewport: dict[str, int]
) -> None:
    with a_server() as (kala, url), window(browser, url, viewport=viewport) as seen:
        ids = kala.create_jobs(
            Job(name=name, command="true", schedule="0 9 * * *", description=name, owner=name[:60])
            for name in ODD_NAMES
        )
        jobs = seen.open("jobs")
        for name in ODD_NAMES:
            expect(link(jobs, name)).to_have_count(1)
        assert not scrolls_sideways(jobs)
        for address in ("", *(f"job/{job_id}" for job_id in ids), f"job/{ids[3]}/edit"):
            tab = seen.open(address)
            expect(tab.get_by_role("heading", level=1)).to_be_visible()
            assert not scrolls_sideways(tab), address
            tab.close()


def test_a_job_with_thousands_of_children_is_shown_with_the_nearest_of_them(browser: Browser) -> None:
    with a_server() as (kala, url), window(browser, url) as seen:
        parent = kala.create_job(name="all begins here", command="true", schedule="0 9 * * *")
        kala.create_jobs(Job(name=f"child {n}", command="true", parent_jobs=[parent]) for n in range(5_000))
        tab = seen.open(f"job/{parent}")
        expect(tab.get_by_role("heading", level=1)).to_have_text("all begins here")
        expect(tab.get_by_text("child 0", exact=True).first).to_be_visible()
        assert nodes(tab) < MOST_NODES
        now = seen.open()
        expect(now.get_by_role("heading", level=1)).to_be_visible()
        assert nodes(now) < MOST_NODES


def test_a_run_that_printed_all_that_is_kept_in_colours_can_be_read_and_searched(browser: Browser) -> None:
    line = "\\033[1;3%dm%06d\\033[0m \\033[38;5;%dmsome of what is printed\\033[0m\\n"
    command = f"awk 'BEGIN {{ for (n = 0; n < 3000; n++) printf \"{line}\", n % 8, n, n % 256 }}'"
    with a_server() as (kala, url), window(browser, url) as seen:
        job_id = kala.create_job(name="prints", command=command, shell=True, schedule="never")
        run = kala.wait(kala.run_job(job_id))
        assert run.output_cut
        tab = seen.open(f"run/{run.id}")
        printed = tab.get_by_label("What it printed")
        expect(printed).to_contain_text("002999 some of what is printed")
        assert "\x1b" not in printed.inner_text()
        assert nodes(tab) < MOST_NODES
        tab.get_by_label("Find in output").fill("002990")
        expect(tab.get_by_text("1 of 1 line")).to_be_visible()


def test_a_paused_server_says_so_on_the_page(browser: Browser) -> None:
    with a_server() as (kala, url), window(browser, url) as seen:
        kala.create_job(name="waits", command="true", schedule="0 9 * * *")
        kala.pause("ask Ana")
        expect(seen.open().get_by_text("paused", exact=False).first).to_be_visible()
