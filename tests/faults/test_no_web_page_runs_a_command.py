"""No web page runs a command: the table of headers, every route and every method are in tests/server/test_web_door.py.

Here that table is shown to notice a guard which forgets one of the three headers that browsers send.
"""

from pathlib import Path

import pytest

from kala_server.web.guard import Guard
from tests.eventually import eventually
from tests.server.door import Door, door
from tests.server.test_web_door import FOREIGN, filled, status


def let_in(opened: Door) -> set[str]:
    """Return the foreign pages that were not refused, or whose command was run."""
    answers = {
        who: status(opened, "POST", "/api/v1/job/", filled(headers, opened.url))
        for who, headers in FOREIGN.items()
    }
    return {who for who, answer in answers.items() if answer not in {400, 403}}


def test_no_web_page_runs_a_command(tmp_path: Path) -> None:
    with door(tmp_path) as opened:
        assert let_in(opened) == set()
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("forgotten", ["Origin", "Sec-Fetch-Site", "Host"])
def test_a_guard_that_forgets_a_header_is_noticed(
    tmp_path: Path, forgotten: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Guard.refusal

    def forgetful(guard: Guard, headers: dict[str, str], scheme: str, **asked: bool) -> str | None:
        host = {"Host": "localhost"} if forgotten == "Host" else {}
        return refusal(
            guard, {**{k: v for k, v in headers.items() if k != forgotten}, **host}, scheme, **asked
        )

    monkeypatch.setattr(Guard, "refusal", forgetful)
    with door(tmp_path) as opened:
        pages = let_in(opened)
        assert pages
        eventually(lambda: len(list(tmp_path.iterdir())) == len(pages))
