"""What a server says of itself when it starts: where it keeps its jobs, and what may not be as it was meant.

It looks at the disk and changes nothing. What it says goes to the log; stdout is for programs.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kala_server.stores.journal import folder_rights

if TYPE_CHECKING:
    from kala_server.config import Settings

_log = logging.getLogger("kala.cli")

_KALAS_STORE = "jobdb.db"
"""What Kala's own server, the one in Go, keeps in the directory in which it was started, or which --boltpath names."""


def say_where_jobs_are(settings: "Settings", database: str, *, new: bool) -> None:
    """Say where jobs are kept, and whether that place is new, as it is where a server looks into a wrong one."""
    folder = settings.data_dir
    if database:
        _log.info("jobs and runs are kept in %s%s", database, ", which is new and empty" if new else "")
    elif folder is None:
        _log.info("nothing is kept: jobs and runs are in memory, and gone when the server ends")
    elif new:
        _log.info("jobs and runs are kept in %s, which is new and empty", _in_full(folder))
    else:
        _log.info("jobs and runs are kept in %s", _in_full(folder))
    for path in _kalas_stores(folder):
        _log.warning(
            "%s is the store of Kala itself, and is not read. To bring its jobs here, let that Kala run, ask it for "
            "them (GET /api/v1/job/) and create each one here (POST /api/v1/job/)",
            path,
        )
    if folder is not None and (doubt := folder_rights.doubt(folder)):
        _log.warning("%s", doubt)


def say_what_the_environment_asks_for(settings: "Settings") -> None:
    """Say that clients must show a token, where that was perhaps only meant for clients."""
    if settings.token:
        _log.warning(
            "clients must show the token that is in KALA_TOKEN. They take theirs from there, too: where it was meant "
            "for them alone and the server is to want none, start it without, as by env -u KALA_TOKEN"
        )


def _kalas_stores(folder: Path | None) -> Iterator[Path]:
    """Yield Kala's own stores where somebody who changes over would have one."""
    places = [Path(), *([folder, folder.parent] if folder is not None else [])]
    for place in dict.fromkeys(map(_in_full, places)):
        path = place / _KALAS_STORE
        if os.path.isfile(path):  # noqa: PTH113 - and that of a Path raises where it may not look
            yield path


def _in_full(path: Path) -> Path:
    """Return the path from the root on; as it is where the directory of this process is gone, or may not be entered."""
    try:
        return path.absolute()
    except OSError:
        return path
