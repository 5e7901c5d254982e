"""`kala check`: what is wrong with the files of a set is named with its place, and no server is asked."""

from pathlib import Path

import pytest

from kala_client.fields import FIELDS, Field, Kind
from tests.cli.command_line import Ended, kala_here

BILLING = """\
kala = 1
set = "billing"

[job.dump]
command = "dump @{db}"
schedule = "0 3 * * *"
on_failure = "ops/alarm"

[job.verify]
parents = ["dump"]
command = "verify"
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(text: str, *words: str) -> Ended:
    Path("jobs.toml").write_text(text)
    return kala_here("check", "jobs.toml", *words, env={"KALA_URL": "http://127.0.0.1:1"})


def test_files_that_are_a_set_are_told_in_a_line() -> None:
    ended = check(BILLING, "--var", "db=crm")
    assert (ended.code, ended.out, ended.err) == (0, "billing: 2 jobs, nothing is wrong\n", "")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("0 3 * * *", "0 3 * *", "6:12: job.dump.schedule: a cron line has 5 fields, not 4; a valid one is 0 9 * *"),
        ('"dump"', '"dumb"', "10:11: job.verify.parent_jobs: there is no job 'dumb': name a key, SET/KEY"),
        ("@{db}", "@{x}", "5:11: job.dump.command: @{x} is not set"),
        ('schedule = "0 3 * * *"', "", '4:2: job.dump.schedule: say when it is due, which jobs it follows, "never"'),
        ('"verify"', '"verify | mail"', "11:11: job.verify.command: "),
        ('"verify"', "4", "11:11: job.verify.command: a text belongs here, not a number"),
        ('"verify"', '"verify"\nretries = -1', "12:11: job.verify.retries: the number of further attempts cannot"),
        ('"verify"', '"verify"\ntimeout = "5m"', "12:11: job.verify.timeout: "),
        ('"0 3 * * *"', '"never"\nparents = ["verify"]', "7:11: job.dump.parent_jobs: the job would start itself"),
        ("job.verify", 'job."ver ify"', "9:2: job.ver ify.key: a job of a set has a key of up to 128 letters"),
        ('"billing"', '"Billing"', "2:7: set: a set has a name of up to 64 small letters"),
        ("kala = 1", "kala = ", "1:8: Invalid value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_line_and_column(before: str, after: str, fault: str) -> None:
    ended = check(BILLING.replace(before, after, 1), "--var", "db=crm")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"jobs.toml:{fault}")


_WRONG = {
    Kind.FLAG: "4",
    Kind.WHOLE: '"many"',
    Kind.NUMBER: '"much"',
    Kind.TYPE: "7",
    Kind.CALL: "{ url = 4 }",
}


@pytest.mark.parametrize("row", [row for row in FIELDS if row.name != "schedule"], ids=lambda row: row.name)
def test_a_wrong_value_of_each_field_has_its_place(row: Field) -> None:
    text = f'kala = 1\nset = "a"\n[job.x]\nschedule = "never"\n{row.wire} = {_WRONG.get(row.kind, "[[4]]")}\n'
    ended = check(text)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"jobs.toml:5:{len(row.wire) + 4}: job.x.{row.wire}")


def test_every_job_that_is_wrong_is_named() -> None:
    ended = check(BILLING.replace("0 3", "0 30").replace('"verify"', '"a | b"'), "--var", "db=x")
    assert [line.split(": ")[1] for line in ended.err.splitlines()] == [
        "job.dump.schedule",
        "job.verify.command",
    ]


def test_jobs_that_only_a_server_knows_are_left_to_it() -> None:
    text = BILLING.replace('["dump"]', '["ops/x", "id:93b65499"]').replace(
        '"verify"', '"v"\nadopt = "93b65499"'
    )
    assert check(text, "--var", "db=x").code == 0


def test_a_var_is_a_name_and_a_value() -> None:
    ended = check(BILLING, "--var", "db")
    assert (ended.code, "'db' is not NAME=VALUE" in ended.err) == (2, True)
