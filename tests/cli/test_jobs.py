"""`kala job …` and `kala stats`: every call of Kala's own API, as tables for people and as JSON for programs."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from kala_client import KalaClient
from tests.cli.conftest import Kala
from tests.eventually import eventually

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
NIGHTLY = "R/2035-06-04T19:25:16Z/P1D"
AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def waiting(client: KalaClient, **fields: Any) -> str:
    """Create a job that is not due for years."""
    return client.create_job(**{"name": "waits", "command": "true", "schedule": NIGHTLY, **fields})


def facts(table: str) -> dict[str, str]:
    """Read what `kala job get` or `kala stats` tells, by its names."""
    return dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in table.splitlines())


def refusal(typed: Kala, *words: str) -> str:
    """Return the one line in which a command says why it did nothing."""
    ended = typed(*words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix("Error: ").strip()


# -- create


def test_create_prints_the_id_of_a_job_that_runs_at_once(typed: Kala, client: KalaClient) -> None:
    ended = typed("job", "create", "hello", "echo hello")
    job_id = ended.out.strip()
    assert (ended.code, ended.err) == (0, "")
    assert AN_ID.fullmatch(job_id)
    eventually(lambda: client.get_job_stats(job_id))
    assert client.get_job(job_id).command == "echo hello"


def test_create_makes_a_job_of_everything_that_its_options_say(typed: Kala, client: KalaClient) -> None:
    parent, fallback = waiting(client, name="parent"), waiting(client, name="fallback")
    ended = typed(
        *("job", "create", "child", "date | wc -c", "--shell", "--json"),
        *("--parent", "parent", "--wait-for", "all", "--on-failure", fallback[:8]),
        *("--schedule", "0 9 * * 1-5", "--timezone", "Europe/Berlin"),
        *("--owner", "ops@example.com", "--retries", "2", "--epsilon", "5m", "--timeout", "PT1H"),
        *("--overlap", "skip", "--catch-up", "none", "--keep-runs", "7", "--disabled"),
        *("--tag", "night", "--tag", "report", "--description", "counts"),
    )
    assert (ended.code, ended.err) == (0, "")
    job = client.get_job(json.loads(ended.out)["id"])
    said: dict[str, Any] = {
        "name": "child",
        "command": "date | wc -c",
        "shell": True,
        "parent_jobs": [parent],
        "wait_for": "all",
        "on_failure_job": fallback,
        "schedule": "0 9 * * 1-5",
        "timezone": "Europe/Berlin",
        "owner": "ops@example.com",
        "retries": 2,
        "epsilon": "PT5M",
        "timeout": "PT1H",
        "overlap": "skip",
        "catch_up": "none",
        "keep_runs": 7,
        "disabled": True,
        "tags": ["night", "report"],
        "description": "counts",
    }
    assert job.model_dump(include=set(said)) == said


def test_create_reads_times_and_periods_as_people_type_them(typed: Kala, client: KalaClient) -> None:
    before = datetime.now(UTC)
    every = client.get_job(typed("job", "create", "every", "true", "--every", "90m").out.strip())
    repeat, start, period = every.schedule.split("/")
    assert (repeat, period) == ("R", "PT90M")
    assert (
        timedelta(0) <= datetime.fromisoformat(start) - before - timedelta(minutes=90) < timedelta(minutes=5)
    )

    both = typed(
        "job",
        "create",
        "both",
        "true",
        "--at",
        "2035-06-04T06:00",
        "--every",
        "1d",
        "--timezone",
        "Europe/Berlin",
    )
    assert client.get_job(both.out.strip()).schedule == "R/2035-06-04T06:00:00+02:00/P1D"

    once = client.get_job(typed("job", "create", "once", "true", "--at", f"{before:%H:%M}").out.strip())
    repeat, start, _ = once.schedule.split("/")
    assert repeat == "R0"
    # This minute has begun already: the next one of its name is tomorrow's.
    assert timedelta(0) < datetime.fromisoformat(start) - before <= timedelta(days=1)


def test_a_job_that_is_shown_as_json_can_be_created_again(typed: Kala, client: KalaClient) -> None:
    first = waiting(client, name="first", tags=["a"], env={"A": "1"}, retries=2, description="ä 😀")
    shown = typed("job", "get", first, "--json")
    again = typed("job", "create", "second", "--from-json", "-", "--disabled", text=shown.out)
    assert (again.code, again.err) == (0, "")
    second = client.get_job(again.out.strip())
    assert second.id != first
    changed = {"name": "second", "disabled": True}
    assert second.creation_body() == client.get_job(first).creation_body() | changed


def test_what_the_server_refuses_is_told_by_its_field(typed: Kala, client: KalaClient) -> None:
    assert refusal(typed, "job", "create", "piped", "date | wc").startswith(
        "command: '|' means something to a shell"
    )
    assert refusal(typed, "job", "create", "x", "true", "--schedule", "2/x/PT1S").startswith("schedule: ")
    assert client.get_all_jobs() == {}


# -- look


def test_jobs_are_listed_by_their_names_with_a_line_each(typed: Kala, client: KalaClient) -> None:
    parent = waiting(client, name="b-parent")
    child = client.create_job(name="c-child", command="true", parent_jobs=[parent], disabled=True)
    ran = client.create_job(name="a-ran", command="false")
    eventually(lambda: client.get_job(ran).is_done)
    ended = typed("job", "list")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.split("\n")[0].split() == [
        "name",
        "id",
        "schedule",
        "next",
        "run",
        "ok",
        "failed",
        "state",
        "last",
        "failure",
    ]
    failed, *others = ended.words
    assert failed[:7] == ["a-ran", ran[:8], "once", "–", "0", "1", "done"]
    assert failed[-3:] == ["exit", "code", "1"]
    assert others == [
        ["b-parent", parent[:8], "R/…/P1D", "2035-06-04", "19:25", "0", "0", "active", "–"],
        ["c-child", child[:8], "after", parent[:8], "–", "0", "0", "disabled", "–"],
    ]
    listed = json.loads(typed("job", "list", "--json").out)
    assert [job["id"] for job in listed] == [ran, parent, child]
    assert listed[2]["parent_jobs"] == [parent]


def test_an_empty_server_says_how_to_create_a_job(typed: Kala) -> None:
    ended = typed("job", "list")
    assert (ended.code, ended.out) == (0, 'no jobs; create one with: kala job create hello "echo hello"\n')
    assert typed("job", "list", "--json").out == "[]\n"


def test_a_job_is_shown_with_all_that_was_said_about_it(typed: Kala, client: KalaClient) -> None:
    parent = waiting(client)
    child = client.create_job(
        name="child",
        command="echo [b]hi[/b]",
        parent_jobs=[parent],
        retries=3,
        tags=["a", "b"],
        overlap="skip",
    )
    ended = typed("job", "get", child)
    assert (ended.code, ended.err) == (0, "")
    shown = facts(ended.out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", shown.pop("created at"))
    assert shown == {
        "name": "child",
        "id": child,
        "command": "echo [b]hi[/b]",
        "state": "active",
        "parents": parent,
        "ok": "0",
        "failed": "0",
        "retries": "3",
        "tags": "a, b",
        "overlap": "skip",
    }
    assert facts(typed("job", "get", parent).out)["children"] == child
    assert json.loads(typed("job", "get", child, "--json").out)["command"] == "echo [b]hi[/b]"


def test_the_runs_that_kala_keeps_are_listed(typed: Kala, client: KalaClient) -> None:
    job_id = client.create_job(name="fails", command="false", retries=2)
    (stat,) = eventually(lambda: client.get_job_stats(job_id))
    assert stat.ran_at is not None
    ended = typed("job", "stats", "fails")
    assert (ended.code, ended.err) == (0, "")
    ((day, time, state, *took, retries),) = ended.words
    assert (f"{day} {time}", state, retries) == (f"{stat.ran_at:%m-%d %H:%M:%S}", "failed", "2")
    assert took[-1] in {"ms", "s"}
    (told,) = json.loads(typed("job", "stats", job_id, "--json").out)
    assert told["job_id"] == job_id
    assert told["success"] is False
    assert told["execution_duration"] == stat.execution_duration_ns
    never = waiting(client)
    assert typed("job", "stats", never).out == "no runs yet\n"


def test_the_figures_of_the_server_are_shown(typed: Kala, client: KalaClient) -> None:
    waiting(client)
    waiting(client, disabled=True)
    shown = facts(typed("stats").out)
    assert shown.keys() >= {"succeeded", "failed", "since"}
    assert (shown["jobs"], shown["active"], shown["disabled"]) == ("2", "1", "1")
    assert shown["next run"] == "2035-06-04 19:25:16+00:00"
    told = json.loads(typed("stats", "--json").out)
    assert (told["jobs"], told["active_jobs"], told["next_run_at"]) == (2, 1, "2035-06-04T19:25:16Z")


# -- name


def test_a_job_is_named_by_its_id_the_beginning_of_it_or_its_name(typed: Kala, client: KalaClient) -> None:
    job_id = waiting(client, name="night report")
    ended = typed("job", "disable", job_id, job_id[:4], job_id[:13].upper(), "night report")
    assert (ended.code, ended.out, ended.err) == (0, f"disabled {job_id}\n", "")
    alone = typed("job", "get", job_id.upper(), "--json")
    assert json.loads(alone.out)["id"] == job_id


def test_a_name_that_could_mean_two_jobs_is_refused_and_both_are_named(
    typed: Kala, client: KalaClient
) -> None:
    ids = [waiting(client, name="twin"), waiting(client, name="twin")]
    why = refusal(typed, "job", "delete", "twin")
    assert why.startswith("'twin' could be ")
    assert why.endswith("; say more of the id")
    assert all(f"{job_id} (twin)" in why for job_id in ids)
    assert client.get_all_jobs().keys() == set(ids)


def test_a_job_that_is_not_there_is_refused_before_anything_is_done(typed: Kala, client: KalaClient) -> None:
    there = waiting(client, name="there")
    assert refusal(typed, "job", "delete", "there", "not-there").startswith("there is no job 'not-there'; ")
    assert refusal(typed, "job", "get", there[:3]).startswith(f"there is no job '{there[:3]}'; ")
    assert refusal(typed, "job", "disable", NO_ID) == f"there is no job with the id {NO_ID}"
    assert client.get_all_jobs().keys() == {there}


# -- do


def test_jobs_are_disabled_and_enabled(typed: Kala, client: KalaClient) -> None:
    first, second = waiting(client, name="first"), waiting(client, name="second")
    ended = typed("job", "disable", "first", second)
    assert (ended.code, ended.out, ended.err) == (0, f"disabled {first}\ndisabled {second}\n", "")
    assert all(job.disabled for job in client.get_all_jobs().values())
    ended = typed("job", "enable", "second", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"enabled": [second]})
    assert [client.get_job(one).disabled for one in (first, second)] == [True, False]


def test_a_job_is_started_at_once_and_a_disabled_one_is_not(typed: Kala, client: KalaClient) -> None:
    job_id = waiting(client, name="now")
    started = typed("job", "start", "now")
    assert (started.code, started.err) == (0, "")
    assert AN_ID.fullmatch(started.out.strip())
    eventually(lambda: client.get_job_stats(job_id))
    assert AN_ID.fullmatch(json.loads(typed("job", "run", "now", "--json").out)["run_id"])
    eventually(lambda: len(client.get_job_stats(job_id)) == 2)
    client.disable_job(job_id)
    assert refusal(typed, "job", "start", "now") == "the job 'now' is disabled: enable it, then start it"
    assert len(client.get_job_stats(job_id)) == 2


def test_jobs_are_deleted_with_the_children_that_have_no_other_parent(
    typed: Kala, client: KalaClient
) -> None:
    parent = waiting(client, name="parent")
    child = client.create_job(name="child", command="true", parent_jobs=[parent])
    other = waiting(client, name="other")
    ended = typed("job", "delete", parent, child)
    assert (ended.code, ended.out, ended.err) == (
        0,
        f"deleted {parent}  parent\ndeleted {child}  child\n",
        "",
    )
    assert client.get_all_jobs().keys() == {other}


def test_who_deletes_a_parent_is_told_of_every_job_that_went_with_it(typed: Kala, client: KalaClient) -> None:
    parent, other = waiting(client, name="parent"), waiting(client, name="other")
    child = client.create_job(name="child", command="true", parent_jobs=[parent])
    grandchild = client.create_job(name="grandchild", command="true", parent_jobs=[child])
    shared = client.create_job(name="shared", command="true", parent_jobs=[parent, other])
    ended = typed("job", "delete", "parent", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {"deleted": [parent, child, grandchild]}
    assert client.get_all_jobs().keys() == {other, shared}


def test_all_jobs_are_deleted_only_after_a_question(typed: Kala, client: KalaClient) -> None:
    ids = {waiting(client), waiting(client)}
    refused = typed("job", "delete", "--all", text="\n")
    assert (refused.code, refused.out) == (1, "")
    assert "Delete every job (2)? [y/N]: " in refused.err
    assert typed("job", "delete").code == 2
    assert client.get_all_jobs().keys() == ids
    agreed = typed("job", "delete", "--all", text="y\n")
    assert agreed.code == 0
    assert set(agreed.out.split()) == {"deleted", "waits", *ids}
    assert client.get_all_jobs() == {}
    waiting(client)
    assert typed("job", "delete", "--all", "--yes").code == 0
    assert client.get_all_jobs() == {}
