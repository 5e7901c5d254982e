"""Where a server keeps its jobs, by what people write for it: a folder, or the address of a database."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from kala_server.config import Database, Settings
from kala_server.keeping import keeping_of
from kala_server.stores.copying import Open, Opened

_PASSWORD = "KALA_JOBDB_PASSWORD"  # noqa: S105 - its name
"""For an address that has none, as for a server."""
_KINDS: dict[str, Literal["postgres", "redis"]] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "redis": "redis",
    "rediss": "redis",
    "unix": "redis",
}
"""Which database there is at an address that begins so."""


def place_of(text: str) -> Open:
    """Return what opens what is kept there. Raises click.ClickException for an address that is none."""
    scheme, is_address, _ = text.partition("://")
    if not is_address:
        settings = Settings(data_dir=Path(text))
    elif scheme in _KINDS:
        password = os.environ.get(_PASSWORD, "")
        settings = Settings(database=Database(kind=_KINDS[scheme], address=text, password=password))
    else:
        raise click.ClickException(
            f"nothing is kept at {scheme}://: name a folder, postgresql://USER@HOST/DATABASE, or redis://HOST:PORT"
        )

    def opened() -> Opened:
        keeping = keeping_of(settings, str, ExitStack())
        return Opened(keeping.database or text, keeping.store, keeping.outputs)

    return opened


def source_of(text: str) -> Open:
    """Return what opens what is kept there already: of a folder that is not there, none is made."""
    if "://" not in text and not (Path(text) / "journal.jsonl").is_file():
        raise click.ClickException(f"there is no journal in {text}: name the --data-dir of a server")
    return place_of(text)
