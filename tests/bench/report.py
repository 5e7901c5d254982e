"""The table for people, and the same as JSON, so that two runs can be compared."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.row import Row

_FEW = 100


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return all that a later run may want to know of this one."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0],
        "rows": {row.name: asdict(row) | {"ratio": row.ratio, "met": row.met} for row in rows},
    }


def read(path: Path) -> dict[str, Any]:
    """Read what an earlier run has written."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def show(console: Console, rows: Sequence[Row], before: Mapping[str, Any] | None) -> None:
    """Print the table; with a column for another run, and one for a live Kala, where there are such."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("what")
    table.add_column("figure", justify="right")
    if before is not None:
        table.add_column("before", justify="right")
    with_live = any(row.live is not None for row in rows)
    if with_live:
        table.add_column("live Kala", justify="right")
    table.add_column("limit", justify="right")
    table.add_column("which is")
    table.add_column("ratio", justify="right")
    table.add_column("target")
    for row in rows:
        cells = [row.what, _amount(row.figure, row.unit)]
        if before is not None:
            cells.append(_change(row, before["rows"].get(row.name)))
        if with_live:
            cells.append("" if row.live is None else _amount(row.live, row.unit))
        target = f"{row.target.in_words(row.unit)}, {'met' if row.met else 'missed'}"
        cells += [_amount(row.limit, row.unit), row.limit_is, f"{row.ratio:.2f}", target]
        table.add_row(*cells, style="" if row.met else "yellow")
    console.print(table)


def _amount(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= _FEW or value == int(value) else f"{value:.3g}"
    return f"{number}{unit}" if unit.startswith("/") else f"{number} {unit}"


def _change(row: Row, before: Mapping[str, Any] | None) -> str:
    """Return the figure of another run, and what the ratio was in it: machines differ, limits with them."""
    if before is None:
        return "new"
    return f"{_amount(before['figure'], row.unit)} ({before['ratio']:.2f})"
