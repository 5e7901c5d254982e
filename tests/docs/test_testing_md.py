"""docs/testing.md: every method and argument of a kit, and examples that run."""

import inspect
from pathlib import Path
from typing import get_type_hints

import pytest

from kala_server.testing import Kit
from kala_server.testing.fakes import Script
from tests.docs import scripts
from tests.docs.blocks import DOCS, Block, blocks, codes, read, rows

PAGE = read(DOCS / "testing.md")


def public(kind: type) -> set[str]:
    return {name for name in {*vars(kind), *get_type_hints(kind)} if not name.startswith("_")}


def documented(head: str) -> list[str]:
    return [code.partition("(")[0] for (cell,) in rows(PAGE, head) for code in codes(cell)]


def test_all_of_a_kit_is_documented_and_no_more() -> None:
    assert set(documented("of a kit")) == public(Kit)


def test_every_argument_of_a_kit_is_documented_with_its_default() -> None:
    said = inspect.signature(Kit).parameters
    defaults = {
        name: str(said[name].default) for name in said if said[name].kind is not inspect.Parameter.VAR_KEYWORD
    }
    told = {
        codes(name)[0]: codes(default)[0].strip('"')
        for name, default in rows(PAGE, "argument of `Kit`", "default")
    }
    assert told == defaults


def test_what_a_test_tells_of_a_command_is_documented_and_no_more() -> None:
    assert set(documented("of a script")) == public(Script) - {"next", "played"}  # those are the runner's


@pytest.mark.parametrize("block", blocks(PAGE, "python"), ids=lambda block: f"line {block.line}")
def test_an_example_passes(block: Block, tmp_path: Path) -> None:
    assert "1 passed" in scripts.run(block.text, "", tmp_path)
