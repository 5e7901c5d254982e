"""Flags of both Kalas that mean nothing here, or something else: what becomes of each is said where it is given.

They are not in the help. What Kala's flags have in common with ours is in `options.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click

from kala_server.cli.text.typed_text import Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One of Kala's flags, and what is said of it."""

    names: tuple[str, ...]
    says: str
    refused: bool = False
    takes: dict[str, Any] = field(default_factory=lambda: {"metavar": "VALUE"})

    @property
    def name(self) -> str:
        """The flag by the name that it has in the newest Kala that has it."""
        return self.names[0]

    @property
    def variable(self) -> str:
        """The name of its value."""
        return self.name.lstrip("-").replace("-", "_")


_NOTHING = {"is_flag": True}
_NO_OTHER_NAME = "a certificate is looked at by the name in --jobDBAddress: say that name there"
_NO_BOLT = "there is no BoltDB here: say --data-dir FOLDER, which is where the journal is kept"
_AT_ONCE = "passed over: everything is on the disk before it is answered"

FLAGS = (
    Flag(names=("--bolt-path", "--boltpath"), says=_NO_BOLT, refused=True),
    Flag(
        names=("--persist-every", "-e"),
        says=_AT_ONCE,
        takes={"type": Whole(min=1), "metavar": "SECONDS"},
    ),
    Flag(names=("--no-tx-persist",), says=_AT_ONCE, takes=_NOTHING),
    Flag(
        names=("--jobstat-ttl",),
        says="finished runs are dropped after so many minutes, as with --keep-days; it is looked for them every hour",
        takes={"type": Whole(min=-1), "metavar": "MINUTES"},
    ),
    Flag(
        names=("--profile",),
        says="passed over: there is no pprof here; figures are at /metrics",
        takes=_NOTHING,
    ),
    Flag(names=("--jobdb-tls-servername",), says=_NO_OTHER_NAME, refused=True),
    Flag(
        names=("--kala",),
        says="there is no configuration file here: say each option, or set its variable (KALA_PORT for --port)",
        refused=True,
    ),
)


def kalas_flags() -> Iterator[Callable[[Any], Any]]:
    """Yield an option for each flag."""
    for flag in FLAGS:
        refuse = partial(_refuse, flag.says) if flag.refused else None
        yield click.option(*flag.names, flag.variable, hidden=True, callback=refuse, **flag.takes)


def notes(options: Mapping[str, Any]) -> Iterator[str]:
    """Say of each flag that was given what becomes of it."""
    for flag in FLAGS:
        if options[flag.variable]:
            yield f"{flag.name}: {flag.says}"
    if options["job_db"] == "boltdb" and not options["no_persist"]:
        yield (
            "--jobDB boltdb: jobs are kept in the journal in --data-dir; those in a BoltDB file are not read, "
            "so create them anew from GET /api/v1/job/ of the Kala that has them"
        )


def keep_days(options: Mapping[str, Any]) -> float | None:
    """Return after how many days runs are dropped, said in our way or in Kala's; there -1 is never."""
    ours: float | None = options["keep_days"]
    minutes: int = options["jobstat_ttl"] or 0
    return ours if ours is not None or minutes <= 0 else minutes / (24 * 60)


def _refuse(says: str, _ctx: click.Context, _option: click.Parameter, value: Any) -> None:
    if value is not None:
        raise click.BadParameter(says)
