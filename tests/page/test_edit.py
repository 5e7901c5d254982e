"""Edit and New: what follows from a change stands beside it before it is saved, and nothing is stored before that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.page.browsing import button, link, window


@contextmanager
def an_edit(browser: Browser, **said: Any) -> Iterator[tuple[KalaClient, str, Page]]:
    """Have a real server with one job, and a tab in which it is edited."""
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        fields = {"name": "send invoices", "command": "true", "schedule": "0 7 * * MON-FRI", **said}
        job_id = kala.create_job(timezone="Europe/Berlin", **fields)
        yield kala, job_id, seen.open(f"job/{job_id}/edit")


def test_a_change_shows_the_slots_before_and_after_and_is_saved_by_its_button_alone(browser: Browser) -> None:
    with an_edit(browser) as (kala, job_id, tab):
        expect(button(tab, "Save 0 changes")).to_be_disabled()
        tab.get_by_label("Schedule", exact=True).fill("0 6 * * MON-SAT")
        expect(tab.get_by_text("was 0 7 * * MON-FRI")).to_be_visible()
        expect(tab.get_by_role("table").get_by_role("img", name="new").first).to_be_visible()
        expect(tab.get_by_role("table").get_by_role("cell").nth(0)).to_contain_text("07:00")
        expect(tab.get_by_role("table").get_by_role("cell").nth(1)).to_contain_text("06:00")
        assert kala.get_job(job_id).schedule == "0 7 * * MON-FRI"
        button(tab, "Save 1 change").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("send invoices")
        assert kala.get_job(job_id).schedule == "0 6 * * MON-SAT"


def test_a_wrong_value_is_told_at_its_field_with_one_that_would_be_right(browser: Browser) -> None:
    with an_edit(browser) as (kala, job_id, tab):
        tab.get_by_label("Schedule", exact=True).fill("0 9 * *")
        use = tab.get_by_role("button", name="Use ")
        expect(use).to_be_visible()
        expect(tab.get_by_label("Schedule", exact=True)).to_have_attribute("aria-invalid", "true")
        example = use.inner_text().removeprefix("Use ")
        use.click()
        expect(tab.get_by_label("Schedule", exact=True)).to_have_value(example)
        expect(use).to_have_count(0)
        assert kala.get_job(job_id).schedule == "0 7 * * MON-FRI"


def test_of_two_who_edit_one_job_the_second_is_told_and_saves_nothing(browser: Browser) -> None:
    with an_edit(browser) as (kala, job_id, tab):
        tab.get_by_label("Description").fill("mine")
        expect(button(tab, "Save 1 change")).to_be_enabled()
        kala.update_job(job_id, description="theirs")
        button(tab, "Save 1 change").click()
        expect(tab.get_by_role("alert")).to_contain_text("Somebody else has changed this job meanwhile.")
        assert kala.get_job(job_id).description == "theirs"
        button(tab, "Look at it as it is now").click()
        expect(tab.get_by_label("Description")).to_have_value("theirs")


def test_only_what_was_changed_is_sent(browser: Browser) -> None:
    with an_edit(browser, env={"A": "1", "B": "2"}, tags=["billing"]) as (kala, job_id, tab):
        tab.get_by_label("Variables").fill("B=2\nC=3")
        expect(button(tab, "Save 1 change")).to_be_enabled()
        button(tab, "Save 1 change").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("send invoices")
        job = kala.get_job(job_id)
        assert (job.env, job.tags, job.retries) == ({"B": "2", "C": "3"}, ["billing"], 0)


def test_a_new_job_is_made_of_what_was_typed_and_not_before(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        tab = seen.open("jobs")
        link(tab, "New").click()
        tab.get_by_label("Name", exact=True).fill("hello")
        tab.get_by_label("Command", exact=True).fill("echo hello")
        expect(tab.get_by_text("Monday to Friday at 09:00")).to_be_visible()
        assert kala.get_all_jobs() == {}
        button(tab, "Make this job").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("hello")
        [job] = kala.get_all_jobs().values()
        assert (job.command, job.schedule, job.timezone) == ("echo hello", "0 9 * * MON-FRI", "Europe/Berlin")
