"""What no command can do is refused on one line: what was wrong, where, and what would be right. Nothing is changed.

Each table is a kind of wrong input, with every command that could get it. Exit code 2 is for what was typed, 1 for what
is not there.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from kala_client import KalaClient
from tests.cli.command_line import KALA, environment, kala
from tests.cli.conftest import Kala

NEVER = ("--schedule", "never")
CREATE = ("job", "create", "new", "date")


def refused(kala: Kala, client: KalaClient, code: int, *words: str) -> str:
    """Give a command that is refused, and return the line that says why."""
    before = {job.id: job.creation_body() for job in client.get_all_jobs().values()}
    ended = kala(*words)
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert {job.id: job.creation_body() for job in client.get_all_jobs().values()} == before
    said = [line for line in ended.err.splitlines() if line and not line.startswith(("Usage: ", "Try '"))]
    assert len(said) == 1, said
    assert len(said[0]) < 900
    assert said[0].startswith("Error: ")
    return said[0]


NAMES = [
    ("job", "get", "{}"), ("job", "edit", "{}", "--retries", "3"), ("job", "rename", "{}", "new"),
    ("job", "copy", "{}", "new"), ("job", "start", "{}"), ("job", "start", "{}", "--wait"), ("job", "enable", "{}"),
    ("job", "disable", "{}"), ("job", "delete", "{}"), ("job", "runs", "{}"), ("job", "logs", "{}"),
    ("job", "explain", "{}"), ("job", "family", "{}"), ("job", "cancel", "{}"), ("job", "stats", "{}"),
    ("runs", "--job", "{}"), ("upcoming", "--job", "{}"), (*CREATE, "--parent", "{}"), (*CREATE, "--on-failure", "{}"),
    ("job", "disable", "here", "{}"), ("job", "delete", "here", "{}"),
]  # fmt: skip


@pytest.fixture
def here(client: KalaClient) -> str:
    """A job that is there."""
    return client.create_job(name="here", command="true", schedule="never")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("words", NAMES, ids=" ".join)
def test_a_job_that_is_not_there_is_told_with_the_ways_to_name_one(
    typed: Kala, client: KalaClient, words: tuple[str, ...]
) -> None:
    said = refused(typed, client, 1, *(word.format("nobody") for word in words))
    assert "there is no job 'nobody'; say its id, the first 4 or more characters of it, or its name" in said
    said = refused(typed, client, 1, *(word.format("x" * 100_000) for word in words))
    assert said.endswith("or its name (kala job list)")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "words", [words for words in NAMES if words[-2] not in {"--parent", "--on-failure"}], ids=" ".join
)
def test_an_empty_name_names_no_job(typed: Kala, client: KalaClient, words: tuple[str, ...]) -> None:
    assert "there is no job ''" in refused(typed, client, 1, *(word.format("") for word in words))


@pytest.mark.parametrize(
    "words",
    [
        *(("job", "list", option) for option in ("--name", "--owner", "--tag", "--state")),
        *((command, option) for command in ("runs", "upcoming") for option in ("--tag",)),
        ("runs", "--state"), ("job", "enable", "--tag"), ("job", "disable", "--tag"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_empty_filter_is_no_filter_that_lets_everything_through(
    typed: Kala, client: KalaClient, words: tuple[str, ...]
) -> None:
    said = refused(typed, client, 2, *words, "")
    assert said.endswith(f"'{words[-1]}': an empty text names nothing; leave the option out")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((*CREATE, "--at"), "'' is no time"),
        ((*CREATE, "--every"), "'--every': '' is no length of time"),
        ((*CREATE, "--cron"), "a cron line has 5 fields"),
        (("job", "edit", "here", "--at"), "'' is no time"),
        (("job", "edit", "here", "--every"), "'--every': '' is no length of time"),
        (("job", "edit", "here", "--cron"), "a cron line has 5 fields"),
        (("job", "explain", "here", "--at"), "'' is no time"),
        (("runs", "--since"), "'' is no time"),
        (("runs", "--until"), "'' is no time"),
        (("upcoming", "--since"), "'' is no time"),
        (("upcoming", "--until"), "'' is no time"),
        (("job", "list", "--zone"), "the name of a time zone belongs here, such as Europe/Berlin"),
        (("job", "list", "--url"), "the address of a Kala belongs here, such as http://127.0.0.1:8000"),
        (
            ("preview", "0 9 * * *", "--timezone"),
            "the name of a time zone belongs here, such as Europe/Berlin",
        ),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
@pytest.mark.usefixtures("here")
def test_an_empty_time_or_place_is_not_taken_for_none(
    typed: Kala, client: KalaClient, words: tuple[str, ...], why: str
) -> None:
    assert why in refused(typed, client, 2, *words, "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((*CREATE, "--at", "yesterday 9am"), "'yesterday 9am' has passed, as it is "),
        ((*CREATE, "--at", "2020-01-01T00:00Z", "--every", "1d"), "'2020-01-01T00:00Z' has passed, as it is "),
        ((*CREATE, "--at", "9999-12-31 23:59"), "'9999-12-31 23:59' is out of reach"),
        ((*CREATE, "--every", "@daily", "--times", "3"), "@daily says by itself when: beside --at or --times say how"),
        ((*CREATE, "--every", "@daily", "--at", "9am"), "@daily says by itself when"),
        ((*CREATE, "--every", "1d", "--times", "9" * 20), "is not in the range 1<=x<=1000000000000000"),
        ((*CREATE, "--cron", "R/2035-01-01T00:00:00Z/P1D"), "a cron line has 5 fields"),
        ((*CREATE, "--cron", "0 9 * *"), "a cron line has 5 fields, not 4; a valid one is 0 9 * * MON-FRI"),
        ((*CREATE, "--http", "http://a/"), "say either a COMMAND, or --http URL in its place"),
        (("job", "create", "new", "date", "-u"), "No such option '-u'. What begins with a dash and is no option goes"),
        (("job", "get", "-x"), "goes behind --."),
        (("job", "create", "new", "echo", "a"), 'echo", "a'.replace('", "', "") and 'quoted: "echo hello"'),
        (("job", "edit", "here"), "such as --retries 3: an editor needs a terminal"),
        ((*CREATE, "--schedule", "5m"), "5m is how far apart, and no schedule; say --every 5m, or R/START/PERIOD"),
        (("job", "edit", "here", "--schedule", "PT5M"), "PT5M is how far apart, and no schedule; say --every PT5M"),
        ((*CREATE, "--retries", "1.5"), "'--retries': '1.5' is not a valid whole number."),
        ((*CREATE, "--retries", "-1"), "'--retries': -1 is not in the range x>=0."),
        ((*CREATE, "--retry-backoff", "x"), "'--retry-backoff': 'x' is not a valid number."),
        (("runs", "--limit", "all"), "'--limit': 'all' is not a valid whole number."),
        (("preview", "@daily", "-n", "x"), "'-n' / '--count': 'x' is not a valid whole number."),
        (("--zone", "UTC", "job", "list"), "No such option '--zone'. Options of a command go behind it."),
        (("job", "--json", "list"), "No such option '--json'. Options of a command go behind it."),
        (("job", "copy", "here"), "Missing argument 'NEW_NAME'"),
        (("upcoming", "--limit", "1000000"), "is not in the range 1<=x<=100000"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_what_cannot_be_meant_is_told_in_the_words_that_were_typed(
    typed: Kala, client: KalaClient, words: tuple[str, ...], why: str
) -> None:
    said = refused(typed, client, 2, *words)
    assert said.count(why) == 1, said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--method", "G T"), "'G T' is no HTTP method"),
        (("--expect", "99999"), "expected_response_codes are between 100 and 599"),
        (("--header", "a b: c"), "the header 'a b' cannot be sent: names have no spaces, values are ASCII on one line"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_call_is_not_told_with_an_address_that_would_be_right(
    typed: Kala, client: KalaClient, words: tuple[str, ...], why: str
) -> None:
    assert refused(typed, client, 1, "job", "create", "new", "--http", "http://a/", *NEVER, *words).endswith(
        why
    )


def test_times_in_the_wrong_order_are_told_by_their_options(typed: Kala, client: KalaClient) -> None:
    for command in ("runs", "upcoming"):
        said = refused(typed, client, 1, command, "--since", "2035-01-02", "--until", "2035-01-01")
        assert said == "Error: --until: it is before --since"


@pytest.mark.parametrize(
    "command", [(*CREATE, "--at"), (*CREATE, "--every", "1d", "--at")], ids=["once", "daily"]
)
@pytest.mark.parametrize(
    ("at", "told", "due"),
    [
        ("2035-03-25 02:30", "does not show 02:30 on 2035-03-25: 03:30 is meant", "2035-03-25T01:30:00Z"),
        ("2035-10-28 02:30", "shows 02:30 twice on 2035-10-28: the first one is meant", "2035-10-28T00:30:00Z"),
    ],
)  # fmt: skip
def test_a_time_that_is_not_there_or_there_twice_is_told_and_due_as_it_is_told(
    typed: Kala, command: tuple[str, ...], at: str, told: str, due: str
) -> None:
    ended = typed(*command, at, "--zone", "Europe/Berlin")
    assert ended.code == 0
    clocks, doubt = ended.err.splitlines()
    assert clocks == "its times are on the clock of Europe/Berlin (another: --timezone)"
    assert doubt.startswith(f"the clock of Europe/Berlin {told}")
    assert json.loads(typed("job", "get", ended.out.strip(), "--json").out)["next_run_at"] == due


def test_what_is_told_of_a_job_that_was_refused_is_why_alone(typed: Kala, client: KalaClient) -> None:
    assert refused(typed, client, 1, *CREATE, "--cron", "0 9 * * *", "--keep-runs", "100001").startswith(
        "Error: keep_runs: "
    )


BROKEN = b"\xffx"


@pytest.mark.parametrize(
    "words",
    [
        (b"job", b"get", BROKEN), (b"job", b"create", BROKEN, b"date"), (b"job", b"create", b"new", b"echo " + BROKEN),
        (b"job", b"create", b"new", b"date", b"--env", b"A=" + BROKEN), (b"job", b"rename", b"a", BROKEN),
        (b"job", b"create", b"new", b"date", b"--tag", b"fine", b"--tag", BROKEN), (b"runs", b"--tag", BROKEN),
        (b"runs", b"--state", BROKEN), (b"runs", b"--job", BROKEN), (b"preview", BROKEN),
        (b"job", b"enable", b"--tag", BROKEN), (b"job", b"list", b"--url", b"http://" + BROKEN),
        (b"events", b"--after", BROKEN),
    ],
    ids=lambda words: b" ".join(words).decode(errors="replace"),
)  # fmt: skip
def test_bytes_that_are_no_utf_8_are_told_as_they_were_typed(url: str, words: tuple[bytes, ...]) -> None:
    ended = subprocess.run(
        [*map(os.fsencode, KALA), *words],
        env=environment(KALA_URL=url),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.rstrip().endswith(rb"\xffx' is not UTF-8"), ended.stderr


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("man",), ("completion", "bash"), ("job", "list"), ("job", "list", "--json")]
)  # fmt: skip
def test_a_disk_that_is_full_is_told(url: str, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*KALA, *words],
            env=environment(KALA_URL=url),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr == b"Error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("words", ["man", "completion zsh", "job list", "runs", "upcoming", "--help"])
def test_a_reader_that_has_enough_is_no_error(url: str, words: str) -> None:
    ended = subprocess.run(
        ["bash", "-c", f'"$0" -m kala_server {words} | head -c 0; exit ${{PIPESTATUS[1]}}', KALA[0]],
        env=environment(KALA_URL=url),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("editor", "why"),
    [
        ("false", "nothing is changed: false: Editing failed ($VISUAL or $EDITOR names the editor)"),
        ("/no/such/editor -w", "nothing is changed: /no/such/editor -w: Editing failed"),
        ("sh -c 'exit 3' --", "nothing is changed: sh -c 'exit 3' --: Editing failed"),
        (r"sh -c 'printf \\377 >$0'", "nothing is changed: what the editor has left is not UTF-8"),
    ],
)
def test_an_editor_that_fails_changes_nothing(url: str, here: str, editor: str, why: str) -> None:
    ended = kala("job", "edit", here, env={"KALA_URL": url, "EDITOR": editor})
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"Error: {why}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("editor", ["true", "cat -n", "sh -c 'touch $0'"])
def test_an_editor_that_leaves_it_as_it_was_changes_nothing(url: str, here: str, editor: str) -> None:
    ended = kala("job", "edit", here, env={"KALA_URL": url, "EDITOR": editor})
    assert (ended.code, ended.err) == (0, "nothing is changed\n")


@pytest.mark.parametrize("columns", ["0", "x", ""])
def test_a_width_that_is_none_is_none(url: str, here: str, columns: str) -> None:
    assert here[:8] in kala("job", "list", env={"KALA_URL": url, "COLUMNS": columns}).out


def test_forty_columns_tell_name_state_and_next_time_of_every_list(url: str, client: KalaClient) -> None:
    name = "the report of each night, with a long name"
    client.create_job(name=name, command="true", schedule="R/2035-06-04T19:25:16Z/P1D")
    env = {"KALA_URL": url, "COLUMNS": "40"}
    jobs, coming = (kala(*words, env=env).out.splitlines() for words in (("job", "list"), ("upcoming",)))
    assert all(len(line) <= 40 for line in jobs + coming)
    assert jobs[1].startswith("the report")
    assert "2035-06-04 19:25" in jobs[1]
    assert jobs[1].split()[-1] == "active"
    assert "the report" in coming[1]
    assert "2035-06-04 19:25" in coming[1]
