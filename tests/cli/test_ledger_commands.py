"""`kala job runs|logs|explain|cancel|run --wait`, `kala preview`, `kala events`: what jobs did and will do."""

import json
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kala_client import KalaClient, Run
from tests.cli.command_line import kala, kala_here, line_of, started
from tests.cli.conftest import Kala
from tests.eventually import PATIENCE, eventually

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def over(client: KalaClient, job_id: str) -> Run:
    """Wait for the job's only run, and return it."""
    return client.wait(eventually(lambda: next(client.runs(job_id), None)), timeout=PATIENCE)


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Press Ctrl-C, and return the exit code and what was on stderr."""
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def test_runs_are_listed_newest_first_with_how_they_went(typed: Kala, client: KalaClient) -> None:
    job_id = client.create_job(name="fails", command="bash -c 'exit 3'")
    first = over(client, job_id)
    second = client.wait(client.run_job(job_id), timeout=PATIENCE)
    ended = typed("job", "runs", "fails")
    assert (ended.code, ended.err) == (0, "")
    assert [(words[0], words[3], words[-3:]) for words in ended.words] == [
        (run.id, "failed", ["exit", "code", "3"]) for run in (second, first)
    ]
    told = json.loads(typed("job", "runs", job_id, "--limit", "1", "--state", "failed", "--json").out)
    assert [(run["id"], run["exit_code"], run["trigger"]) for run in told] == [(second.id, 3, "manual")]
    assert typed("job", "runs", job_id, "--state", "succeeded").out == "no runs yet\n"


def test_the_output_of_a_run_or_of_a_jobs_last_run_is_shown_as_it_was(
    typed: Kala, client: KalaClient
) -> None:
    job_id = client.create_job(name="talks", command="bash -c 'echo one; printf two >&2'")
    run = over(client, job_id)
    for name in (run.id, "talks"):
        ended = typed("job", "logs", name)
        assert (ended.code, ended.out, ended.err) == (0, "one\ntwo", "")
    told = json.loads(typed("job", "logs", job_id, "--json").out)
    assert told == {"run_id": run.id, "output": "one\ntwo"}


def test_output_is_followed_line_by_line_until_the_run_is_over(
    client: KalaClient, url: str, tmp_path: Path
) -> None:
    enough = tmp_path / "enough"
    client.create_job(
        name="goes-on", command=f"bash -c 'echo one; until [ -e {enough} ]; do sleep 0.02; done; echo two'"
    )
    with started("job", "logs", "-f", "goes-on", env={"KALA_URL": url}) as process:
        assert line_of(process.stdout) == "one\n"
        enough.touch()
        assert process.communicate(timeout=PATIENCE) == ("two\n", "")
    assert process.returncode == 0


def test_a_job_that_has_not_run_has_no_output_and_the_way_to_why_is_named(
    typed: Kala, client: KalaClient
) -> None:
    job_id = client.create_job(name="waits", command="true", schedule=IN_2035)
    ended = typed("job", "logs", "waits")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"Error: the job {job_id} has not run yet; kala job explain {job_id} says why\n"


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("echo well", 0, "succeeded: "),
        ("bash -c 'echo well; exit 3'", 3, "failed: "),
        ("bash -c 'echo well; kill -9 $$'", 137, "failed: "),
    ],
)
def test_who_waits_for_a_run_sees_its_output_and_ends_as_it_does(
    typed: Kala, client: KalaClient, command: str, code: int, words: str
) -> None:
    client.create_job(name="now", command=command, schedule=IN_2035)
    ended = typed("job", "run", "now", "--wait")
    assert (ended.code, ended.out) == (code, "well\n")
    assert ended.err.startswith(words)
    assert ended.err.count("\n") == 1


def test_who_waits_with_json_gets_the_run(typed: Kala, client: KalaClient) -> None:
    job_id = client.create_job(name="now", command="bash -c 'exit 3'", schedule=IN_2035)
    ended = typed("job", "start", "now", "--wait", "--json")
    assert (ended.code, ended.err) == (3, "")
    told = json.loads(ended.out)
    assert (told["job_id"], told["state"], told["exit_code"]) == (job_id, "failed", 3)


def test_a_run_is_cancelled_and_one_that_is_over_is_not(typed: Kala, client: KalaClient) -> None:
    run = client.run_job(client.create_job(name="endless", command="sleep 1000", schedule=IN_2035))
    ended = typed("job", "cancel", run.id)
    assert (ended.code, ended.out, ended.err) == (0, f"cancelled {run.id}\n", "")
    assert client.wait(run, timeout=PATIENCE).state == "cancelled"
    refused = typed("job", "cancel", run.id)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"Error: the run {run.id} is over")


def test_the_runs_of_a_job_are_cancelled_by_its_name(typed: Kala, client: KalaClient) -> None:
    job_id = client.create_job(name="endless", command="sleep 1000", schedule=IN_2035)
    runs = [client.run_job(job_id) for _ in range(2)]
    eventually(lambda: client.get_run(runs[0]).state == "running")
    ended = typed("job", "cancel", "endless", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {"cancelled": [runs[1].id, runs[0].id]}
    assert [client.wait(run, timeout=PATIENCE).state for run in runs] == ["cancelled"] * 2
    assert [client.get_run(run).attempts for run in runs] == [1, 0]
    for name in ("endless", job_id):
        refused = typed("job", "cancel", name)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == (
            f"Error: no run of the job {job_id} waits or runs; see kala job runs {job_id}\n"
        )


def test_ctrl_c_leaves_a_run_that_is_waited_for_and_says_how_to_end_it(
    typed: Kala, client: KalaClient, url: str
) -> None:
    job_id = client.create_job(name="endless", command="bash -c 'echo begun; sleep 1000'", schedule=IN_2035)
    with started("job", "run", "endless", "--wait", env={"KALA_URL": url}) as process:
        assert line_of(process.stdout) == "begun\n"
        code, err = interrupted(process)
    [run] = client.runs(job_id)
    assert (code, err) == (130, f"the run goes on; end it with: kala job cancel {run.id}\n")
    assert run.state == "running"
    assert typed("job", "cancel", run.id).code == 0


def test_it_is_explained_why_a_job_ran_and_when_it_is_due(typed: Kala, client: KalaClient) -> None:
    job_id = client.create_job(name="daily", command="false", schedule="0 9 * * *", timezone="Europe/Berlin")
    due = client.get_job(job_id).next_run_at
    assert due is not None
    ended = typed("job", "explain", "daily")
    assert (ended.code, ended.err) == (0, "")
    assert [words[2:5] for words in ended.words] == [["+00:00", "upcoming", "due"]]
    assert f" {due:%H:%M}" in ended.out
    (slot,) = json.loads(typed("job", "explain", "daily", "--at", due.isoformat(), "--json").out)
    assert (slot["at"], slot["state"]) == (due.isoformat().replace("+00:00", "Z"), "upcoming")
    assert slot["sentence"].startswith("due in ")
    odd = typed("job", "explain", "daily", "--at", "noon")
    assert (odd.code, odd.out) == (2, "")
    assert "'noon' is no time; say 09:00, 9am" in odd.err


@pytest.mark.parametrize(
    ("said", "asked", "there"),
    [
        ({"TZ": "UTC"}, "2035-06-04 23:00", "23:00"),
        ({"TZ": "Asia/Kolkata"}, "2035-06-05 4:30am", "04:30"),
        ({"TZ": "America/Lima"}, "2035-06-04 6pm", "18:00"),
    ],
)
def test_a_time_is_asked_for_and_told_on_the_readers_clock_whatever_the_jobs_is(
    client: KalaClient, url: str, said: dict[str, str], asked: str, there: str
) -> None:
    client.create_job(name="late", command="true", schedule="0 8 * * *", timezone="Asia/Tokyo")
    explain = partial(kala_here, "job", "explain", "late", env={"KALA_URL": url, **said})
    ended = explain("--at", asked)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("due ")
    assert [words[1][:5] for words in explain().words] == [there]
    off = kala_here(
        "job", "explain", "late", "--at", "2035-06-04T22:30", "--utc", env={"KALA_URL": url, **said}
    )
    assert off.out == "not due then: the nearest times are 2035-06-03 23:00 and 2035-06-04 23:00\n"


def test_of_the_only_time_that_was_asked_about_the_sentence_is_shown_alone(
    typed: Kala, client: KalaClient
) -> None:
    job_id = client.create_job(name="fails", command="bash -c 'exit 3'")
    due = over(client, job_id).scheduled_at
    assert due is not None
    ended = typed("job", "explain", "fails", "--at", due.isoformat())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("failed: exit code 3 (started ")
    assert ended.out.count("\n") == 1


def test_jobs_are_found_by_what_they_are(typed: Kala, client: KalaClient) -> None:
    ours = partial(client.create_job, command="true", schedule=IN_2035, owner="a@example.com")
    ours(name="one", tags=["night", "report"])
    ours(name="two", disabled=True)
    client.create_job(name="three", command="true", schedule=IN_2035)

    def names(*words: str) -> list[str]:
        return [job["name"] for job in json.loads(typed("job", "list", "--json", *words).out)]

    assert names("--owner", "a@example.com") == ["one", "two"]
    assert names("--owner", "a@example.com", "--state", "disabled") == ["two"]
    assert names("--tag", "night", "--name", "one") == ["one"]
    assert typed("job", "list", "--tag", "day").out == "no such jobs\n"


def test_the_next_times_of_a_schedule_are_shown_on_its_clock(typed: Kala) -> None:
    ended = typed("preview", "R/2035-01-31T10:00:00+01:00/P1M", "-n", "3", "--timezone", "Europe/Berlin")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Wed 2035-01-31 10:00:00+01:00",
        "Wed 2035-02-28 10:00:00+01:00",
        "Sat 2035-03-31 10:00:00+02:00",
    ]
    told = typed("preview", "R/2035-01-31T10:00:00Z/P1M", "-n", "2", "--json")
    assert json.loads(told.out) == ["2035-01-31T10:00:00Z", "2035-02-28T10:00:00Z"]
    cron = typed("preview", "0 9 * * MON", "--timezone", "Europe/Berlin").out.splitlines()
    assert len(cron) == 5
    assert all(line.startswith("Mon ") and " 09:00:00+0" in line for line in cron)
    assert typed("preview", "R0/2020-01-01T00:00:00Z/PT1S").out == "never\n"
    refused = typed("preview", "nonsense")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("Error: schedule: ")


def line_about(process: subprocess.Popen[str], job_id: str) -> str:
    """Return the next line that a process writes about the job."""
    while job_id not in (line := line_of(process.stdout)):
        assert line, "the stream of events has ended"
    return line


def test_events_are_shown_as_they_happen_until_ctrl_c(client: KalaClient, url: str) -> None:
    job_id = client.create_job(name="red \x1b[31m", command="true", schedule=IN_2035)
    begin = partial(started, env={"KALA_URL": url})
    unknown = "0-0"  # an event that this server never sent: it says so, and we know that it listens
    with (
        begin("events", "--after", unknown) as people,
        begin("events", "--json", "--after", unknown) as program,
    ):
        assert line_of(people.stdout).startswith("missed  reason=")
        assert json.loads(line_of(program.stdout))["event"] == "missed"
        assert line_about(people, job_id).startswith("job_created  ")
        assert json.loads(line_about(program, job_id))["event"] == "job_created"
        client.start_job(job_id)
        told = line_about(people, job_id)
        assert told.startswith("run_queued  ")
        assert r"job_name=red \x1b[31m" in told
        queued = json.loads(line_about(program, job_id))
        assert (queued["event"], queued["data"]["job_id"]) == ("run_queued", job_id)
        assert interrupted(people) == interrupted(program) == (130, "")
    with begin("events", "--json", "--after", queued["id"]) as again:
        following = json.loads(line_of(again.stdout))
        assert (following["event"], following["data"]["run_id"]) == ("run_started", queued["data"]["run_id"])
        assert interrupted(again) == (130, "")


class RealKala(BaseHTTPRequestHandler):
    """Answers as real Kala does on a route that it does not know."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


def test_where_a_real_kala_lacks_a_call_one_line_says_what_it_needs() -> None:
    with HTTPServer(("127.0.0.1", 0), RealKala) as real, ThreadPoolExecutor(1) as thread:
        thread.submit(real.serve_forever)
        ended = kala("preview", "0 9 * * *", "--url", f"http://127.0.0.1:{real.server_port}")
        real.shutdown()
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: this Kala does not know the call: it needs kala_server\n"
