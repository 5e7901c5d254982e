"""A server that may open few files, with more to run than it has room for."""

import resource
import sys
from pathlib import Path

from kala_client import KalaClient
from tests.cli.command_line import serving
from tests.eventually import eventually

MANY = 60
FEW_FILES = [
    sys.executable,
    "-c",
    "import os, resource as r, sys; r.setrlimit(r.RLIMIT_NOFILE, (64, 64)); os.execvp(sys.argv[1], sys.argv[1:])",
]


def test_runs_beyond_what_there_is_room_for_wait_and_none_fails(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 64
    with (
        serving(
            "serve", "-p", "0", "--no-persist", "--max-running", "200", cwd=tmp_path, through=FEW_FILES
        ) as server,
        KalaClient(server.url) as client,
    ):
        gate = tmp_path / "gate"
        job_id = client.create_job(
            name="waits",
            command=f"until [ -e {gate} ]; do sleep 0.1; done",
            shell=True,
            overlap="allow",
            schedule="R/2035-06-04T19:25:16Z/P1D",
        )
        for _ in range(MANY):
            client.start_job(job_id)
        eventually(
            lambda: any("no file descriptor is left" in (run.reason or "") for run in client.runs(job_id))
        )
        assert {run.state for run in client.runs(job_id)} <= {"waiting", "running"}
        told = [run for run in client.runs(job_id) if run.state == "waiting"]
        assert all(run.attempts == 0 for run in told)
        gate.touch()
        eventually(lambda: all(run.finished_at for run in client.runs(job_id)), within=60)
        ended = list(client.runs(job_id))
        assert [(run.state, run.attempts) for run in ended] == [("succeeded", 1)] * MANY
        assert server.stop().err.count("they are tried again") == 1
