"""A pooler before a PostgreSQL, for tests: it has a folder and a port of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.eventually import eventually
from tests.free_port import free_port
from tests.postgres import PASSWORD, USER, Postgres, a_folder, begin


@contextmanager
def a_pooler(postgres: Postgres, mode: str) -> Iterator[int]:
    """Run PgBouncer and return its port; the test is skipped where there is none."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("no pooler here: apt install pgbouncer")
    with a_folder() as folder:
        port = free_port()
        (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        (folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={postgres.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = {mode}\n"
        )
        with (
            (folder / "log").open("ab") as log,
            begin(program, "pgbouncer.ini", folder=folder, log=log) as process,
        ):
            try:
                eventually(lambda: _answers(postgres.address(port=port), process, folder))
                yield port
            finally:
                process.terminate()


def _answers(address: str, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True
