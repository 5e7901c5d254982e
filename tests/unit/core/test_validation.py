"""A job that cannot be accepted: every field at fault is named, and what would be right is shown, and is right."""

import math
import re
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from kala_client.fields import FIELDS
from kala_client.schedules.schedule import Period
from kala_server.core.decide.validation import check_job, first_slot
from kala_server.core.errors import MOST_TOLD, InvalidJobError
from kala_server.core.model import inputs
from kala_server.core.model.job import JobSpec, RemoteCall
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from tests.unit.core.invariants import contents
from tests.unit.core.simulation import START, World, id_of

NOBODY = id_of("nobody")
GOOD = JobSpec(name="good", command="true")
CALL = RemoteCall(url="https://example.com/hook")

BOUNDED = {row.name: row for row in FIELDS if "minimum" in row.bounds}

# the field that is named, what the job says, a word of the message
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("name", {"name": ""}, "needs a name"),
    ("name", {"name": " \t"}, "needs a name"),
    ("name", {"name": "x" * 131_058}, "KALA_JOB_NAME"),
    ("name", {"name": "é" * 65_529}, "KALA_JOB_NAME"),
    ("type", {"type": 2}, "no type 2"),
    ("type", {"type": -1}, "0 is a command, 1 an HTTP call"),
    ("command", {"command": ""}, "needs a command"),
    ("command", {"command": " "}, "needs a command"),
    ("command", {"command": "a\0b"}, "NUL"),
    ("command", {"command": "a\0b", "shell": True}, "NUL"),
    ("command", {"command": "echo 'a"}, "quote"),
    ("command", {"command": "date\nls"}, "line break"),
    ("command", {"command": "http://example.com/"}, "job of type 1"),
    ("command", {"command": "http://example.com/", "shell": True}, "job of type 1"),
    ("command", {"command": "FOO=1 date"}, "write env in front of it"),
    ("command", {"command": "echo " + "é" * 65_536}, "more than 131,071 bytes"),
    ("command", {"command": "echo " + "é" * 65_536, "shell": True}, "more than 131,071 bytes"),
    ("command", {"command": "echo $A$A", "env": {"A": "x" * 65_536}}, "more than 131,071 bytes"),
    (
        "command",
        {"command": "echo $KALA_JOB_NAME$A", "name": "x" * 131_057, "env": {"A": "x" * 15}},
        "131,071 bytes",
    ),
    ("command", {"command": "date | tee file"}, r"\|"),
    ("argv", {"argv": ("date",)}, "either a command or an argv"),
    ("argv", {"argv": ("",), "command": ""}, "name a program"),
    ("argv", {"argv": ("/bin/",), "command": ""}, "name a program"),
    ("argv", {"argv": ("https://example.com/",), "command": ""}, "job of type 1"),
    ("argv", {"argv": ("echo", "x" * 131_072), "command": ""}, "more than 131,071 bytes"),
    ("argv", {"argv": ("echo", "é" * 65_536), "command": ""}, "more than 131,071 bytes"),
    ("argv", {"argv": ("echo", *["x"] * 209_716), "command": ""}, "all words together"),
    ("argv", {"argv": ("date", "a\0"), "command": ""}, "NUL"),
    ("env", {"env": {"": "x"}}, "name of a variable"),
    ("env", {"env": {"A=B": "x"}}, "name of a variable"),
    ("env", {"env": {"A": "x\0"}}, "name of a variable"),
    ("env", {"env": {"A\0": "x"}}, "name of a variable"),
    ("env", {"env": {"A": "x" * 131_070}}, "131,071 bytes"),
    ("env", {"env": {"Ä": "é" * 65_535}}, "131,071 bytes"),
    ("env", {"env": {str(number): "x" * 100_000 for number in range(21)}}, "all of them"),
    ("user", {"user": "no\0body"}, "no user has a name"),
    ("user", {"user": "a:b"}, "no user has a name"),
    ("cwd", {"cwd": "/a" * 2_048}, "4,095 bytes"),
    ("cwd", {"cwd": "/srv/" + "é" * 128}, "each name in it 255"),
    ("user", {"user": "a" * 256}, "up to 255 bytes"),
    ("queue", {"queue": "d b"}, "up to 40 of"),
    ("queue", {"queue": "q" * 41}, "up to 40 of"),
    ("cwd", {"cwd": "relative/path"}, "absolute"),
    ("cwd", {"cwd": "/a\0b"}, "absolute"),
    ("remote_properties", {"type": 1}, "needs a url"),
    ("remote_properties", {"type": 1, "remote_properties": replace(CALL, url="ftp://a")}, "http://"),
    ("remote_properties", {"type": 1, "remote_properties": replace(CALL, method="GET /")}, "no HTTP method"),
    ("remote_properties", {"type": 1, "remote_properties": replace(CALL, method="")}, "no HTTP method"),
    ("remote_properties", {"type": 1, "remote_properties": replace(CALL, timeout=-1)}, "number of seconds"),
    (
        "remote_properties",
        {"type": 1, "remote_properties": replace(CALL, timeout=float("inf"))},
        "number of seconds",
    ),
    ("timezone", {"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
    ("timezone", {"timezone": "../etc/passwd"}, "no time zone"),
    ("timezone", {"timezone": "Europe"}, "no time zone"),
    ("timezone", {"timezone": "a\0b"}, "no time zone"),
    ("timezone", {"timezone": "right/Europe/Berlin"}, "leap seconds"),
    ("timezone", {"timezone": "localtime"}, "is no place"),
    ("schedule", {"schedule": "2/2035-06-04T19:25:16Z/PT10S"}, "begins with R"),
    ("schedule", {"schedule": "R/tomorrow/PT10S"}, "START"),
    ("schedule", {"schedule": "R/2035-06-04T19:25:16Z/10s"}, "duration"),
    ("schedule", {"schedule": "R/2035-06-04T19:25:16Z/PT0S"}, "period of zero"),
    ("schedule", {"schedule": "every day"}, "5 fields, not 2"),
    ("schedule", {"schedule": "* * * * * *"}, "none for seconds, a year, a user or a command"),
    ("schedule", {"schedule": "CRON_TZ=Europe/Berlin 0 9 * * *"}, "CRON_TZ=… .* belongs in timezone"),
    ("schedule", {"schedule": "TZ=UTC @daily"}, "belongs in timezone"),
    ("schedule", {"schedule": "PATH=/bin 0 9 * * *"}, "PATH=… .* belongs in env"),
    ("schedule", {"schedule": "@every 5m"}, "R/2035-06-04T19:25:16Z/PT5M"),
    ("schedule", {"schedule": "0 9 ? * *"}, r"\* stands for every one"),
    ("schedule", {"schedule": "R/2035-06-04 19:25:16Z/P1D"}, "a T stands between date and time"),
    ("schedule", {"schedule": "61 * * * *"}, "minute"),
    ("schedule", {"schedule": "0 0 30 2 *"}, "never come together"),
    ("schedule", {"schedule": "0 0 */29 2 MON#5"}, "never come together"),
    ("schedule", {"schedule": "* " * 250_000}, "at most 1000 characters, not 500000"),
    ("schedule", {"schedule": "R/2035-06-04T19:25:16+02:60/PT10S"}, "START"),
    ("schedule", {"schedule": "R/9999-12-31T23:59:59-02:00/PT10S"}, "out of range"),
    ("schedule", {"schedule": "R0/2035-06-04T19:25:16Z/P"}, "no duration at all"),
    ("epsilon", {"epsilon": "5 minutes"}, "ISO 8601 duration"),
    ("epsilon", {"epsilon": "P"}, "no duration at all"),
    ("retry_delay", {"retry_delay": "P"}, "no duration at all"),
    ("timeout", {"timeout": "PT"}, "no duration at all"),
    ("misfire_grace", {"misfire_grace": "PT"}, "no duration at all"),
    ("timeout", {"timeout": "-PT5S"}, "cannot be negative"),
    ("retry_delay", {"retry_delay": "P99999Y"}, "longer than 9999 years"),
    *(
        (name, {name: number}, re.escape(row.refusal))
        for name, row in BOUNDED.items()
        for number in (row.bounds["minimum"] - 1, row.bounds.get("maximum", math.inf) + 1, math.nan)
    ),
    ("parent_jobs", {"parent_jobs": (NOBODY,)}, "no job with the id"),
    ("parent_jobs", {"parent_jobs": (id_of("there"),) * 2}, "only once"),
    ("on_failure_job", {"on_failure_job": NOBODY}, "no job with the id"),
]


@pytest.fixture(scope="module")
def state() -> State:
    """A server with one job: `there`."""
    world = World()
    world.create("there", schedule="R/2040-01-01T00:00:00Z/P1D")
    return world.state


def problems_of(state: State, spec: JobSpec, job: str = "new") -> InvalidJobError:
    with pytest.raises(InvalidJobError) as refused:
        to_the_end(check_job(state, id_of(job), spec))
    return refused.value


def test_of_very_many_faults_the_first_are_told(state: State) -> None:
    missed = tuple(str(number) for number in range(10 * MOST_TOLD))
    problems = problems_of(state, replace(GOOD, parent_jobs=missed)).problems
    assert [problem.message for problem in problems] == [
        f"there is no job with the id {parent!r}" for parent in missed[:MOST_TOLD]
    ]


@pytest.mark.parametrize(("field", "said", "message"), BAD)
def test_the_field_at_fault_is_named_and_no_other(
    state: State, field: str, said: dict[str, Any], message: str
) -> None:
    error = problems_of(state, replace(GOOD, **said))
    assert {problem.field for problem in error.problems} == {field}
    with pytest.raises(InvalidJobError, match=message):
        raise error


@pytest.mark.parametrize(("field", "said", "message"), BAD)
def test_the_example_of_what_would_be_right_is_accepted(
    state: State, field: str, said: dict[str, Any], message: str
) -> None:
    (problem, *_) = problems_of(state, replace(GOOD, **said)).problems
    assert problem.example is not None, message
    example: Any = problem.example
    if field in {"parent_jobs", "on_failure_job"}:
        assert type(example) is (list if field == "parent_jobs" else str)
        example = (id_of("there"),) if field == "parent_jobs" else id_of("there")
    elif field == "remote_properties":
        example = RemoteCall(**example)
    elif field == "argv":
        example, said = tuple(example), {**said, "command": ""}
    to_the_end(check_job(state, id_of("new"), replace(GOOD, **{**said, field: example})))


def test_every_field_that_has_rules_is_in_the_table() -> None:
    free = {
        "owner", "resume_at_next_scheduled_time", "template_delimiters", "overlap", "catch_up", "wait_for",
        "shell", "tags", "description", "rerun_interrupted", "on_lost",
    }  # fmt: skip
    assert {field for field, _, _ in BAD} | free == {field.name for field in fields(JobSpec)}


def test_a_job_that_was_stored_when_more_was_accepted_can_be_changed_elsewhere(state: State) -> None:
    there = state.jobs[id_of("there")]
    stored = replace(there.spec, command="FOO=1 date\nls")
    state.jobs[id_of("old")] = replace(there, id=id_of("old"), spec=stored)
    try:
        to_the_end(check_job(state, id_of("old"), replace(stored, retries=3)))
        [problem] = problems_of(state, replace(stored, env={"BAR": "2"}), "old").problems
        assert problem.field == "command"
    finally:
        del state.jobs[id_of("old")]


def test_every_field_at_fault_is_named_at_once(state: State) -> None:
    spec = JobSpec(name="", timezone="Mars", epsilon="x", retries=-1, parent_jobs=(NOBODY,))
    named = {problem.field for problem in problems_of(state, spec).problems}
    assert named == {"name", "command", "timezone", "epsilon", "retries", "parent_jobs"}


@pytest.mark.parametrize(
    "said",
    [
        {"command": "date | tee file", "shell": True},
        {"argv": ("echo", "a | b"), "command": ""},
        {
            "type": 1,
            "command": "",
            "remote_properties": replace(CALL, url="HTTP://example.com", method="put"),
        },
        {"type": 1, "command": "", "remote_properties": replace(CALL, timeout=0.5)},
        {"schedule": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"},
        {"schedule": "  */5   *  * * * "},
        {"schedule": "R/2035-06-04T19:25:16Z/PT0.5S"},
        {"epsilon": "PT0S", "timeout": "P1M", "retry_delay": "PT0.1S", "misfire_grace": "P1W"},
        {"retry_backoff": 1, "keep_runs": 1, "retries": 0},
        {"parent_jobs": (id_of("there"),), "on_failure_job": id_of("there")},
        {"cwd": "/srv", "env": {"LANG": "a=b"}},
        {"name": "x" * 131_057, "env": {"A": "x" * 131_069}, "command": "echo " + "x" * 131_071},
        {"name": "x" * 131_058, "type": 1, "command": "", "remote_properties": CALL},
        {"command": "x" * 131_071, "shell": True},
        {"command": "date\nls\n", "shell": True},
        {"argv": ("echo", "x" * 131_071), "command": ""},
    ],
)
def test_what_makes_sense_is_accepted(state: State, said: dict[str, Any]) -> None:
    if said.get("on_failure_job"):
        said = {**said, "parent_jobs": ()}
    to_the_end(check_job(state, id_of("new"), replace(GOOD, **said)))


def test_a_job_that_calls_its_parent_for_help_is_refused(state: State) -> None:
    spec = replace(GOOD, parent_jobs=(id_of("there"),), on_failure_job=id_of("there"))
    (problem,) = problems_of(state, spec).problems
    assert problem.field == "on_failure_job"


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("0 0 */29 2 MON#5", "never due"),  # the first of February is no fifth Monday
        ("R/0001-01-02T00:00:00Z/P1D", "has passed"),
        ("R/2029-01-01T00:00:00Z/P1D", "has passed"),
    ],
)
def test_a_first_slot_that_is_not_to_come_is_refused(schedule: str, message: str) -> None:
    with pytest.raises(InvalidJobError, match=message) as refused:
        first_slot(replace(GOOD, schedule=schedule), START, START)
    assert refused.value.problems[0].field == "schedule"
    example: Any = refused.value.problems[0].example
    assert first_slot(replace(GOOD, schedule=example), START, START) is not None


def test_the_first_slot_of_a_cron_line_is_the_next_minute_that_fits() -> None:
    spec = replace(GOOD, schedule="0 0 * * *")
    assert first_slot(spec, START, START) == START + timedelta(days=1)


def test_a_refused_job_changes_nothing() -> None:
    world = World()
    world.create("job")
    known = {name: dict(table) for name, table in contents(world.state).items()}
    for _, said, _ in BAD:
        spec = replace(GOOD, **{**said, "parent_jobs": (NOBODY,)})
        for wish in (
            inputs.CreateJobs(jobs=(inputs.NewJob(id=NOBODY, spec=spec),)),
            inputs.ChangeJob(id=id_of("job"), spec=spec),
        ):
            with pytest.raises(InvalidJobError):
                world.tell(wish)
    assert contents(world.state) == known


@pytest.mark.parametrize("field", ["timeout", "misfire_grace"])
@pytest.mark.parametrize("zero", ["PT0S", "P0D"])
def test_a_duration_of_zero_that_would_let_nothing_run_is_refused(field: str, zero: str) -> None:
    changed: dict[str, Any] = {field: zero}
    with pytest.raises(InvalidJobError, match=f"{field}: a duration of zero would .* leave it out"):
        to_the_end(check_job(State(), id_of("a"), replace(JobSpec(name="a", command="true"), **changed)))


@pytest.mark.parametrize(
    "call",
    [
        {"url": "http://[::1/"},
        {"url": "http://[v1.a]/"},
        {"url": "http:///x"},
        {"url": "http://host:0/"},
        {"url": "http://host:99999/"},
        {"url": "http://h/", "headers": {"A b": "x"}},
        {"url": "http://h/", "headers": {"A": "x\r\nB: y"}},
        {"url": "http://h/", "headers": {"A": "☃"}},
        {"url": "http://h/", "headers": {"A": ("x", "x\r\nB: y")}},
        {"url": "http://h/", "headers": {"Host": ("a", "b")}},
        {"url": "http://h/", "method": "ΓET"},
        {"url": " http://h/"},
        {"url": "http://h/\n"},
        {"url": "http://h/a\r\nb"},
        {"url": "http://h h/"},
        {"url": "http://h/", "headers": {"Host": "a", "host": "b"}},
        {"url": "http://h/", "expected_response_codes": (200, 99999)},
    ],
)
def test_a_call_that_can_never_be_sent_is_refused(call: dict[str, Any]) -> None:
    spec = JobSpec(name="a", type=1, remote_properties=RemoteCall(**call))
    with pytest.raises(InvalidJobError, match="remote_properties: "):
        to_the_end(check_job(State(), id_of("a"), spec))


@pytest.mark.parametrize(
    ("schedule", "example"),
    [
        ("61 * * * *", "0 9 * * MON-FRI"),
        ("@dayly", "0 9 * * MON-FRI"),
        ("daily", "R5/2035-06-04T19:25:16Z/PT10S"),
    ],
)
def test_the_example_of_a_schedule_is_of_the_kind_that_is_meant(
    state: State, schedule: str, example: str
) -> None:
    with pytest.raises(InvalidJobError) as raised:
        to_the_end(check_job(state, "new", replace(GOOD, schedule=schedule)))
    assert [problem.example for problem in raised.value.problems] == [example]


@pytest.mark.parametrize(
    "period", ["P99999999999D", "P99999999999999D", "P" + "9" * 90 + "D", "PT1" + "0" * 40 + "S"]
)
def test_a_period_beyond_the_calendar_is_told_as_such_however_many_digits_it_has(period: str) -> None:
    with pytest.raises(ValueError, match=r"^P.* is longer than 9999 years"):
        Period.parse(period)
