"""Processes that carry a run's id, whoever started them: what a test looks for when nobody should be left."""

from pathlib import Path

from kala_server.runners.local import processes
from kala_server.runners.local.processes import Process

PROC = Path("/proc")


def left_of(run_id: str, mark: str = "") -> list[Process]:
    """Return the processes of a run; with a mark, those that a server of that store has started."""
    wanted = {f"KALA_RUN_ID={run_id}".encode(), *([f"KALA_MARK={mark}".encode()] if mark else [])}
    found = []
    for pid in [int(folder.name) for folder in PROC.iterdir() if folder.name.isdigit()]:
        try:
            variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted <= set(variables) and (started := processes.start_time(pid)) is not None:
            found.append(Process(pid, started))
    return found


def noted(folder: Path) -> list[str]:
    """Return the attempts of which the server of a data folder has noted the process, a moment after its start."""
    notes = folder / "commands"
    return [path.name for path in notes.iterdir()] if notes.exists() else []
