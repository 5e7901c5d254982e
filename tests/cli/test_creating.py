"""A person who knows cron writes every job of docs/jobs.md by the command line alone."""

import json
from functools import cache, partial
from typing import Any, get_type_hints

import pytest

from kala_client import Job, KalaClient, RemoteProperties
from kala_client._model.fields import JobFields
from kala_server.cli.job.fields import CALL, OPTIONS
from tests.cli.command_line import kala_here
from tests.cli.conftest import Kala
from tests.docs.blocks import DOCS, Block, blocks, read

EXAMPLES = blocks(read(DOCS / "jobs.md"), "json")
ELSEWHERE = [example for example in EXAMPLES if "queue" in json.loads(example.text)]
HERE = [example for example in EXAMPLES if example not in ELSEWHERE]
ONE, OTHER = "93b65499-b211-49ce-57e0-19e735cc5abd", "5d5be920-c716-4c99-60e1-055cad95b40f"

TYPED: dict[str, tuple[str, ...]] = {
    "hello": ("echo hello", "--at", "2035-06-04 03:00Z", "--every", "1d"),
    "report": (
        *('make -C /srv/report OUT="$HOME/out" monthly', "--cwd", "/srv/report", "--env", "LANG=C.UTF-8"),
        *("--user", "reports", "--at", "2035-06-01 6am", "--every", "1mo"),
    ),
    "dump": ("pg_dump app | gzip > /var/backups/app.gz", "--shell", "--cron", "0 3 * * *"),
    "nightly": (
        *("echo {{.Name}} of {{.Owner}}", "--owner", "ops@example.com", "--template-delimiters", "{{ }}"),
    ),
    "exact": (
        *("--argv", "printf", "--argv", "%s\n", "--argv", "$HOME stays as it is"),
        *("--at", "2035-06-04 3am", "--every", "1d"),
    ),
    "ping": (
        *("--http", "https://example.com/hook", "--method", "POST", "--header", "Authorization: Bearer abc"),
        *("--body", '{"ping": true}', "--http-timeout", "20", "--expect", "200", "--expect", "202"),
        *("--at", "2035-06-04 03:00", "--every", "10m"),
    ),
    "standup": ("remind-all", "--cron", "0 9 * * MON-FRI", "--zone", "Europe/Berlin"),
    "later": ("date", "--schedule", "R/2035-06-04T03:00/P1D", "--timezone", "America/Lima", "--disabled"),
    "fetch": (
        *("curl -sSf https://example.com/data -o /srv/data", "--at", "2035-06-04 03:00", "--every", "1h"),
        *("--retries", "4", "--epsilon", "20m", "--retry-delay", "30s", "--retry-backoff", "2"),
        *("--timeout", "2m", "--on-failure", ONE, "--rerun-interrupted"),
    ),
    "alarm": ("mail-the-team", "--schedule", "never"),
    "sync": (
        *("rsync -a /srv/data/ backup:/srv/data/", "--at", "2035-06-04 03:00", "--every", "15m"),
        *("--overlap", "skip", "--catch-up", "all", "--misfire-grace", "1h"),
    ),
    "as Kala": (
        *("date", "--at", "2035-06-04 03:00", "--every", "1d", "--resume-at-next-scheduled-time"),
    ),
    "join": ("make report", "--parent", ONE, "--parent", OTHER, "--wait-for", "all"),
    "invoices": (
        *("send-invoices", "--cron", "0 7 1 * *", "--owner", "billing@example.com"),
        *("--description", "Sends the invoices of the month before. Runbook: https://example.com/invoices"),
        *("--tag", "billing", "--tag", "monthly"),
    ),
    "tick": ("date", "--at", "2035-06-04 03:00", "--every", "1s", "--keep-runs", "20"),
}  # fmt: skip


def test_a_job_for_another_machine_is_refused_where_there_are_no_queues(typed: Kala) -> None:
    [example] = ELSEWHERE
    words = ("vacuumdb --all", "--queue", "db", "--on-lost", "end", "--cron", "0 4 * * *")
    for ended in (
        typed("job", "create", "vacuum", *words),
        typed("job", "create", "--from-json", "-", text=example.text),
    ):
        assert ended.code != 0
        assert "--jobDB=postgres" in ended.err


@pytest.mark.parametrize("example", HERE, ids=lambda example: f"line-{example.line}")
def test_each_job_of_the_page_is_made_by_options_alone(
    typed: Kala, client: KalaClient, example: Block
) -> None:
    @cache
    def stand_in(documented: str) -> str:
        return client.create_job(name=f"for {documented}", command="true", schedule="never")

    meant: dict[str, Any] = json.loads(example.text)
    words = [stand_in(word) if word in {ONE, OTHER} else word for word in TYPED[meant["name"]]]
    ended = typed("job", "create", meant["name"], *words)
    assert ended.code == 0, ended.err
    text = example.text.replace(ONE, stand_in(ONE)).replace(OTHER, stand_in(OTHER))
    as_json = typed("job", "create", "--from-json", "-", text=text)
    assert as_json.code == 0, as_json.err
    made, same = (client.get_job(one.out.strip()) for one in (ended, as_json))
    # The page leaves out what is the default: an option that says more than was typed would be seen here.
    assert {**made.creation_body(), "schedule": ""} == {**same.creation_body(), "schedule": ""}
    assert made.next_run_at == same.next_run_at
    asked = Job.model_validate(json.loads(text)).model_dump(mode="json", by_alias=True, exclude_unset=True)
    told = made.model_dump(mode="json", by_alias=True)
    assert {name: told[name] for name in asked} == asked


def test_every_field_of_a_job_and_of_its_call_has_an_option() -> None:
    paths = {option.path for option in OPTIONS}
    assert {name for option in OPTIONS for name in (option.path, *option.goes_with)} >= get_type_hints(
        JobFields
    ).keys() - {CALL}
    assert {f"{CALL}.{name}" for name in RemoteProperties.model_fields} <= paths


@pytest.fixture
def berlin(client: KalaClient, url: str) -> Kala:  # noqa: ARG001 - the server has no job
    """The command line of somebody in Berlin."""
    return partial(kala_here, env={"KALA_URL": url, "TZ": "Europe/Berlin"})


@pytest.mark.parametrize(
    ("words", "schedule", "timezone"),
    [
        (["--cron", "0 9 * * *"], "0 9 * * *", "Europe/Berlin"),
        (["--schedule", "0 9 * * *"], "0 9 * * *", "Europe/Berlin"),
        (["--every", "@daily"], "@daily", "Europe/Berlin"),
        (["--at", "2035-06-04 9am"], "R0/2035-06-04T09:00:00+02:00/PT1S", "Europe/Berlin"),
        (
            ["--at", "2035-06-04 9:00", "--every", "1d", "--times", "3"],
            "R2/2035-06-04T09:00:00+02:00/P1D",
            "Europe/Berlin",
        ),
        (["--schedule", "R/2035-06-04T09:00/P1D"], "R/2035-06-04T09:00/P1D", "Europe/Berlin"),
        (["--cron", "0 9 * * *", "--timezone", "Asia/Tokyo"], "0 9 * * *", "Asia/Tokyo"),
        (
            ["--at", "2035-06-04 9am", "--zone", "Asia/Tokyo"],
            "R0/2035-06-04T09:00:00+09:00/PT1S",
            "Asia/Tokyo",
        ),
        (["--at", "2035-06-04 9am", "--utc"], "R0/2035-06-04T09:00:00Z/PT1S", ""),
        # No wall, no zone.
        (["--at", "2035-06-04T09:00-03:00"], "R0/2035-06-04T09:00:00-03:00/PT1S", ""),
        (["--schedule", "R/2035-06-04T09:00:00Z/P1D"], "R/2035-06-04T09:00:00Z/P1D", ""),
        (["--schedule", "never"], "never", ""),
    ],
)
def test_a_wall_time_takes_the_readers_zone_and_says_so(
    berlin: Kala, client: KalaClient, words: list[str], schedule: str, timezone: str
) -> None:
    ended = berlin("job", "create", "walls", "true", *words)
    assert ended.code == 0, ended.err
    job = client.get_job(ended.out.strip())
    assert (job.schedule, job.timezone or "") == (schedule, timezone)
    told = f"its times are on the clock of {timezone or 'UTC'} (another: --timezone)\n"
    wall = "--timezone" not in words and (bool(timezone) or "--utc" in words)
    assert ended.err == (told if wall else "")


def test_a_time_is_shown_on_the_readers_clock_whichever_command_shows_it(
    berlin: Kala, client: KalaClient
) -> None:
    job_id = client.create_job(name="daily", command="true", schedule="R/2035-06-04T19:00:00Z/P1D")
    assert "2035-06-04 21:00" in berlin("job", "list").out
    assert "2035-06-04 19:00" in berlin("job", "list", "--utc").out
    assert "next run (Asia/Tokyo)" in berlin("job", "list", "--zone", "Asia/Tokyo").out
    assert "2035-06-04 21:00:00+02:00" in berlin("job", "get", job_id).out
    assert "2035-06-04 21:00:00+02:00" in berlin("stats").out
    assert "2035-06-04 21:00 +02:00" in berlin("job", "explain", job_id).out
    assert berlin("preview", "0 9 * * *").out.count(" 09:00:00+0") == 5
    assert berlin("preview", "0 9 * * *", "--utc").out.count(" 09:00:00+00:00") == 5


def test_a_dry_run_says_what_the_job_would_be_and_creates_none(berlin: Kala, client: KalaClient) -> None:
    words = ("standup", "remind-all", "--schedule", "R/2035-06-04T09:00:00/P1D", "--dry-run")
    ended = berlin("job", "create", *words)
    assert ended.code == 0, ended.err
    assert ended.err == (
        "its times are on the clock of Europe/Berlin (another: --timezone)\n"
        "nothing is stored: this was a dry run\n"
    )
    facts, rest = ended.out.split("\n\n")
    assert ["command", "remind-all"] in [line.split() for line in facts.splitlines()]
    said, title, *times = map(str.strip, rest.splitlines())
    assert (said, title) == ("every day at 09:00, Europe/Berlin, from 2035-06-04", "would be due")
    assert times == [f"2035-06-0{day} 09:00:00+02:00" for day in range(4, 9)]
    document = json.loads(berlin("job", "create", *words, "--json").out)
    assert (document["job"]["name"], document["next"][0]) == ("standup", "2035-06-04T07:00:00Z")
    refused = berlin("job", "create", "typo", "date > /tmp/date", "--dry-run")
    assert (refused.code, refused.out) == (1, "")
    assert client.get_all_jobs() == {}
