"""A job that runs each hour, for a year on the virtual clock of a test."""

from collections.abc import Iterator
from time import perf_counter

from kala_server.testing import Kit
from tests.bench import limits
from tests.bench.bench import Bench
from tests.bench.row import Row, Target
from tests.bench.rows.year import Simulation


def virtual(bench: Bench) -> Iterator[Row]:
    """Let the time pass in a whole server, and in the core alone."""
    hours = bench.size.virtual * 24
    with Kit(journal=False) as kit:
        kit.client.create_job(name="hourly", command="true", schedule="0 * * * *")
        began = perf_counter()
        kit.advance(f"P{bench.size.virtual}D")
        figure = limits.since(began)
        assert kit.client.get_kala_stats().success_count == hours
    core = Simulation()
    yield Row(
        name="virtual-year",
        what=f"{bench.size.virtual} days of an hourly job in a Kit, with fakes",
        figure=figure,
        unit="s",
        limit=limits.best(lambda: [core.second() for _ in range(hours)], 1),
        limit_is="as many runs in the core alone",
        target=Target(at_most=5, of="figure"),
    )
