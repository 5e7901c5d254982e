"""`kala job edit`, `rename` and `copy`: a job gets another description, from options or from an editor."""

import json
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kala_client import KalaClient, Schedule
from kala_client.clock import utc_now
from tests.cli.command_line import Ended, kala_here
from tests.cli.conftest import Kala
from tests.eventually import eventually

IN_2035 = "R/2035-06-04T03:00:00Z/P1D"


@pytest.fixture
def job_id(client: KalaClient) -> str:
    return client.create_job(
        name="report", command="make", schedule=IN_2035, env={"A": "1", "B": "2"}, tags=["a"], timeout="PT1H"
    )


def edited(url: str, tmp_path: Path, script: str, *words: str, text: str = "") -> Ended:
    """Edit the job with an editor that is a Python script, which has the file's path as `path`."""
    editor = tmp_path / "editor"
    editor.write_text(
        f"#!/usr/bin/env python3\nimport json, os, pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{script}\n"
    )
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    return kala_here(
        "job", "edit", *words, text=text, env={"KALA_URL": url, "EDITOR": str(editor), "VISUAL": ""}
    )


def test_options_change_what_they_say_and_nothing_else(typed: Kala, client: KalaClient, job_id: str) -> None:
    before = client.get_job(job_id).creation_body()
    ended = typed("job", "edit", "report", "--retries", "3", "--env", "B=3", "--env", "C=4", "--tag", "b")
    assert (ended.code, ended.out, ended.err) == (0, f"changed {job_id}  report\n", "")
    after = client.get_job(job_id).creation_body()
    assert after == before | {"retries": 3, "env": {"A": "1", "B": "3", "C": "4"}, "tags": ["b"]}


def test_an_empty_text_says_that_there_is_none(typed: Kala, client: KalaClient, job_id: str) -> None:
    ended = typed("job", "edit", "report", "--timeout", "", "--env", "", "--tag", "", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["timeout"] == ""
    job = client.get_job(job_id)
    assert (job.timeout, job.env, job.tags) == ("", {}, [])


def test_a_new_time_is_on_the_jobs_own_clock(typed: Kala, client: KalaClient, job_id: str) -> None:
    client.update_job(job_id, timezone="Asia/Tokyo")
    ended = typed("job", "edit", "report", "--at", "2035-06-05 7am", "--every", "1d")
    assert (ended.code, ended.err) == (0, "")
    assert client.get_job(job_id).schedule == "R/2035-06-05T07:00:00+09:00/P1D"


def test_a_command_becomes_a_call_and_a_call_a_command(typed: Kala, client: KalaClient, job_id: str) -> None:
    assert typed("job", "edit", "report", "--http", "http://127.0.0.1:9/", "--command", "").code == 0
    assert client.get_job(job_id).type == 1
    assert typed("job", "edit", "report", "--header", "A: 1", "--header", "A: 2").code == 0
    call = client.get_job(job_id).remote_properties
    assert call is not None
    assert call.url == "http://127.0.0.1:9/"
    assert typed("job", "edit", "report", "--command", "date").code == 0
    assert (client.get_job(job_id).type, client.get_job(job_id).command) == (0, "date")


def test_a_job_is_edited_as_json_and_what_is_taken_out_is_gone(
    client: KalaClient, url: str, tmp_path: Path, job_id: str
) -> None:
    script = (
        "job = json.loads(path.read_text()); del job['env']['A']; del job['timeout']; job['retries'] = 5\n"
        "path.write_text(json.dumps(job))"
    )
    ended = edited(url, tmp_path, script, "report")
    assert (ended.code, ended.out) == (0, f"changed {job_id}  report\n")
    job = client.get_job(job_id)
    assert (job.env, job.timeout, job.retries, job.tags) == ({"B": "2"}, "", 5, ["a"])


@pytest.mark.parametrize("script", ["", "path.write_text(path.read_text() + ' ')"])
def test_an_editor_that_changes_nothing_changes_nothing(
    client: KalaClient, url: str, tmp_path: Path, job_id: str, script: str
) -> None:
    before = client.get_job(job_id)
    ended = edited(url, tmp_path, script, job_id)
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing is changed\n")
    assert client.get_job(job_id) == before


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("{", "not JSON: "),
        ("[]", 'a job is an object: {"name": "hello", "command": "date"}'),
        ('{"name": "report", "comand": "date"}', "comand: "),
        ('{"name": "report", "command": "date", "schedule": "x"}', "schedule: "),
    ],
)
def test_what_is_no_job_is_refused_and_can_be_edited_again(
    client: KalaClient, url: str, tmp_path: Path, job_id: str, broken: str, why: str
) -> None:
    script = (
        "again = pathlib.Path(sys.argv[0] + '.again')\n"
        "seen = path.read_text()\n"
        f'path.write_text(\'{{"name": "better", "command": "date"}}\' if again.exists() else {broken!r})\n'
        "assert not again.exists() or seen.strip() == again.read_text()\n"
        f"again.write_text({broken!r})"
    )
    refused = edited(url, tmp_path, script, job_id, text="n\n")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"Error: {why}")
    assert client.get_job(job_id).name == "report"
    (tmp_path / "editor.again").unlink()
    mended = edited(url, tmp_path, script, job_id, text="y\n")
    assert (mended.code, mended.out) == (0, f"changed {job_id}  better\n")


def test_a_job_gets_another_name(typed: Kala, client: KalaClient, job_id: str) -> None:
    ended = typed("job", "rename", "report", "nightly")
    assert (ended.code, ended.out) == (0, f"changed {job_id}  nightly\n")
    assert client.get_job(job_id).name == "nightly"


def test_a_copy_says_what_the_first_one_says_but_for_what_is_said(
    typed: Kala, client: KalaClient, job_id: str
) -> None:
    ended = typed("job", "copy", "report", "other", "--env", "A=2", "--disabled")
    assert (ended.code, ended.err) == (0, "")
    first, other = client.get_job(job_id), client.get_job(ended.out.strip())
    assert other.id != job_id
    assert other.creation_body() == first.creation_body() | {
        "name": "other",
        "env": {"A": "2"},
        "disabled": True,
    }


@pytest.mark.parametrize("count", [None, 1000])
def test_a_copy_of_what_repeats_already_goes_on_from_its_next_time(
    typed: Kala, client: KalaClient, count: int | None
) -> None:
    soon = utc_now() + timedelta(seconds=2)
    first = client.create_job(
        name="first",
        command="true",
        schedule=Schedule.every(days=1, start=soon, repeat=count),
        timezone="Asia/Tokyo",
    )
    due = eventually(lambda: _later(client, first))
    ended = typed("job", "copy", "first", "second")
    assert (ended.code, ended.err) == (0, "")
    second = client.get_job(ended.out.strip())
    assert second.next_run_at == due
    assert Schedule.parse(second.schedule).repeat == (None if count is None else count - 1)


def _later(client: KalaClient, job_id: str) -> datetime | None:
    """Return the job's next time, when its first one has come."""
    due = client.get_job(job_id).next_run_at
    return due if due and due > utc_now() + timedelta(hours=1) else None


def test_a_dry_run_shows_the_times_as_they_would_be_beside_those_as_they_are(
    typed: Kala, client: KalaClient, job_id: str
) -> None:
    before = client.get_job(job_id)
    ended = typed("job", "edit", "report", "--schedule", "R/2035-06-04T04:00:00Z/P1W", "--dry-run")
    assert (ended.code, ended.err) == (0, "nothing is stored: this was a dry run\n")
    _, rest = ended.out.split("\n\n")
    words, titles, first, second, *_ = rest.splitlines()
    assert words.strip() == "every week on Monday at 04:00, UTC, from 2035-06-04"
    assert titles.split() == ["would", "be", "due", "is", "due"]
    assert first.split() == ["2035-06-04", "04:00:00+00:00", "2035-06-04", "03:00:00+00:00"]
    assert second.split() == ["2035-06-11", "04:00:00+00:00", "2035-06-05", "03:00:00+00:00"]
    document = json.loads(typed("job", "edit", "report", "--disabled", "--dry-run", "--json").out)
    assert (document["job"]["disabled"], document["next"], len(document["before"])) == (True, [], 5)
    assert client.get_job(job_id) == before


def test_a_dry_run_in_an_editor_stores_nothing_either(
    client: KalaClient, url: str, tmp_path: Path, job_id: str
) -> None:
    script = "path.write_text(path.read_text().replace('make', 'make all'))"
    ended = edited(url, tmp_path, script, "report", "--dry-run")
    assert (ended.code, ended.err) == (0, "nothing is stored: this was a dry run\n")
    assert "make all" in ended.out
    assert client.get_job(job_id).command == "make"


def test_who_saves_what_somebody_else_has_changed_meanwhile_is_told_first(
    client: KalaClient, url: str, tmp_path: Path, job_id: str
) -> None:
    script = (
        "import urllib.request\n"
        "path.write_text(path.read_text().replace('make', 'make mine'))\n"
        "again = pathlib.Path(sys.argv[0] + '.again')\n"
        "if not again.exists():\n"
        "    again.touch()\n"
        f"    job = '{url}/api/v1/job/{job_id}/'\n"
        "    theirs = urllib.request.Request(job, b'{\"command\": \"theirs\"}', method='PATCH')\n"
        "    urllib.request.urlopen(theirs)\n"
    )
    refused = edited(url, tmp_path, script, "report", text="n\n")
    assert (refused.code, refused.out) == (1, "")
    assert "the job 'report' was changed since" in refused.err
    assert client.get_job(job_id).command == "theirs"
    client.update_job(job_id, command="make")
    (tmp_path / "editor.again").unlink()
    told = edited(url, tmp_path, script, "report", text="y\n")
    assert "the job 'report' was changed since" in told.err
    assert (told.code, told.out) == (0, f"changed {job_id}  report\n")
    assert client.get_job(job_id).command == "make mine mine"
