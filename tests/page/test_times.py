"""Times as the page tells them: where clocks are changed, and where a server was killed or paused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from kala_client import KalaClient
from kala_server.testing import Kit
from tests.eventually import eventually
from tests.faults.server_child import server_child, server_program
from tests.faults.stepped_clock import SteppedClock, library
from tests.page.browsing import button, window

BERLIN, NEW_YORK, LORD_HOWE, KOLKATA = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)


def entries(tab: Page) -> Locator:
    return tab.get_by_label("Runs, the latest first").get_by_role("listitem")


@contextmanager
def a_job_in(
    browser: Browser, zone: str, start: str, schedule: str, *, advance: str, reader: str = ""
) -> Iterator[Page]:
    """Show the screen of a job of a zone to somebody who lives there, after a time."""
    with Kit(start) as kit, window(browser, kit.url, timezone_id=reader or zone) as seen:
        job_id = kit.client.create_job(name="tick", command="tick", schedule=schedule, timezone=zone)
        kit.advance(advance)
        yield seen.open(f"job/{job_id}", now=kit.now)


# -- where clocks are changed


@pytest.mark.parametrize(
    ("zone", "start", "schedule", "told"),
    [
        pytest.param(BERLIN, "2035-03-24T22:59Z", "0 * * * *", "00:00 01:00 03:00 04:00", id="Berlin on"),
        pytest.param(BERLIN, "2035-10-27T22:59Z", "0 * * * *", "01:00 02:00 02:00+ 03:00", id="Berlin back"),
        pytest.param(NEW_YORK, "2035-03-11T04:59Z", "0 * * * *", "00:00 01:00 03:00 04:00", id="New York on"),
        pytest.param(
            NEW_YORK, "2035-11-04T03:59Z", "0 * * * *", "00:00 01:00 01:00+ 02:00", id="New York back"
        ),
        pytest.param(
            LORD_HOWE, "2035-10-06T14:29Z", "*/30 * * * *", "01:00 01:30 02:30 03:00", id="Lord Howe on"
        ),
        pytest.param(
            LORD_HOWE, "2035-03-31T13:59Z", "*/30 * * * *", "01:00 01:30 01:30+ 02:00", id="Lord Howe back"
        ),
        pytest.param(KOLKATA, "2035-03-25T00:29Z", "*/30 * * * *", "06:00 06:30 07:00 07:30", id="Kolkata"),
    ],
)
def test_an_hour_that_a_clock_passes_over_is_not_told_and_one_that_it_shows_twice_is_told_apart(
    browser: Browser, zone: str, start: str, schedule: str, told: str
) -> None:
    expected = [text.replace("+", " again") for text in told.split()]
    ahead = f"next {expected[1]}, {expected[2]} and {expected[3]}"
    first = "PT1M"
    with a_job_in(browser, zone, start, schedule, advance=first) as tab:
        expect(tab.get_by_text(ahead)).to_be_visible()
    with a_job_in(browser, zone, start, schedule, advance=first, reader="Asia/Kathmandu") as tab:
        expect(tab.get_by_text(f"({expected[2]} there)")).to_be_visible()
    with a_job_in(browser, zone, start, schedule, advance="PT4H") as tab:
        expect(entries(tab).filter(has_text=expected[0])).not_to_have_count(0)
        due = entries(tab).locator("time").all()[::-1][: len(expected)]
        assert [time.inner_text() for time in due] == expected
        instants = [datetime.fromisoformat(time.get_attribute("datetime") or "") for time in due]
        assert [f"{at.astimezone(ZoneInfo(zone)):%H:%M}" for at in instants] == [
            text.removesuffix(" again") for text in expected
        ]
        assert instants == sorted(set(instants))


@pytest.mark.parametrize(
    ("zone", "day", "asked", "answered"),
    [
        pytest.param(BERLIN, "2035-03-25", "02:30", "03:30", id="Berlin on"),
        pytest.param(BERLIN, "2035-10-28", "02:30", "02:30", id="Berlin back"),
        pytest.param(NEW_YORK, "2035-03-11", "02:30", "03:30", id="New York on"),
        pytest.param(NEW_YORK, "2035-11-04", "01:30", "01:30", id="New York back"),
        pytest.param(LORD_HOWE, "2035-10-07", "02:15", "02:45", id="Lord Howe on"),
        pytest.param(LORD_HOWE, "2035-04-01", "01:45", "01:45", id="Lord Howe back"),
    ],
)
def test_what_is_asked_about_such_an_hour_is_asked_as_schedules_mean_it(
    browser: Browser, zone: str, day: str, asked: str, answered: str
) -> None:
    """Where a clock is put on it goes on as if it was not; where it is put back, the first time is meant."""
    before = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) - timedelta(days=1)
    schedule = f"R/{before:%Y-%m-%d}T{asked}:00/P1D"
    with a_job_in(browser, zone, before.isoformat(), schedule, advance="PT44H") as tab:
        tab.get_by_label("Why at").fill(asked)
        button(tab, "Explain").click()
        answer = tab.get_by_role("status").filter(has_text="succeeded")
        expect(answer.get_by_text(answered, exact=True)).to_be_visible()


# -- where the server was not there, or its time was another one


@pytest.fixture
def kit() -> Iterator[Kit]:
    """A server of which a job is due every ten minutes."""
    with Kit("2035-06-04T06:00Z") as kit:
        kit.client.create_job(name="tick", command="tick", schedule="*/10 * * * *", keep_runs=1000)
        kit.advance("PT2H5M")
        yield kit


def skipped(tab: Page) -> str:
    """Return what is said aloud of the last mark of the first row that is no success."""
    tab.get_by_role("option", name="tick").click(position={"x": 4, "y": 4})
    tab.keyboard.press("ArrowLeft")
    said: str = tab.locator("[aria-live=polite]").inner_text()
    return said


def test_a_time_without_a_server_is_told_and_drawn_for_as_long_as_it_is_in_sight(
    browser: Browser, kit: Kit
) -> None:
    down = "The server was down {}10:05–10:31."
    kit.crash(down="PT26M")
    with window(browser, kit.url) as seen:
        tab = seen.open(now=kit.now)
        expect(tab.get_by_text(down.format(""))).to_be_visible()
        expect(tab.locator(".ground b")).to_have_count(1)
        assert skipped(tab) == "10:10–10:20, 2 slots did not run: the server was down"
        kit.advance("PT23H")
        day = "Mon 4 Jun "
        expect(seen.open(now=kit.now).get_by_text(down.format(day))).to_be_visible()
        kit.advance("PT2H")
        later = seen.open(now=kit.now)
        expect(later.get_by_text("Nothing is failing.")).to_be_visible()
        expect(later.get_by_text("The server was down")).to_have_count(0)


def test_what_did_not_run_as_the_server_was_paused_says_so_by_whom_it_was(browser: Browser, kit: Kit) -> None:
    kit.client.pause("Ana moves the database")
    kit.advance("PT1H")
    kit.client.resume()
    kit.advance("PT20H")
    with window(browser, kit.url) as seen:
        tab = seen.open(now=kit.now)
        expect(tab.get_by_role("link", name="6 slots did not run")).to_be_visible()
        assert "Ana moves the database" in skipped(tab)


def test_a_server_that_was_killed_is_shown_to_have_been_away(browser: Browser, tmp_path: Path) -> None:
    with server_child(tmp_path) as child, KalaClient(child.url) as kala:
        kala.create_job(name="tick", command="true", schedule="0 3 * * *")
        child.kill()
    with server_child(tmp_path) as child, window(browser, child.url) as seen:
        tab = seen.open()
        expect(tab.get_by_text("The server was down")).to_be_visible()
        expect(tab.locator(".ground b")).to_have_count(1)


HOUR = timedelta(hours=1)


@pytest.mark.needs("libfaketime")
@pytest.mark.skipif(library() is None, reason="needs libfaketime, to step the clock of a process")
def test_a_clock_that_was_put_on_and_back_is_told_and_each_slot_stands_once_where_it_was(
    browser: Browser, tmp_path: Path
) -> None:
    clock = SteppedClock(tmp_path / "clock")
    with (
        server_program(tmp_path / "data", environment=clock.environment) as server,
        KalaClient(server.url) as kala,
        window(browser, server.url) as seen,
    ):
        begin = clock.now() + timedelta(minutes=5)
        job_id = kala.create_job(name="tick", command="true", schedule=f"R/{begin.isoformat()}/PT10M")
        clock.step(HOUR)
        eventually(lambda: kala.get_job(job_id).success_count == 1)
        tab = seen.open()
        expect(tab.get_by_text("the clock was put on by 1:00:00 within the last hour")).to_be_visible()
        expect(tab.get_by_text("this machine’s clock is 1 h behind")).to_be_visible()
        expect(tab.get_by_text("1 succeeded, 5 slots did not run.")).to_be_visible()
        clock.step(-HOUR)
        eventually(lambda: any("put back" in note for note in kala.session().notes))
        tab = seen.open(f"job/{job_id}")
        expect(tab.get_by_text("the clock was put back by 1:00:00 within the last hour")).to_be_visible()
        expect(tab.get_by_text("this machine’s clock")).to_have_count(0)
        expect(entries(tab)).to_have_count(2)
        caught_up, next_one = (f"{begin + n * timedelta(minutes=10):%Y-%m-%dT%H:%M}" for n in (5, 6))
        for at in (caught_up, next_one):
            expect(tab.locator(f"time[datetime^='{at}']")).to_have_count(1)
