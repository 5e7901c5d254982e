"""How soon a browser shows what somebody looks for among all jobs: the web page in Debian's Chromium.

Counted from the navigation, or the key, to the frame in which it can be seen, by the browser's own clock.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench.bench import Bench
from tests.bench.row import Row, Target

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_SHOWN = """globalThis.shown = (find) => new Promise((done) => {
  const look = () => (find() ? done(performance.now()) : requestAnimationFrame(look));
  look();
})"""
"""Tells when something is found, at the beginning of the first frame that has it."""
_FRAME = "() => shown(() => document.readyState === 'complete')"
_ROW = "() => shown(() => document.querySelector('tbody tr[aria-rowindex]'))"
_OPTION = "() => shown(() => document.querySelector('[role=option]'))"
_JUMP = """async () => {
  const box = document.querySelector('.table-box'), table = box.querySelector('table');
  const begin = performance.now(), wanted = Math.floor(table.getAttribute('aria-rowcount') * 0.6);
  box.scrollTop = box.scrollHeight * 0.6;
  return await shown(() => table.querySelector(`tr[aria-rowindex="${wanted}"]`)) - begin;
}"""
_FILTER = """async () => {
  const input = document.querySelector('input[type=search]'), begin = performance.now();
  input.value = 'report-00031';
  input.dispatchEvent(new Event('input', { bubbles: true }));
  const rows = () => [...document.querySelectorAll('tbody tr[aria-rowindex]')];
  return await shown(() => rows().length && rows().every((row) => row.innerText.includes('report-00031'))) - begin;
}"""

_FIGURES = {
    "page-jobs": ("Jobs, to its first row", 500),
    "page-jump": ("Jobs, a jump far down", 300),
    "page-filter": ("Jobs, a search, with its pause of 150 ms", 300),
    "page-now": ("Now, to its first row", 700),
}


def page(bench: Bench) -> Iterator[Row]:
    """Open it as somebody does who was never there before; where there is no browser, say so."""
    program = shutil.which("chromium")
    if program is None:
        bench.say("no chromium here, so the page is not measured: apt install chromium")
        return
    took: dict[str, list[float]] = {name: [] for name in ("bare", *_FIGURES)}
    url, bare = bench.busy.url, bench.bare.url
    with _browser(program) as browser:
        for _ in range(bench.size.repeats):
            _look(browser, f"{bare}/100", {"bare": _FRAME}, took)
            _look(
                browser,
                f"{url}/webui/#/jobs",
                {"page-jobs": _ROW, "page-jump": _JUMP, "page-filter": _FILTER},
                took,
            )
            _look(browser, f"{url}/webui/", {"page-now": _OPTION}, took)
    for name, (what, most) in _FIGURES.items():
        yield Row(
            name=name,
            what=f"page of {bench.size.jobs:,} jobs: {what}",
            figure=min(took[name]),
            unit="ms",
            limit=min(took["bare"]),
            limit_is="a bare page in the same browser",
            target=Target(at_most=most, of="figure"),
        )


@contextmanager
def _browser(program: str) -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def _look(browser: "Browser", url: str, asked: dict[str, str], took: dict[str, list[float]]) -> None:
    """Open an address in a browser that knows nothing of it, and ask one thing after the other."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(_SHOWN)
    tab: Page = context.new_page()
    tab.goto(url, wait_until="commit")
    for name, question in asked.items():
        took[name].append(tab.evaluate(question))
    context.close()
