"""`kala store` tells what state a folder is in and mends it; `kala token` makes what lets clients in."""

import json
from pathlib import Path

import pytest

from kala_client import AuthenticationError, KalaClient, PermissionDeniedError, RemoteProperties
from kala_server.testing import running_server
from tests.cli.command_line import kala, kala_here, serving
from tests.cli.terminal import on_a_terminal
from tests.eventually import eventually

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three jobs in it."""
    data = tmp_path / "data"
    with running_server(data) as server, KalaClient(server.url) as client:
        for name in ("first", "second", "third"):
            client.create_job(name=name, command="true", schedule=IN_2035)
    return data


def damage(folder: Path, what: bytes) -> None:
    """Change one letter of the journal, where these bytes are."""
    journal = folder / "journal.jsonl"
    content = journal.read_bytes()
    at = content.index(what)
    journal.write_bytes(content[:at] + b"X" + content[at + 1 :])


def test_a_whole_store_is_told_to_be_whole_and_is_not_changed(folder: Path) -> None:
    before = (folder / "journal.jsonl").read_bytes()
    told = kala_here("store", "check", str(folder))
    assert told.code == 0
    assert "is whole: 7 records" in told.out
    assert "no damage to repair" in kala_here("store", "repair", str(folder)).out
    assert (folder / "journal.jsonl").read_bytes() == before


def test_damage_is_told_with_its_place_and_the_jobs_that_it_concerns_and_no_server_starts_on_it(
    folder: Path,
) -> None:
    damage(folder, b"second")
    told = kala_here("store", "check", str(folder))
    assert told.code == 1
    assert "is damaged at byte" in told.out
    assert "third" in told.out
    refused = kala("serve", "-p", "0", "--data-dir", str(folder))
    assert refused.code == 1
    assert refused.out == ""
    assert "is damaged at byte" in refused.err


def test_a_repair_keeps_what_was_before_the_damage_and_the_file_as_it_was(folder: Path) -> None:
    damage(folder, b"second")
    damaged = (folder / "journal.jsonl").read_bytes()
    told = kala_here("store", "repair", str(folder))
    assert told.code == 0
    [copy] = folder.glob("journal.damaged-*")
    assert copy.read_bytes() == damaged
    assert str(copy) in told.out
    with running_server(folder) as server, KalaClient(server.url) as client:
        assert [job.name for job in client.get_all_jobs().values()] == ["first"]


def test_a_salvage_keeps_what_can_be_read_behind_the_damage_too(folder: Path) -> None:
    damage(folder, b"second")
    told = kala_here("store", "repair", str(folder), "--salvage")
    assert told.code == 0
    assert "No slot starts twice" in told.out
    with running_server(folder) as server, KalaClient(server.url) as client:
        assert sorted(job.name for job in client.get_all_jobs().values()) == ["first", "third"]


def test_on_a_terminal_a_repair_shows_what_would_be_lost_and_what_could_be_kept_and_asks(
    folder: Path,
) -> None:
    damage(folder, b"second")
    damaged = (folder / "journal.jsonl").read_bytes()
    with on_a_terminal("store", "repair", str(folder)) as terminal:
        terminal.read_until("--salvage keeps more)? [y/N]")
        terminal.type("n\n")
        assert terminal.read_to_the_end() == 1
    assert "They concern these jobs:" in terminal.shown
    assert "A salvage keeps" in terminal.shown
    assert (folder / "journal.jsonl").read_bytes() == damaged
    with on_a_terminal("store", "repair", str(folder), "--salvage", "--yes") as terminal:
        assert terminal.read_to_the_end() == 0
    assert "[y/N]" not in terminal.shown


def test_a_store_in_use_is_not_repaired(folder: Path) -> None:
    with serving("serve", "-p", "0", "--data-dir", str(folder)) as server:
        refused = kala_here("store", "repair", str(folder))
        assert refused.code == 1
        assert f"process {server.pid}" in refused.err


def test_a_folder_without_a_journal_and_no_folder_at_all_are_told_apart(tmp_path: Path) -> None:
    assert "there is no journal here" in kala_here("store", "check", str(tmp_path)).out
    missing = kala_here("store", "check", str(tmp_path / "none"))
    assert missing.code == 2
    assert "does not exist" in missing.err


def test_a_token_is_printed_once_and_its_line_added_to_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    full = kala_here("token", "new", "--file", str(path), "--name", "ann # full x").out.strip()
    read = kala_here("token", "new", "--read-only", "--file", str(path)).out.strip()
    assert path.read_text() == f"full {full}  # ann  full x\nread {read}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    alone = kala_here("token", "new")
    assert alone.out.startswith("kala_")
    assert alone.out.strip() not in path.read_text()


def test_a_server_with_tokens_wants_one_from_the_command_line_too(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    full = kala_here("token", "new", "--file", str(path)).out.strip()
    read = kala_here("token", "new", "--read-only", "--file", str(path)).out.strip()
    with serving("serve", "-p", "0", "--no-persist", "--token-file", str(path)) as server:
        refused = kala_here("job", "list", "--url", server.url)
        assert (refused.code, refused.out) == (1, "")
        assert "the token is read from KALA_TOKEN" in refused.err
        assert (
            kala_here("job", "create", "a", "true", "--url", server.url, env={"KALA_TOKEN": full}).code == 0
        )
        assert "a" in kala_here("job", "list", "--url", server.url, env={"KALA_TOKEN": read}).out
        with KalaClient(server.url, token=read) as client, pytest.raises(PermissionDeniedError):
            client.delete_all_jobs()


def test_a_server_takes_a_token_from_its_environment_and_says_so(tmp_path: Path) -> None:
    secret = "kala_0123456789abcdef"
    with serving("serve", "-p", "0", "--data-dir", str(tmp_path / "d"), env={"KALA_TOKEN": secret}) as server:
        with KalaClient(server.url, token="") as client, pytest.raises(AuthenticationError):
            client.get_all_jobs()
        ended = server.stop()
    assert "clients must show the token that is in KALA_TOKEN" in ended.err
    assert secret not in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--token-file", "none"], "the token file none cannot be read"),
        (["--tls-key", "none"], "means nothing without --tls-cert"),
        (["--tls-cert", "none"], "TLS cannot be set up with none"),
    ],
)
def test_what_cannot_protect_the_server_keeps_it_from_starting(
    tmp_path: Path, words: list[str], told: str
) -> None:
    refused = kala("serve", "-p", "0", *words, cwd=tmp_path)
    assert (refused.code, refused.out) == (1, "")
    assert told in refused.err
    assert not (tmp_path / "kala-data").exists()


def test_logs_can_be_objects_for_programs() -> None:
    with serving("serve", "-p", "0", "--no-persist", "--log-format", "json", "-v") as server:
        with KalaClient(server.url) as client:
            client.create_job(name="a", command="true", schedule=IN_2035)
        ended = server.stop()
    said = [json.loads(line) for line in ended.err.splitlines()]
    assert {entry.keys() >= {"time", "level", "logger", "message"} for entry in said} == {True}
    assert any(entry["message"].startswith("job_created") for entry in said)


def test_the_address_of_an_http_job_is_not_logged(tmp_path: Path) -> None:
    with serving("serve", "-p", "0", "--data-dir", str(tmp_path / "data"), "-v") as server:
        address = server.url.replace("http://", "http://ann:canary-password@")
        call = RemoteProperties(url=f"{address}/healthz?token=canary-query", method="GET")
        with KalaClient(server.url) as client:
            job_id = client.create_job(name="calls", type=1, remote_properties=call)
            [run] = eventually(lambda: client.get_job_stats(job_id))
            assert run.success
        ended = server.stop()
    assert "run_finished" in ended.err
    assert "canary" not in ended.err
