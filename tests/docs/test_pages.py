"""What holds for every page: links lead somewhere, nothing of one machine is in them."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, anchors, links, read

LOCAL = [(page, link) for page in PAGES for link in links(read(page)) if "://" not in link]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


def test_every_page_is_there() -> None:
    assert {page.name for page in PAGES} >= {
        "README.md",
        "api.md",
        "architecture.md",
        "client.md",
        "contributing.md",
        "jobs.md",
        "operations.md",
        "security.md",
        "testing.md",
    }


@pytest.mark.parametrize(("page", "link"), LOCAL, ids=name_of)
def test_a_link_leads_to_what_is_there(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert target.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(read(target))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_speaks_of_no_single_machine_and_of_nothing_beside_the_project(page: Path) -> None:
    assert re.findall(r"\.\./\.\./|/root/|/home/\w+", read(page)) == []
