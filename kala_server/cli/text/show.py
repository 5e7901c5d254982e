"""What people see: values as text, and tables that fit the terminal. Programs get JSON from `remote.py` instead.

Text of others is always escaped and never read as markup.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from kala_client.clock import utc_now
from kala_server.cli.text.plain import printable
from kala_server.core.time import durations

NOTHING = "–"
_WIDE = 10_000
"""Lines that go into a pipe or a file are as long as they must be: whoever reads them can cut for themselves."""
_GAP = 2
"""Spaces between two columns."""
_RECOGNIZED = 16
"""How much of a long text people need to know it again."""

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
    """A column of a table. Where a line is too long, one that `gives` is cut, and one that `wraps` goes on below.

    Of a `FittingTable` the columns that are `spare` go before that, the highest number first; `least` is how
    much of one that gives has to be there until then.
    """

    title: str
    right: bool = False
    gives: bool = False
    wraps: bool = False
    spare: int = 0
    least: int = _RECOGNIZED


def screen() -> Console:
    """Return a console for stdout: as wide as the terminal (or COLUMNS), and never wrapping elsewhere."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return _console()
    # Some say 0 where they do not know, which rich would take at its word.
    console = _console(width=shutil.get_terminal_size().columns)
    return console if console.is_terminal else _console(width=_WIDE)


def _console(width: int | None = None) -> Console:
    return Console(highlight=False, markup=False, emoji=False, width=width)


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table without lines; states get their colour."""
    made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
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


@dataclass(frozen=True, slots=True)
class FittingTable:
    """A table that does without its spare columns where the line has no room for all."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it, as wide as there is room."""
        cells = [list(map(_cell, self.columns, row)) for row in self.rows]
        widths = [
            max([cell_len(column.title), *(_least(column, row[place]) for row in cells)])
            for place, column in enumerate(self.columns)
        ]
        shown = sorted(range(len(widths)), key=lambda place: self.columns[place].spare)
        while (
            self.columns[shown[-1]].spare
            and sum(widths[place] + _GAP for place in shown) - _GAP > options.max_width
        ):
            shown.pop()
        shown.sort()
        yield table(
            [self.columns[place] for place in shown], [[row[place] for place in shown] for row in self.rows]
        )


def _least(column: Column, cell: Text) -> int:
    return min(cell.cell_len, column.least) if column.gives else cell.cell_len


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Return what is known about one thing, a line for each that says something."""
    said = [(name, value) for name, value in pairs if value is not None and value != ""]
    made = table([Column(""), Column("", wraps=True)], said)
    made.show_header = False
    return made


def _cell(column: Column, value: object) -> Text:
    words = NOTHING if value is None or value == "" else printable(str(value))
    return Text(words, style=_STYLES.get(words, ""), no_wrap=not column.wraps, overflow="ellipsis")


def moment(instant: datetime | None, zone: tzinfo) -> str:
    """Say when, on the clock of the zone: the year only where it is another one."""
    return NOTHING if instant is None else _on_clock(instant, zone)


def moment_there(instant: datetime, zone: tzinfo) -> str:
    """Say when, on the clock of the zone, with its offset from UTC."""
    offset = instant.astimezone(zone).isoformat(timespec="minutes")[len("2035-06-04T09:00") :]
    return f"{_on_clock(instant, zone)} {offset}"


def _on_clock(instant: datetime, zone: tzinfo) -> str:
    local = instant.astimezone(zone)
    this_year = local.year == utc_now().astimezone(zone).year
    return f"{local:%m-%d %H:%M:%S}" if this_year else f"{local:%Y-%m-%d %H:%M}"


def whole_moment(instant: datetime | None, zone: tzinfo) -> str | None:
    """Say when in full, on the clock of the zone, with its offset from UTC."""
    return None if instant is None else instant.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def took(seconds: float | None) -> str:
    """Say how long something took."""
    if seconds is None:
        return NOTHING
    return durations.in_words(timedelta(seconds=seconds))


def short(an_id: str) -> str:
    """Return the beginning of an id, by which the commands know it too."""
    return an_id[:8]
