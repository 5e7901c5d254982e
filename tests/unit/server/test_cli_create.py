"""`kala job create`: what cannot be a job is refused before anything is sent."""

import pytest
from click.testing import CliRunner, Result

from kala_server.cli import kala

NIGHTLY = "R/2035-06-04T19:25:16Z/P1D"


def create(*words: str, text: str = "") -> Result:
    """Create a job where nobody listens: whatever were sent would be told as an error of its own."""
    return CliRunner().invoke(kala, ["job", "create", "--url", "http://127.0.0.1:9", *words], input=text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"name":', "<stdin>: not JSON: "),
        ("", "<stdin>: it is empty; a JSON object belongs there"),
        ("[" * 100_000, "<stdin>: nested deeper than 64"),
        ('{"name": "one", "name": "two"}', "<stdin>: "),
        ('{"name": "one", "retries": NaN}', "<stdin>: retries: "),
        ("[1]", '<stdin> must hold one job: {"name": "hello", "command": "date"}'),
        ('{"name": "typo", "comand": "date"}', "comand: "),
        ('{"name": "typo", "command": "date", "retries": -1}', "retries: "),
    ],
)
def test_json_that_is_no_job_is_refused_on_one_line(text: str, why: str) -> None:
    ended = create("--from-json", "-", text=text)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Error: {why}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "a job needs a NAME and a COMMAND, or --from-json"),
        (
            ["x", "true", "--every", "5 minutes"],
            "short forms are 30s, 5m, 2h, 1d, 1w, 1mo, 1y, and 1h30m of several, or an ISO 8601 duration such as PT5M",
        ),
        (["x", "true", "--every", "0s"], "the shortest is PT0.000001S"),
        (
            ["x", "true", "--at", "noon"],
            "'noon' is no time; say 09:00, 9am, tomorrow 02:00, or 2035-06-04T09:00:00+02:00",
        ),
        (
            ["x", "true", "--timezone", "Mars/Base"],
            "there is no time zone 'Mars/Base'; a valid one is Europe/Berlin",
        ),
        (
            ["x", "true", "--schedule", NIGHTLY, "--every", "1d"],
            "say either --schedule, or --cron, or --every and --at",
        ),
        (
            ["x", "true", "--cron", "0 9 * * *", "--at", "9am"],
            "say either --schedule, or --cron, or --every and --at",
        ),
        (["x", "true", "--times", "3", "--at", "9am"], "how far apart? --times needs --every"),
        (["x", "true", "--env", "PATH"], "NAME=VALUE belongs here, not 'PATH'"),
        (["x", "--http", "http://a", "--header", "X"], "'Name: value' belongs here, not 'X'"),
        (["x", "--http", "http://a", "--expect", "fine"], "--expect takes a status such as 202"),
        (["x", "true", "--utc", "--zone", "Asia/Tokyo"], "say either --utc or --zone"),
        (["x", "true", "--retries", "-1"], "-1 is not in the range x>=0."),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_would_be_right(words: list[str], why: str) -> None:
    ended = create(*words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.rstrip().endswith(why)
