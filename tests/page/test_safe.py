"""Other sites: their links lead to the page, and nothing else of theirs gets anywhere; and no text becomes code."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.page.browsing import POLICY_BROKEN, ZONE, link, settled, window


@contextmanager
def another_site(body: str) -> Iterator[str]:
    """Have a site of another origin with one page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{site.server_port}"
        finally:
            site.shutdown()
            thread.join()


def test_a_link_leads_to_the_page_and_a_frame_and_a_script_lead_nowhere(browser: Browser) -> None:
    with running_server() as server, KalaClient(server.url) as kala:
        kala.create_job(name="nightly dump", command="true", schedule="0 3 * * *")
        body = f"""<a href="{server.url}/webui/#/jobs">see</a> <a href="{server.url}/api/v1/stats/">figures</a>
            <iframe src="{server.url}/webui/"></iframe>"""
        context = browser.new_context(timezone_id=ZONE)
        with another_site(body) as site:
            tab = context.new_page()
            tab.goto(site)
            while not tab.frames[1].url:  # the frame is there before it is known what has become of it
                settled(tab)
            assert tab.frames[1].url.startswith("chrome-error:")
            read = (
                "(url) => fetch(url, {mode: 'no-cors'}).then((got) => got.type + got.status, () => 'refused')"
            )
            assert tab.evaluate(read, f"{server.url}/webui/") in {"opaque0", "refused"}
            assert (
                tab.evaluate(
                    "(url) => fetch(url).then(() => 'read', () => 'refused')", f"{server.url}/webui/"
                )
                == "refused"
            )
            link(tab, "see").click()
            expect(link(tab, "nightly dump")).to_be_visible()
            tab.goto(site)
            with tab.expect_response("**/api/v1/stats/") as refused:
                link(tab, "figures").click()
            assert refused.value.status == 403
        context.close()


def do_in_the_page(browser: Browser, script: str) -> None:
    """Have a page's own script do something that its policy refuses."""
    with running_server() as server, window(browser, server.url) as seen:
        tab = seen.open("jobs")
        expect(tab.get_by_text("0 jobs")).to_be_visible()
        with tab.expect_console_message(lambda told: told.text.startswith(POLICY_BROKEN)):
            # What is evaluated may use eval; what it leaves for later may not.
            tab.evaluate(f"() => void setTimeout(() => {{ {script} }})")


@pytest.mark.parametrize(
    ("planted", "refused"),
    [
        ("document.body.insertAdjacentHTML('beforeend', '<b>markup</b>')", "require-trusted-types-for"),
        ("document.body.innerHTML = '<b>markup</b>'", "require-trusted-types-for"),
        ("eval('1 + 1')", "require-trusted-types-for"),
        ("trustedTypes.createPolicy('mine', {})", "trusted-types"),
        ("document.body.setAttribute('onclick', 'alert(1)')", "require-trusted-types-for"),
        ("document.body.setAttribute('style', 'color: red')", "style-src-attr"),
        (
            "document.body.append(document.createElement('style').appendChild(new Text('* {}')).parentNode)",
            "style-src-elem",
        ),
        ("new Image().src = 'https://elsewhere.example.com/seen.png'", "img-src"),
        ("fetch('https://elsewhere.example.com/').catch(() => {})", "connect-src"),
    ],
)
def test_a_window_tells_what_the_policy_has_refused_in_it(
    browser: Browser, planted: str, refused: str
) -> None:
    """Planted faults, for what each window is looked at by."""
    with pytest.raises(AssertionError, match=f"{POLICY_BROKEN} {refused} "):
        do_in_the_page(browser, planted)
