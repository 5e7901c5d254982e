"""The house can be held in the head: no room has more modules than that, and each says what it is for."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULES = sorted(
    path for package in ("kala_client", "kala_server") for path in (ROOT / package).rglob("*.py")
)
ROOMS = sorted({path.parent for path in MODULES})
MOST = 16


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_no_room_has_more_modules_than_one_can_hold_in_the_head(room: Path) -> None:
    assert len([path for path in room.glob("*.py") if path.name != "__init__.py"]) <= MOST


def test_each_module_says_what_it_is_for() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []
