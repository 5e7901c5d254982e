"""A night of some forty jobs, the same each time: what went well, what failed and who waits behind it, and why not.

It is told by the Kit, so that every picture is the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from kala_server.testing.kit import Kit

BERLIN = "Europe/Berlin"
TRACE = (
    "\x1b[2m02:10:00\x1b[0m INFO  connecting to \x1b[36mpayments-replica.example.com:5432\x1b[0m\n"
    + "".join(
        f"\x1b[2m02:10:{n % 60:02}\x1b[0m DEBUG row batch {n:>4} of 1,400: 4,096 rows\n"
        for n in range(1, 900)
    )
    + "\x1b[2m02:19:31\x1b[0m \x1b[33mWARN\x1b[0m  partition 3/14: slow, 88 s since the last row\n"
    "\x1b[2m02:19:32\x1b[0m \x1b[31;1mERROR\x1b[0m partition 3/14: server closed the connection unexpectedly\n"
    "Traceback (most recent call last):\n"
    '  File "/srv/etl/extract.py", line 88, in <module>\n'
    "    main()\n"
    '  File "/srv/etl/extract.py", line 40, in copy_partition\n'
    "    return conn.execute(COPY.format(part)).rowcount\n"
    "psycopg.OperationalError: consuming input failed: server closed the connection unexpectedly\n"
)
LINES_OF_TRACE = TRACE.count("\n")


class Night:
    """The server of that night, and its jobs by name."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.ids: dict[str, str] = {}

    def job(self, job_name: str, schedule: str = "", /, after: tuple[str, ...] = (), **said: Any) -> str:
        """Make a job; `after` names its parents."""
        said = {
            "command": f"./run {job_name}",
            "owner": "data@example.com",
            "timezone": BERLIN if schedule else "",
            **said,
        }
        if after:
            said["parent_jobs"] = [self.ids[name] for name in after]
        self.ids[job_name] = self.kit.client.create_job(name=job_name, schedule=schedule, **said)
        return self.ids[job_name]

    @property
    def now(self) -> datetime:
        """What the clock of the server says."""
        return self.kit.now


@contextmanager
def last_night(**settings: Any) -> Iterator[Night]:
    """Have the server, on the morning after; its time stands still."""
    with Kit(start="2035-03-05T03:00Z", **settings) as kit:
        night = Night(kit)
        _families(night)
        _others(night)
        kit.advance("P1DT9H")
        kit.crash(down="PT26M")
        night.kit.client.disable_job(night.ids["price feed br"])
        kit.advance("PT20H12M17S")
        yield night


def _families(night: Night) -> None:
    pager = night.job(
        "page on-call",
        "never",
        owner="ops@example.com",
        description="Runbook: https://wiki.example.com/on-call",
    )
    sources = ("orders", "customers", "payments")
    for source in sources:
        night.job(f"extract {source}", "10 2 * * *", tags=["etl", "nightly"], on_failure_job=pager)
        night.job(f"clean {source}", after=(f"extract {source}",), tags=["etl"])
        night.job(f"load {source}", after=(f"clean {source}",), tags=["etl"])
        night.kit.command(f"extract {source}").takes("PT5M").then_ok("done\n")
        night.kit.command(f"clean {source}").takes("PT2M")
        night.kit.command(f"load {source}").takes("PT4M")
    marts = tuple(f"load {source}" for source in sources)
    night.job("build warehouse marts", after=marts, wait_for="all", tags=["etl"])
    for name in ("morning report", "forecast demand", "refresh dashboards"):
        night.job(name, after=("build warehouse marts",))
    night.job("mail morning report", after=("morning report",))
    night.kit.command("extract payments").takes("PT9M32S").then(exit_code=74, output=TRACE)


def _others(night: Night) -> None:
    script = night.kit.command
    for name, every, takes in (
        ("poll payment gateway", "PT5M", "PT4S"),
        ("ingest clickstream", "PT10M", "PT7M"),
        ("sync calendar", "PT15M", "PT20S"),
    ):
        night.job(
            name,
            f"R/2035-03-05T03:00:00Z/{every}",
            owner="web@example.com",
            timezone="",
            overlap="skip",
            keep_runs=1000,
        )
        script(name).takes(takes)
    script("ingest clickstream").then_ok().then_ok().takes("PT27M").then_ok().takes("PT7M").then_ok()
    for n, host in enumerate(("www", "shop", "api", "docs")):
        night.job(
            f"probe {host}.example.com",
            f"R/2035-03-05T03:0{n}:00Z/PT30M",
            owner="web@example.com",
            timezone="",
        )
        probe = script(f"probe {host}.example.com").takes("PT1S")
        for _ in range(20 + 9 * n):
            probe.then_ok()
        probe.then(exit_code=1, output="503 Service Unavailable\n").then_ok()
    for n, database in enumerate(("orders", "crm", "identity", "billing", "wiki")):
        night.job(
            f"dump {database} database",
            f"{10 * n} 3 * * *",
            owner="ops@example.com",
            timezone="UTC",
            tags=["backup"],
        )
        night.job(
            f"ship {database} dump off-site",
            after=(f"dump {database} database",),
            owner="ops@example.com",
            tags=["backup"],
        )
        script(f"dump {database} database").takes("PT14M")
    script("dump wiki database").then_ok().takes("PT2M").then(
        exit_code=1, output="pg_dump: error: no space left on device\n"
    )
    for n, country in enumerate(("de", "fr", "us", "jp", "br")):
        zone = {"us": "America/New_York", "jp": "Asia/Tokyo"}.get(country, BERLIN)
        night.job(
            f"price feed {country}", f"{n} 6-20 * * *", timezone=zone, owner="web@example.com", tags=["feeds"]
        )
        script(f"price feed {country}").takes("PT40S")
    for n in range(1, 11):
        night.job(
            f"partner export {n:03}",
            f"{6 * n % 60} {(3 * n) % 24} * * *",
            timezone=("UTC", BERLIN, "America/New_York")[n % 3],
            owner="web@example.com",
        )
        script(f"partner export {n:03}").takes(f"PT{n}M")
    night.job(
        "rebuild catalogue",
        "0 6 * * *",
        owner="web@example.com",
        description="Long: it takes most of the morning.",
    )
    script("rebuild catalogue").takes("PT6H")
    night.job("close of day ledger", "30 23 * * *", timezone="America/New_York", owner="billing@example.com")
    script("close of day ledger").takes("PT10M")
