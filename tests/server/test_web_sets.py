"""Sets of jobs over HTTP: planned, applied as a whole, pruned, taken apart; on a clock that a test moves."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kala_server.testing import Kit

START = "2035-03-24T00:00Z"


@pytest.fixture
def kit() -> Iterator[Kit]:
    with Kit(START) as kit:
        yield kit


class Asking:
    """A set, by the routes for it."""

    def __init__(self, kit: Kit, name: str = "billing") -> None:
        self._url = f"{kit.url}/api/v1/set/{name}/"
        self.kit = kit

    def put(self, jobs: dict[str, Any], *, if_match: str = "", **options: Any) -> httpx.Response:
        headers = {"If-Match": if_match} if if_match else {}
        said = [{"key": key, **job} if isinstance(job, dict) else job for key, job in jobs.items()]
        return httpx.put(self._url, json={"jobs": said}, params=options, headers=headers)

    def apply(self, jobs: dict[str, Any], **options: Any) -> dict[str, Any]:
        answer = self.put(jobs, **options)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()["applied"]
        assert done["etag"] == answer.headers["etag"]
        return done

    def plan(self, jobs: dict[str, Any], **options: Any) -> dict[str, Any]:
        answer = self.put(jobs, dry_run=True, **options)
        assert answer.status_code == 200, answer.text
        plan: dict[str, Any] = answer.json()["plan"]
        assert plan["etag"] == answer.headers["etag"]
        return plan

    def get(self) -> dict[str, Any]:
        answer = httpx.get(self._url)
        assert answer.status_code == 200, answer.text
        return {job.pop("key"): job for job in answer.json()["set"]["jobs"]}

    def delete(self, **options: Any) -> httpx.Response:
        return httpx.delete(self._url, params=options)

    def ids(self) -> dict[str, str]:
        jobs = self.kit.client.get_all_jobs()
        return {job.key: job_id for job_id, job in jobs.items() if job.set}


@pytest.fixture
def billing(kit: Kit) -> Asking:
    return Asking(kit)


DUMP = {"command": "dump", "schedule": "0 3 * * *"}
VERIFY = {"command": "verify", "parent_jobs": ["dump"]}


def test_what_a_set_says_comes_true_and_to_say_it_again_changes_nothing(kit: Kit, billing: Asking) -> None:
    done = billing.apply({"verify": VERIFY, "dump": DUMP})
    assert done["created"].keys() == {"dump", "verify"}
    again = billing.apply({"verify": VERIFY, "dump": DUMP})
    assert (again["created"], again["changed"], again["deleted"], again["unchanged"]) == ({}, [], [], 2)
    kit.advance("P1D")
    assert [run.state for run in kit.runs_of("verify")] == ["succeeded"]
    job = kit.client.get_job(billing.ids()["verify"])
    assert (job.set, job.key, job.name, job.parent_jobs) == (
        "billing",
        "verify",
        "verify",
        [billing.ids()["dump"]],
    )


def test_a_plan_changes_nothing_and_tells_what_would(kit: Kit, billing: Asking) -> None:
    plan = billing.plan({"dump": DUMP})
    assert (plan["create"], plan["change"], plan["delete"], plan["unchanged"]) == (1, 0, 0, 0)
    [change] = plan["changes"]
    assert (change["what"], change["key"], change["new"]) == ("create", "dump", ["2035-03-24T03:00:00Z"])
    assert kit.client.get_all_jobs() == {}
    billing.apply({"dump": DUMP})
    plan = billing.plan({"dump": {**DUMP, "schedule": "0 4 * * *", "retries": 2}})
    [change] = plan["changes"]
    assert {each["field"]: (each["before"], each["after"]) for each in change["fields"]} == {
        "schedule": ("0 3 * * *", "0 4 * * *"),
        "retries": (0, 2),
    }
    assert (change["gone"], change["new"]) == (["2035-03-24T03:00:00Z"], ["2035-03-24T04:00:00Z"])
    kit.advance("P1D")
    assert [str(run.scheduled_at) for run in kit.runs_of("dump")] == ["2035-03-24 03:00:00+00:00"]


def test_what_would_run_at_once_is_told(billing: Asking) -> None:
    [change] = billing.plan({"ping": {"command": "ping", "schedule": "now"}})["changes"]
    assert change["at_once"] is True
    billing.apply({"ping": {"command": "ping", "schedule": "now"}})
    billing.kit.advance("PT0S")
    assert [run.state for run in billing.kit.runs_of("ping")] == ["succeeded"]
    assert billing.plan({"ping": {"command": "ping", "schedule": "now"}})["changes"] == []


def test_a_plan_is_good_until_the_set_is_changed_and_not_for_longer(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP})
    plan = billing.plan({"dump": {**DUMP, "retries": 2}})
    kit.advance("P1D")  # a run is no change
    kit.client.update_job(billing.ids()["dump"], retries=5)
    refused = billing.put({"dump": {**DUMP, "retries": 2}}, if_match=plan["etag"])
    assert refused.status_code == 412
    assert "make a new one" in refused.json()["detail"]
    plan = billing.plan({"dump": {**DUMP, "retries": 2}})
    [change] = plan["changes"]
    assert change["by_hand"] is True
    for _ in range(2):  # its answer may have been lost
        assert billing.put({"dump": {**DUMP, "retries": 2}}, if_match=plan["etag"]).status_code == 200
    assert kit.client.get_job(billing.ids()["dump"]).retries == 2


def test_what_is_not_named_any_more_goes_where_that_is_asked_for(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP, "old": {"command": "old", "schedule": "0 6 * * *"}})
    kit.client.create_job(name="by hand", command="true", schedule="never")
    assert billing.plan({"dump": DUMP})["left"] == ["old"]
    assert billing.apply({"dump": DUMP})["deleted"] == []
    plan = billing.plan({"dump": DUMP}, prune=True)
    [change] = plan["changes"]
    assert (change["what"], change["key"], change["slots_gone"]) == ("delete", "old", 1)
    assert len(billing.apply({"dump": DUMP}, prune=True)["deleted"]) == 1
    assert {job.name for job in kit.client.get_all_jobs().values()} == {"dump", "by hand"}
    billing.apply({}, prune=True)
    assert {job.name for job in kit.client.get_all_jobs().values()} == {"by hand"}


def test_a_child_by_hand_does_not_go_unasked(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP})
    child = kit.client.create_job(name="mail", command="mail", parent_jobs=[billing.ids()["dump"]])
    refused = billing.put({}, prune=True)
    assert refused.status_code == 409
    assert "'mail' (made by hand) would go as well" in refused.json()["detail"]
    assert child in kit.client.get_all_jobs()
    billing.apply({}, prune=True, prune_children=True)
    assert kit.client.get_all_jobs() == {}


def test_an_edge_is_turned_round_in_one_go(billing: Asking) -> None:
    billing.apply({"a": DUMP, "b": {"command": "b", "parent_jobs": ["a"]}})
    billing.apply({"a": {"command": "a", "parent_jobs": ["b"]}, "b": DUMP})
    jobs, ids = billing.kit.client.get_all_jobs(), billing.ids()
    assert jobs[ids["a"]].parent_jobs == [ids["b"]]
    assert jobs[ids["b"]].parent_jobs == []


@pytest.mark.parametrize(
    ("jobs", "place", "words"),
    [
        (
            {"a": {"command": "a"}},
            "jobs.a.schedule",
            'say when it is due, which jobs it follows, "never" or "now"',
        ),
        ({"a": {"command": "a", "schedule": "0 3 * *"}}, "jobs.a.schedule", "5 fields"),
        ({"a": {"command": "a", "parent_jobs": ["b"]}}, "jobs.a.parent_jobs", "there is no job 'b'"),
        (
            {"a": {**DUMP, "on_failure_job": "ops/alarm"}},
            "jobs.a.on_failure_job",
            "there is no job 'ops/alarm'",
        ),
        ({"a": {**DUMP, "parent_jobs": ["id:no"]}}, "jobs.a.parent_jobs", "no job with the id 'no'"),
        (
            {"a": {"command": "a", "parent_jobs": ["b"]}, "b": {"command": "b", "parent_jobs": ["a"]}},
            "jobs.a.parent_jobs",
            "again and again",
        ),
        ({"a": {**DUMP, "retries": "many"}}, "jobs.a.retries", "number"),
        ({"a": {**DUMP, "adopt": "no"}}, "jobs.a.adopt", "there is no job with the id 'no'"),
        ({"a": {**DUMP, "was": 4}}, "jobs.a.was", "a text belongs here"),
        ({"a": 4}, "jobs[1]", "an object with the fields of a job"),
        ({"a b": DUMP}, "jobs[1].key", "a key of up to 128"),
    ],
)
def test_a_fault_names_its_job_and_nothing_comes_true(
    billing: Asking, jobs: dict[str, Any], place: str, words: str
) -> None:
    billing.apply({"good": DUMP})
    answer = billing.put({"first": DUMP, **jobs}, prune=True)
    assert answer.status_code == 400, answer.text
    [error] = [each for each in answer.json()["errors"] if each["field"] == place]
    assert words in error["message"]
    assert billing.ids().keys() == {"good"}


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        ("Billing", {"jobs": []}, "small letters"),
        ("billing", {}, "a list of jobs, each with its key"),
        ("billing", {"jobs": [{"key": "a", **DUMP}, {"key": "a", **DUMP}]}, "the key 'a' is there twice"),
        ("billing", {"jobs": [DUMP]}, "has a key of up to 128"),
        ("billing", [], "object"),
        ("billing", {"jobs": [{"key": f"j{n}", **DUMP} for n in range(10_001)]}, "10,000"),
    ],
)
def test_what_is_no_set_is_refused(kit: Kit, name: str, document: object, words: str) -> None:
    answer = httpx.put(f"{kit.url}/api/v1/set/{name}/", json=document, timeout=60)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_a_switch_by_hand_outlives_an_apply_unless_the_set_says_it(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP})
    job_id = billing.ids()["dump"]
    kit.client.disable_job(job_id)
    billing.apply({"dump": {**DUMP, "retries": 1}})
    assert kit.client.get_job(job_id).disabled is True
    billing.apply({"dump": {**DUMP, "disabled": False}})
    assert kit.client.get_job(job_id).disabled is False


def test_a_start_of_last_year_is_where_slots_are_counted_from(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": {"command": "dump", "schedule": "R/2034-01-01T05:30:00Z/PT7H"}})
    kit.advance("PT12H")
    first = kit.runs_of("dump")[0].scheduled_at
    assert first is not None
    assert (first - kit.client.preview("R/2036-01-01T05:30:00Z/PT7H", count=1)[0]).total_seconds() % 1 == 0
    assert first.isoformat() > "2035-03-24"


def test_a_job_keeps_its_ledger_under_another_key_and_one_by_hand_becomes_one_of_the_set(
    kit: Kit, billing: Asking
) -> None:
    billing.apply({"dump": DUMP})
    by_hand = kit.client.create_job(name="old report", command="true", schedule="never")
    kit.advance("P1D")
    before = billing.ids()["dump"]
    billing.apply({"nightly": {**DUMP, "was": "dump"}, "report": {**DUMP, "adopt": by_hand}}, prune=True)
    assert billing.ids() == {"nightly": before, "report": by_hand}
    assert len(kit.runs_of("nightly")) == 1
    again = billing.apply({"nightly": {**DUMP, "was": "dump"}, "report": {**DUMP, "adopt": by_hand}})
    assert again["unchanged"] == 2


def test_a_job_of_another_set_is_left_there_unless_it_is_taken(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP})
    ops = Asking(kit, "ops")
    wanted = {"dump": {**DUMP, "adopt": billing.ids()["dump"]}}
    refused = ops.put(wanted)
    assert refused.status_code == 409
    assert "stays there unless it is taken" in refused.json()["detail"]
    ops.apply(wanted, take=True)
    assert ops.get().keys() == {"dump"}
    assert billing.get() == {}


def test_what_there_is_of_a_set_can_be_applied_as_it_is_told(kit: Kit, billing: Asking) -> None:
    ops = Asking(kit, "ops")
    ops.apply({"alarm": {"command": "alarm", "schedule": "never"}})
    by_hand = kit.client.create_job(name="by hand", command="true", schedule="never")
    billing.apply(
        {
            "dump": {
                **DUMP,
                "on_failure_job": "ops/alarm",
                "name": "nightly dump",
                "tags": ["night"],
                "TemplateDelimiters": "{{ }}",
            },
            "verify": {"command": "verify", "parent_jobs": ["dump", f"id:{by_hand}"], "wait_for": "all"},
            "once": {"command": "once", "schedule": "now"},
        }
    )
    there = billing.get()
    assert there["verify"]["parent_jobs"] == ["dump", f"id:{by_hand}"]
    assert there["dump"]["on_failure_job"] == "ops/alarm"
    assert billing.plan(there, prune=True)["changes"] == []


def test_a_set_that_is_let_go_leaves_its_jobs_or_takes_them_with_it(kit: Kit, billing: Asking) -> None:
    assert billing.delete().status_code == 404
    billing.apply({"dump": DUMP})
    assert billing.delete(keep_jobs=True).status_code == 204
    [job] = kit.client.get_all_jobs().values()
    assert (job.set, job.key) == ("", "")
    ops = Asking(kit, "ops")
    ops.apply({"alarm": DUMP})
    assert ops.delete().status_code == 204
    assert [job.name for job in kit.client.get_all_jobs().values()] == ["dump"]
    assert httpx.get(f"{kit.url}/api/v1/set/").json() == {"sets": []}


def test_the_list_of_sets_says_what_was_changed_by_hand(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP, "other": DUMP})
    kit.client.update_job(billing.ids()["dump"], retries=5)
    [told] = httpx.get(f"{kit.url}/api/v1/set/").json()["sets"]
    assert (told["name"], told["count"], told["changed_by_hand"]) == ("billing", 2, 1)
    kit.client.update_job(billing.ids()["dump"], retries=0)
    [told] = httpx.get(f"{kit.url}/api/v1/set/").json()["sets"]
    assert told["changed_by_hand"] == 0


def test_sets_are_there_after_a_crash_and_from_a_snapshot(kit: Kit, billing: Asking) -> None:
    billing.apply({"dump": DUMP, "verify": VERIFY})
    kit.client.update_job(billing.ids()["dump"], retries=5)
    kit.crash()
    assert billing.plan({"dump": DUMP, "verify": VERIFY})["changes"][0]["by_hand"] is True
    assert billing.get().keys() == {"dump", "verify"}
