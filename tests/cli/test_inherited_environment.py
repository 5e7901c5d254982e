"""What commands get of a server's environment, what others see of it, and text in any locale."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from kala_client import KalaClient
from tests.cli.command_line import environment, serving
from tests.cli.one_run import printed, why
from tests.server.server_process import worker_of

OTHERS_SECRETS = [
    "JWT",
    "GH_PAT",
    "PGPASS",
    "OPENAI_KEY2",
    "SLACK_WEBHOOK",
    "MY_PASSWORD",
    "DATABASE_URL",
    "AWS_KEY",
]
TOKEN = "canary-of-the-server"


@contextmanager
def with_secrets(tmp_path: Path, *words: str, **more: str):  # type: ignore[no-untyped-def]
    secrets = dict.fromkeys(OTHERS_SECRETS, "canary")
    env = {**secrets, "KALA_TOKEN": TOKEN, "APP_MODE": "fast", "LC_TIME": "C", **more}
    with (
        serving("serve", "-p", "0", "--data-dir", f"{tmp_path}/data", *words, env=env) as server,
        KalaClient(server.url, token=TOKEN) as client,
    ):
        yield server, client


def names(text: str) -> set[str]:
    return {line.partition("=")[0] for line in text.splitlines()}


def test_a_command_gets_a_short_list_and_what_is_named(tmp_path: Path) -> None:
    with with_secrets(tmp_path, "--pass-env", "APP_*", KALA_URL="http://kala:s3cret@kala.example/") as (
        server,
        client,
    ):
        found = printed(client, command="env")
        assert "canary" not in found
        assert {"PATH", "LC_TIME", "APP_MODE", "TZ"} <= names(found)
        passed = re.compile(r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|APP_MODE|KALA_\w+")
        assert not [name for name in names(found) if not passed.fullmatch(name)]
        assert "KALA_URL=http://kala.example/\n" in found
        log = server.log_line_with("commands get of")
    assert "commands get of this environment PATH HOME " in log
    assert "JWT" in log
    assert "canary" not in log


def test_a_star_passes_all_but_the_servers_own_secret(tmp_path: Path) -> None:
    with with_secrets(tmp_path, KALA_PASS_ENV="*") as (server, client):
        found = printed(client, command="env")
        assert names(found) >= set(OTHERS_SECRETS)
        assert TOKEN not in found
        assert f"KALA_URL={server.url}\n" in found


def test_a_secret_that_the_server_has_read_is_in_no_process_any_more(tmp_path: Path) -> None:
    with with_secrets(tmp_path, KALA_URL="http://kala:s3cret@kala.example/") as (server, client):
        ours = Path(f"/proc/{server.pid}/environ").read_bytes()
        worker = Path(f"/proc/{worker_of(server.pid).pid}/environ").read_bytes()
        parent = printed(client, command="cat /proc/$PPID/environ", shell=True)
        assert b"APP_MODE=fast\0" in ours
        for secret in (TOKEN, "s3cret"):
            assert secret.encode() not in ours + worker
            assert secret not in parent
        assert b"canary" not in worker


def test_the_line_about_the_environment_is_for_a_new_folder_alone(tmp_path: Path) -> None:
    for said in (1, 0):
        with serving("serve", "-p", "0", "--data-dir", f"{tmp_path}/data", env={"JWT": "x"}) as server:
            assert server.stop().err.count("--pass-env") == said


def test_a_command_that_is_not_found_tells_what_commands_get(tmp_path: Path) -> None:
    with (
        serving("serve", "-p", "0", "--no-persist", cwd=tmp_path) as server,
        KalaClient(server.url) as client,
    ):
        for fields in ({"command": "no-such"}, {"command": "no-such", "shell": True}):
            reason = why(client, **fields)
            assert "--pass-env" in reason
            assert "env" in reason
            assert "not found" in reason or "no such command: no-such;" in reason


# -- the locale


def test_without_a_locale_commands_get_none(tmp_path: Path) -> None:
    bare = {name: value for name, value in environment().items() if not re.match("LANG|LC_", name)}
    without = ["env", "-i", *(f"{name}={value}" for name, value in bare.items())]
    with (
        serving("serve", "-p", "0", "--no-persist", cwd=tmp_path, through=without) as server,
        KalaClient(server.url) as client,
    ):
        assert not [name for name in names(printed(client, command="env")) if re.match("LANG|LC_", name)]
    ours = subprocess.run([*without, *_run("env")], capture_output=True, text=True, check=True).stdout
    assert "LC_CTYPE" not in ours


def _run(command: str) -> Sequence[str]:
    return [sys.executable, "-m", "kala_server", "run", command]


@pytest.mark.parametrize("utf8", ["0", "1"])
def test_any_text_works_whatever_the_locale_is(tmp_path: Path, utf8: str) -> None:
    folder = tmp_path / "dé"
    folder.mkdir()
    script = folder / "ü☃"
    script.write_text(
        '#!/bin/sh\nprintf "%s|" "$@" "$A" "$PWD" "$KALA_JOB_NAME"; printf "$LC_RAW" | od -An -tx1\n'
    )
    script.chmod(0o755)
    env = {"LC_ALL": "C", "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0", "LC_RAW": os.fsdecode(b"\xff\xe9")}
    data = tmp_path / "dåta"
    with (
        serving("serve", "-p", "0", "--data-dir", str(data), cwd=tmp_path, env=env) as server,
        KalaClient(server.url) as client,
    ):
        for how in ({"command": "./ü☃ é '€ x' $A"}, {"argv": ["./ü☃", "é", "€ x", "ä"]}):
            found = printed(client, name="näme", cwd=str(folder), env={"A": "ä"}, **how)
            assert found == f"é|€ x|ä|ä|{folder}|näme| ff e9\n"
        found = printed(client, command=f"'{script}' é", shell=True, env={"A": "ä", "PWD": "x"})
        assert found.startswith("é|ä|")
        assert "no such command: ñ" in why(client, command="ñ")
        assert "directory '/ñ'" in why(client, command="true", cwd="/ñ")
        assert "no user 'ñ'" in why(client, command="true", user="ñ")
        assert "ñ=1" in printed(client, command="env", env={"ñ": "1"})
        assert server.stop().code == 0
