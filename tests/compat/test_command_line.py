"""`kala` with two real Kalas, as they were recorded: what it sends to them, and what it says where that cannot be."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from tests.cli.command_line import Ended, kala_here
from tests.compat.recorded import NAMES, recording

URL = "http://kala.test"
NOTHING_SENT = "this Kala would drop that in silence, so nothing was sent"
ADVICE = (
    "; a wall time that comes again needs a zone, so that it stays the same in summer: "
    "say --utc, or a time with an offset"
)
ITS_ZONE = "its times are on the clock of Europe/Berlin (another: --timezone)\n"
TWICE = (
    "the clock of Europe/Berlin shows 02:30 twice on 2035-10-28: the first one is meant "
    "(the second: 2035-10-28T02:30+01:00)\n"
)
NEVER_SHOWN = "the clock of Europe/Berlin does not show 02:30 on 2035-03-25: 03:30 is meant\n"
OFFSET = "R0/2035-06-04T09:00:00+02:00/PT1S"


class RealKala:
    """One of the two: it answers each call as it did when it was recorded, and takes every job."""

    def __init__(self, name: str, mock: respx.Router) -> None:
        self._answers = {call.note: call.answer for call in recording(name).calls}
        for method, path, note in (
            ("GET", "/stats/", "application stats after all that"),
            ("GET", "/job/", "list, one job"),
            ("GET", "/job/stats/[^/]+/", "job stats after a run"),
            ("POST", "/job/start/[^/]+/", "start"),
            ("POST", "/job/enable/[^/]+/", "enable"),
            ("POST", "/job/disable/[^/]+/", "disable"),
            ("GET", "/job/[^/]+/", "get after a run"),
            ("DELETE", "/job/[^/]+/", "delete"),
        ):
            pattern = f"^{URL}/api/v1{path}(\\?.*)?$"
            mock.route(method=method, url__regex=pattern).mock(return_value=self.answer(note))
        self.create = mock.post(f"{URL}/api/v1/job/")
        self.create.mock(return_value=self.answer("create, all documented fields"))
        mock.route().mock(return_value=self.answer("unknown route"))

    def answer(self, note: str) -> httpx.Response:
        answer = self._answers[note]
        assert answer is not None
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body.encode())

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """What was sent, without what says nothing."""
        sent = [json.loads(call.request.content) for call in self.create.calls]
        return [{name: value for name, value in job.items() if value} for job in sent]


@pytest.fixture(params=NAMES)
def real(request: pytest.FixtureRequest) -> Iterator[RealKala]:
    with respx.mock(assert_all_called=False) as mock:
        yield RealKala(request.param, mock)


def in_berlin(*words: str, text: str = "") -> Ended:
    return kala_here("job", "create", *words, text=text, env={"KALA_URL": URL, "TZ": "Europe/Berlin"})


@pytest.mark.parametrize(
    ("words", "schedule", "told"),
    [
        (["--at", "2035-06-04 9am"], OFFSET, ITS_ZONE),
        (["--at", "2035-12-04 9am"], "R0/2035-12-04T09:00:00+01:00/PT1S", ITS_ZONE),
        (["--at", "2035-06-04 9am", "--every", "1d", "--times", "1"], OFFSET, ITS_ZONE),
        (["--schedule", "R0/2035-06-04T09:00/P1D"], OFFSET, ITS_ZONE),
        # The hour that comes twice is its first, the one that does not come is an hour later: as kala_server has it.
        (["--at", "2035-10-28 02:30"], "R0/2035-10-28T02:30:00+02:00/PT1S", ITS_ZONE + TWICE),
        (["--at", "2035-03-25 02:30"], "R0/2035-03-25T03:30:00+02:00/PT1S", ITS_ZONE + NEVER_SHOWN),
        (["--at", "2035-06-04T09:00-03:00"], "R0/2035-06-04T09:00:00-03:00/PT1S", ""),
        (
            ["--at", "2035-06-04 9am", "--zone", "Asia/Tokyo"],
            "R0/2035-06-04T09:00:00+09:00/PT1S",
            ITS_ZONE.replace("Europe/Berlin", "Asia/Tokyo"),
        ),
        (
            ["--at", "2035-06-04 9am", "--every", "1d", "--utc"],
            "R/2035-06-04T09:00:00Z/P1D",
            ITS_ZONE.replace("Europe/Berlin", "UTC"),
        ),
        (["--at", "2035-06-04T09:00+02:00", "--every", "1d"], "R/2035-06-04T09:00:00+02:00/P1D", ""),
        (["--schedule", "R/2035-06-04T09:00:00Z/P1D"], "R/2035-06-04T09:00:00Z/P1D", ""),
        ([], None, ""),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_time_is_sent_with_its_offset_and_without_a_zone(
    real: RealKala, words: list[str], schedule: str | None, told: str
) -> None:
    ended = in_berlin("a", "true", *words)
    assert (ended.code, ended.err) == (0, told)
    assert ended.out.strip() == json.loads(real.create.calls.last.response.content)["id"]
    [sent] = real.jobs
    assert sent.pop("schedule", None) == schedule
    assert sent == {"name": "a", "command": "true"}


@pytest.mark.parametrize(
    "words",
    [
        ["--at", "2035-06-04 9am", "--every", "1d"],
        ["--at", "2035-06-04 9am", "--every", "1d", "--times", "3"],
        ["--schedule", "R/2035-06-04T09:00/P1D"],
    ],
    ids=" ".join,
)
def test_a_wall_time_that_comes_again_says_why_not(real: RealKala, words: list[str]) -> None:
    ended = in_berlin("a", "true", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"Error: only kala_server understands timezone; {NOTHING_SENT}{ADVICE}\n"
    assert real.jobs == []


REPEATED = {"name": "a", "command": "true", "schedule": "R/2035-06-04T09:00/P1D", "timezone": "Asia/Tokyo"}


@pytest.mark.parametrize(
    ("words", "document", "named"),
    [
        (["a", "true", "--shell"], None, "shell"),
        (["a", "true", "--timeout", "5m", "--tag", "b"], None, "tags, timeout"),
        # What is the reader's zone was not asked for, and is not what stands in the way.
        (["a", "true", "--shell", "--at", "2035-06-04 9am"], None, "shell"),
        (["a", "true", "--cron", "0 9 * * *"], None, "timezone, schedule (a cron line)"),
        (["a", "true", "--cron", "0 9 * * *", "--utc"], None, "schedule (a cron line)"),
        (["a", "true", "--every", "@daily"], None, "timezone, schedule (a cron line)"),
        (["a", "true", "--schedule", "never"], None, "schedule (never)"),
        # A zone that was said is one that is wanted, also where the time comes once.
        (["a", "true", "--at", "2035-06-04 9am", "--timezone", "Asia/Tokyo"], None, "timezone"),
        (
            ["a", "true", "--at", "2035-06-04 9am", "--every", "1d", "--timezone", "Asia/Tokyo"],
            None,
            "timezone",
        ),
        (["--from-json", "-"], REPEATED, "timezone"),
        (["--from-json", "-"], REPEATED | {"schedule": OFFSET}, "timezone"),
        (["--from-json", "-", "--at", "2035-06-04 9am"], REPEATED, "timezone"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_only_kala_server_understands_is_named_and_not_sent(
    real: RealKala, words: list[str], document: dict[str, Any] | None, named: str
) -> None:
    ended = in_berlin(*words, text=json.dumps(document) if document else "")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.removeprefix(ITS_ZONE).removeprefix(ITS_ZONE.replace("Europe/Berlin", "UTC")) == (
        f"Error: only kala_server understands {named}; {NOTHING_SENT}\n"
    )
    assert real.jobs == []


def test_a_file_may_say_what_every_kala_understands(real: RealKala) -> None:
    job = {"name": "a", "command": "true", "schedule": "R2/2035-06-04T19:25:16Z/PT10S", "retries": 2}
    ended = in_berlin("--from-json", "-", "--owner", "me", text=json.dumps({**job, "timezone": ""}))
    assert (ended.code, ended.err) == (0, "")
    assert real.jobs == [{**job, "owner": "me"}]


def test_a_refusal_is_told_in_its_own_words(real: RealKala) -> None:
    real.create.mock(return_value=real.answer("create: schedule in the past"))
    ended = in_berlin("a", "true", "--schedule", "R2/2015-06-04T19:25:16Z/PT10S")
    assert (ended.code, ended.out) == (1, "")
    assert "when initializing the job" in ended.err
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1


ID = "98889bf0-c5ec-40c4-65da-d23e041383ff"
LACKS = "this Kala does not know the call: it needs kala_server"
COMMANDS: list[tuple[list[str], str]] = [
    (["job", "list"], ""),
    (["job", "list", "--json"], ""),
    (["job", "get", ID], ""),
    (["job", "get", "test_job", "--json"], ""),
    (["job", "stats", ID], ""),
    (["job", "enable", ID], ""),
    (["job", "disable", ID], ""),
    (["job", "start", ID], ""),
    (["job", "copy", ID, "another"], ""),
    (["job", "delete", ID, "--yes"], ""),
    (["stats"], ""),
    (["job", "start", ID, "--wait"], "the job was started, but this Kala does not tell which run it is"),
    (["job", "list", "--state", "failed"], LACKS),
    (["job", "edit", ID, "--retries", "3"], LACKS),
    (["job", "rename", ID, "another"], LACKS),
    (["job", "runs", ID], LACKS),
    (["job", "logs", ID], LACKS),
    (["job", "explain", ID], LACKS),
    (["job", "family", ID], LACKS),
    (["job", "cancel", ID], LACKS),
    (["job", "disable", "--all"], LACKS),
    (["runs"], LACKS),
    (["upcoming"], LACKS),
    (["preview", "0 9 * * *"], LACKS),
    (["events"], LACKS),
]


@pytest.mark.parametrize(("words", "lacks"), COMMANDS, ids=lambda value: str(value)[:60])
def test_every_command_does_it_or_says_that_it_needs_kala_server(
    real: RealKala, words: list[str], lacks: str
) -> None:
    ended = kala_here(*words, env={"KALA_URL": URL})
    assert (ended.code, ended.err) == (0, "") or (lacks and ended.code == 1), ended
    assert lacks in ended.err
    assert ended.err.count("\n") == bool(lacks)
    if "copy" in words:
        assert real.jobs[0]["name"] == "another"
