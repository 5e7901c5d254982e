"""`python -m tests.bench`: measure, print one table, and end. Nothing here judges a time."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from tests.bench import report
from tests.bench.bench import Bench
from tests.bench.row import Row
from tests.bench.rows import (
    bursts,
    creation,
    database,
    loaded,
    page,
    processor_time,
    reading,
    sdk,
    steady,
    takeover,
    virtual,
    year,
)
from tests.bench.servers import Address
from tests.bench.sizes import FULL, SMALL

GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "create": creation.create,
    "create-loaded": creation.flat,
    "batch": creation.batch,
    "get": reading.get,
    "stats": reading.stats,
    "find": reading.finding,
    "glances": reading.glances,
    "page": page.page,
    "list": reading.listing,
    "start": loaded.start,
    "memory": loaded.memory,
    "bursts": bursts.bursts,
    "cpu-run": processor_time.a_run,
    "cpu-batch": processor_time.a_job,
    "cpu-start": processor_time.a_start,
    "steady": steady.steady,
    "year": year.year,
    "virtual": virtual.virtual,
    "compaction": year.compaction,
    "database": database.database,
    "take-over": takeover.take_over,
    "decode": sdk.decode,
    "call": sdk.call,
    "import": sdk.importing,
}
"""In the order of the table."""

_FIRST = ("create", "batch", "memory", "start")
_LAST = ("create-loaded",)
"""Those that need a server as it was begun, and those that leave it with more jobs than it had."""

_OF_ANY_KALA = ("create", "get", "stats", "list")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for."""
    options = _parser().parse_args(arguments)
    console, errors = Console(width=options.width), Console(stderr=True)
    before = report.read(options.compare) if options.compare else None
    names = options.only or (_OF_ANY_KALA if options.kala_url else list(GROUPS))
    with ExitStack() as stack:
        bench = Bench(
            size=SMALL if options.small else FULL,
            folder=Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kala-bench-"))),
            exit=stack,
            live=Address.of(options.kala_url) if options.kala_url else None,
            say=lambda words: errors.print(words, style="dim"),
        )
        measured = {name: _measure(bench, name) for name in _order(names)}
    rows = [row for name in GROUPS if name in measured for row in measured[name]]
    report.show(console, rows, before)
    if options.json:
        options.json.write_text(json.dumps(report.to_json(rows), indent=1) + "\n")
    return 0


def _measure(bench: Bench, name: str) -> list[Row]:
    bench.say(name)
    return list(GROUPS[name](bench))


def _order(names: Sequence[str]) -> list[str]:
    """Return the names in the order in which the rows do not disturb each other."""
    between = [name for name in GROUPS if name not in _FIRST + _LAST]
    return [name for name in (*_FIRST, *between, *_LAST) if name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="seconds, to see that the suite works")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="NAME", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show the figures of another run beside")
    parser.add_argument(
        "--kala-url",
        metavar="URL",
        help="measure a live Kala beside ours; it gets as many jobs, which are deleted at the end",
    )
    parser.add_argument("--width", type=int, help="of the table, in columns")
    return parser


if __name__ == "__main__":
    sys.exit(main())
