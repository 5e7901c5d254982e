"""What people see: values as text, and tables that fit the terminal. Programs get JSON from `remote.py` instead.

Text of others is always escaped and never read as markup.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kala_client.clock import utc_now
from kala_server.cli.plain import printable
from kala_server.core import durations

NOTHING = "–"
_WIDE = 10_000
"""Lines that go into a pipe or a file are as long as they must be: whoever reads them can cut for themselves."""

_STYLES = {
    "succeeded": "green",
    "ok": "green",
    "failed": "red",
    "timed_out": "red",
    "interrupted": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "skipped": "dim",
    "disabled": "dim",
    "done": "dim",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Where a line is too long, one that `gives` is cut, and one that `wraps` goes on below."""

    title: str
    right: bool = False
    gives: bool = False
    wraps: bool = False


def screen() -> Console:
    """Return a console for stdout: as wide as the terminal (or COLUMNS), and never wrapping elsewhere."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(highlight=False, markup=False, emoji=False, width=_WIDE)


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table without lines; states get their colour."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        flexible = column.gives or column.wraps
        made.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not flexible,
            overflow="ellipsis" if column.gives else "fold",
        )
    for row in rows:
        made.add_row(*map(_cell, columns, row))
    return made


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Return what is known about one thing, a line for each that says something."""
    said = [(name, value) for name, value in pairs if value is not None and value != ""]
    made = table([Column(""), Column("", wraps=True)], said)
    made.show_header = False
    return made


def _cell(column: Column, value: object) -> Text:
    words = NOTHING if value is None or value == "" else printable(str(value))
    return Text(words, style=_STYLES.get(words, ""), no_wrap=not column.wraps, overflow="ellipsis")


def moment(instant: datetime | None) -> str:
    """Say when, on this machine's clock: the year only where it is another one."""
    if instant is None:
        return NOTHING
    local = instant.astimezone()
    this_year = local.year == utc_now().astimezone().year
    return f"{local:%m-%d %H:%M:%S}" if this_year else f"{local:%Y-%m-%d %H:%M}"


def whole_moment(instant: datetime | None) -> str | None:
    """Say when in full, with the offset from UTC."""
    return None if instant is None else instant.astimezone().isoformat(sep=" ", timespec="seconds")


def took(seconds: float | None) -> str:
    """Say how long something took."""
    if seconds is None:
        return NOTHING
    return durations.words(timedelta(seconds=seconds))


def short(an_id: str) -> str:
    """Return the beginning of an id, by which the commands know it too."""
    return an_id[:8]
