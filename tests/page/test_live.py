"""What happens is seen as it happens: in every tab, behind a proxy, and again once a lost server is back."""

import socket
from pathlib import Path

from playwright.sync_api import Browser, expect

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.page.browsing import button, link, window
from tests.page.reverse_proxy import below_a_path

TABS = 8
"""More than a browser opens connections to one server."""


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_what_somebody_else_does_is_seen_at_once(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        tab = seen.open("jobs")
        expect(tab.get_by_text("0 jobs")).to_be_visible()
        job = kala.create_job(name="nightly dump", command="sleep 600", schedule="0 3 * * *")
        expect(link(tab, "nightly dump")).to_be_visible()
        kala.start_job(job)
        expect(tab.get_by_role("row", name="nightly dump")).to_contain_text("running")


def test_many_tabs_share_one_stream_and_all_of_them_are_live(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        asked: list[str] = []
        seen.context.on("request", lambda request: asked.append(request.url))
        tabs = [seen.open("jobs") for _ in range(TABS)]
        for tab in tabs:
            expect(tab.get_by_text("live", exact=True)).to_be_visible()
        kala.create_job(name="nightly dump", command="true", schedule="0 3 * * *")
        for tab in tabs:
            tab.bring_to_front()
            expect(link(tab, "nightly dump")).to_be_visible()
        assert len([url for url in asked if "/events/" in url]) == 1


def test_the_stream_goes_on_in_another_tab_when_the_one_that_reads_is_closed(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala, window(browser, server.url) as seen:
        reads, told = seen.open("jobs"), None
        expect(reads.get_by_text("live", exact=True)).to_be_visible()
        told = seen.open("jobs")
        expect(told.get_by_text("live", exact=True)).to_be_visible()
        reads.close()
        kala.create_job(name="nightly dump", command="true", schedule="0 3 * * *")
        expect(link(told, "nightly dump")).to_be_visible()


def test_while_the_server_is_away_the_page_stays_and_does_nothing_and_then_comes_back(
    browser: Browser, tmp_path: Path
) -> None:
    port = a_free_port()
    with running_server(tmp_path / "data", port=port) as server, KalaClient(server.url) as kala:
        job = kala.create_job(name="nightly dump", command="true", schedule="0 3 * * *")
        context = window(browser, server.url)
        seen = context.__enter__()
        tab = seen.open(f"job/{job}")
        expect(button(tab, "Disable")).to_be_enabled()
    expect(tab.get_by_text("connection lost, trying again")).to_be_visible()
    expect(tab.get_by_role("heading", level=1, name="nightly dump")).to_be_visible()
    for name in ("Run now", "Disable", "Delete this job …"):
        expect(button(tab, name)).to_be_disabled()
    with running_server(tmp_path / "data", port=port) as server, KalaClient(server.url) as kala:
        kala.disable_job(job)
        expect(tab.get_by_text("live", exact=True)).to_be_visible()
        expect(button(tab, "Enable")).to_be_enabled()
        seen.troubles.clear()  # the browser tells of each connection that was refused
        context.__exit__(None, None, None)


def test_it_works_below_a_path_of_a_proxy(browser: Browser) -> None:
    with (
        running_server() as server,
        KalaClient(server.url) as kala,
        below_a_path(server.url) as url,
        window(browser, url) as seen,
    ):
        job = kala.create_job(name="nightly dump", command="echo dumped", schedule="0 3 * * *")
        tab = seen.open("jobs")
        tab.goto(url + "/webui")
        expect(tab).to_have_url(url + "/webui/")
        tab.goto(f"{url}/webui/#/job/{job}")
        button(tab, "Run now").click()
        button(tab, "Yes, run “nightly dump” now").click()
        expect(tab.get_by_label("What it printed")).to_contain_text("dumped")
        expect(tab.get_by_text("live", exact=True)).to_be_visible()
