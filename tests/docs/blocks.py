"""What is in a Markdown page: its code blocks, tables, headings and links. It runs nothing and judges nothing."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
RUNS = "<!-- runs in the tests -->"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[|:\- ]+")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, the line where it begins, and whether it is marked to run."""

    language: str
    text: str
    line: int
    marked: bool


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[Block]:
    """Return the blocks of a language, in their order."""
    return [
        Block(
            match[1],
            match[2],
            text.count("\n", 0, match.start()) + 1,
            text[: match.start()].rstrip().endswith(RUNS),
        )
        for match in _BLOCK.finditer(text)
        if match[1] == language
    ]


def prose(text: str) -> str:
    """Return the page without its blocks."""
    return _BLOCK.sub("", text)


def rows(text: str, *heads: str) -> list[list[str]]:
    """Return the cells of these columns, in this order, of every row of every table that has them."""
    found = []
    columns: list[int] | None = None
    above = ""
    for line in prose(text).splitlines():
        if not line.startswith("|"):
            columns = None
        elif _RULE.fullmatch(line):
            names = _cells(above)
            columns = [names.index(head) for head in heads] if set(heads) <= set(names) else None
        elif columns is not None:
            cells = _cells(line)
            found.append([cells[column] for column in columns])
        above = line
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]


def codes(text: str) -> list[str]:
    """Return what stands in backticks."""
    return _CODE.findall(text)


def links(text: str) -> list[str]:
    """Return where links lead."""
    return _LINK.findall(prose(text))


def headings(text: str, level: int) -> list[str]:
    return [match[2] for match in _HEADING.finditer(prose(text)) if len(match[1]) == level]


def anchors(text: str) -> set[str]:
    """Return the names under which headings can be linked to, as forges make them."""
    return {
        re.sub(r"[^\w\- ]", "", match[2].lower()).replace(" ", "-")
        for match in _HEADING.finditer(prose(text))
    }
