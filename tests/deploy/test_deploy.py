"""The files of docs/deploy do what they say: scored by systemd, run by a real supervisord, read as Docker would.

No Docker engine is needed: the image is not built here; what it starts and how it asks for health is tried instead.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.cli.server.options import SERVER_OPTIONS
from kala_server.cli.server.worker import worker
from kala_server.testing import running_server
from tests.eventually import PATIENCE, eventually

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
SERVE = [sys.executable, "-m", "kala_server", "serve"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
@pytest.mark.parametrize(
    ("unit", "most"), [("kala.service", 2.0), ("kala-relaxed.service", 7.5), ("kala-worker.service", 7.5)]
)
def test_a_unit_is_as_closed_as_it_says(unit: str, most: float) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(DEPLOY / unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    score = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout)
    assert score, done.stderr
    assert float(score[1]) <= most


@pytest.mark.parametrize(
    "file",
    ["kala.service", "kala-relaxed.service", "kala-worker.service", "supervisord.conf", "Dockerfile"],
)
def test_every_option_and_variable_that_a_file_names_exists(file: str) -> None:
    text = (DEPLOY / file).read_text()
    known = {name for option in SERVER_OPTIONS for name in _names_of(option)}
    known |= {name for option in worker.params for name in (*option.opts, *list(option.envvar or ()))}
    named = set(re.findall(r"(?<!\S)--[a-z-]+(?=[ =]\S)", "\n".join(_commands(text)))) | set(
        re.findall(r"\bKALA_[A-Z_]+", text)
    )
    assert named <= known, named - known
    assert named


def _commands(text: str) -> list[str]:
    return re.findall(r"^(?:ExecStart=|command=)(.*)$", text, re.MULTILINE)


def _names_of(option: object) -> set[str]:
    import click

    @option  # type: ignore[operator]
    def command() -> None: ...

    [made] = command.__click_params__
    assert isinstance(made, click.Option)
    return {*made.opts, str(made.envvar)}


def test_supervisord_runs_the_server_starts_it_again_and_stops_it_in_peace(tmp_path: Path) -> None:
    section = (DEPLOY / "supervisord.conf").read_text()
    serve = shlex.join([*SERVE, "-p", "0", "--data-dir", str(tmp_path / "data")])
    section = re.sub(r"^command=.*$", f"command={serve}", section, flags=re.MULTILINE)
    section = re.sub(r"^user=.*\n", "", section, flags=re.MULTILINE)
    section = section.replace("/var/log/", f"{tmp_path}/")
    conf = tmp_path / "supervisord.conf"
    conf.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={tmp_path}/log\npidfile={tmp_path}/pid\n\n{section}"
    )
    out = tmp_path / "kala.stdout.log"

    def urls(number: int) -> list[str]:
        found = re.findall(r"listening on (\S+)", out.read_text()) if out.exists() else []
        return found if len(found) >= number else []

    with subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)], stderr=subprocess.PIPE
    ) as boss:
        try:
            [url] = eventually(lambda: urls(1))
            with KalaClient(url) as kala:
                kala.create_job(name="kept", command="true", schedule="R/2035-06-04T19:25:16Z/P1D")
            pid = int((tmp_path / "data" / "lock").read_text().split()[-1])
            subprocess.run(["kill", "-9", str(pid)], check=True)
            url = eventually(lambda: urls(2))[1]
            with KalaClient(url) as kala:
                assert [job.name for job in kala.get_all_jobs().values()] == ["kept"]
        finally:
            boss.terminate()
            boss.wait(PATIENCE)
    assert (
        "exit status 0" in (tmp_path / "log").read_text() or "stopped: kala" in (tmp_path / "log").read_text()
    )


def test_the_image_is_not_roots_and_its_health_check_tells_ready_from_not() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER (?!root|0\b)\S+$", text, re.MULTILINE)
    check = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", text, re.MULTILINE)[1])  # type: ignore[index]
    with running_server() as server:
        asked = [word.replace("http://127.0.0.1:8000", server.url) for word in check]
        assert subprocess.run([sys.executable, *asked[1:]], capture_output=True, check=False).returncode == 0
    assert subprocess.run([sys.executable, *asked[1:]], capture_output=True, check=False).returncode != 0
