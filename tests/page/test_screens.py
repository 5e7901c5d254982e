"""Every screen as people see it: nothing in anybody's way, nothing beyond the edge, and a picture of each."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page import axe
from tests.page.browsing import DESK, PHONE, pictures, window
from tests.page.night import Night

SCREENS = {
    "now": ("", ".family .node"),
    "jobs": ("jobs", "td.c-name a"),
    "job": ("job/{job}", ".family .node"),
    "run": ("run/{run}/L901-L903", ".line.picked"),
    "edit": ("job/{job}/edit", ".slots-table"),
    "new": ("new", "form"),
    "runs": ("runs?state=failed,timed_out,interrupted", ".ledger li"),
}
"""The address of each, and what is there once it is whole."""
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "forced": {"forced_colors": "active"},
    "zoomed": {
        "viewport": {"width": DESK["width"] // 2, "height": DESK["height"] // 2},
        "device_scale_factor": 2,
    },
}
CROWDED = 3_000


def shown(browser: Browser, night: Night, look: str) -> Any:
    """Have a window that looks so, without the policy that would keep axe out."""
    return window(browser, night.kit.url, bypass_csp=True, reduced_motion="reduce", **LOOKS[look])


def opened(seen: Any, night: Night, screen: str) -> Page:
    job = night.ids["extract payments"]
    [run, *_] = night.kit.client.runs(job)
    address, last = SCREENS[screen]
    tab: Page = seen.open(address.format(job=job, run=run.id), now=night.now)
    expect(tab.get_by_text("live", exact=True)).to_be_visible()
    expect(tab.locator(last).first).to_be_visible()
    expect(tab.locator("main [aria-busy=true]")).to_have_count(0)
    return tab


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_in_anybodys_way(browser: Browser, night: Night, screen: str, look: str) -> None:
    with shown(browser, night, look) as seen:
        tab = opened(seen, night, screen)
        tab.screenshot(path=pictures() / f"{screen}-{look}.png")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it goes beyond the edge"
        assert tab.evaluate("document.querySelectorAll('*').length") < CROWDED
        if look != "forced":  # contrast is the system's then
            assert axe.faults(tab) == []


def test_borders_of_fields_can_be_told_from_the_page(browser: Browser, night: Night) -> None:
    """WCAG 1.4.11, which axe does not look at: 3 to 1."""
    for look in ("light", "dark"):
        with shown(browser, night, look) as seen:
            tab = opened(seen, night, "jobs")
            ratio = tab.evaluate(_RATIO)
            assert ratio >= 3


_RATIO = """() => {
  const light = (colour) => {
    const linear = (n) => (n <= .03928 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4);
    const [r, g, b] = colour.match(/[\\d.]+/g).map((n) => linear(n / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const field = getComputedStyle(document.querySelector('input[type=search]'));
  const [a, b] = [light(field.borderTopColor), light(getComputedStyle(document.documentElement).backgroundColor)];
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}"""
