"""`kala plan` and `kala apply`: what would come of the files of a set, and that it comes."""

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.cli.sets.wanted import IN_OPTIONS
from kala_server.testing import Kit
from tests.cli.command_line import kala_here
from tests.cli.conftest import Kala
from tests.cli.terminal import on_a_terminal

HEAD = 'kala = 1\nset = "billing"\n'
DUMP = '[job.dump]\ncommand = "dump"\nschedule = "0 3 * * *"\n'
VERIFY = '[job.verify]\ncommand = "verify"\nparents = ["dump"]\n'
MANY = "".join(f'[job.j{number}]\nschedule = "never"\ncommand = "true"\n' for number in range(6))


@pytest.fixture
def kit() -> Iterator[Kit]:
    with Kit("2035-03-24T00:00Z") as kit:
        yield kit


@pytest.fixture
def there(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kala:
    """The command line in a folder of its own, talking to a server without jobs."""
    monkeypatch.chdir(tmp_path)
    write(DUMP, VERIFY)
    return partial(kala_here, env={"KALA_URL": kit.url})


def write(*jobs: str, name: str = "jobs.toml") -> None:
    Path(name).write_text(HEAD + "".join(jobs))


def ids(client: KalaClient) -> dict[str, str]:
    return {job.key: job_id for job_id, job in client.get_all_jobs().items() if job.set}


def test_a_plan_tells_what_would_come_of_it_and_changes_nothing(there: Kala, kit: Kit) -> None:
    ended = there("plan", "jobs.toml")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"billing on {kit.url}: 2 jobs, 0 as they should be; slots until 2035-03-25 00:00\n"
        "  + dump    new\n"
        "            1 slot comes: 2035-03-24 03:00\n"
        "  + verify  new\n"
        "2 to create; runs at once: nothing\n"
    )
    assert kit.client.get_all_jobs() == {}


def test_what_is_applied_is_there_and_to_apply_it_again_changes_nothing(there: Kala, kit: Kit) -> None:
    ended = there("apply", "jobs.toml", "--yes")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("nothing\nbilling: 2 created, 0 changed, 0 deleted\n")
    assert ids(kit.client).keys() == {"dump", "verify"}
    assert there("apply", "jobs.toml").out == "billing is as it should be: nothing is changed\n"
    assert there("plan", "jobs.toml").out.endswith("nothing to do\n")
    [told] = kit.client.sets()
    assert told.source == "jobs.toml"


def test_a_change_is_told_by_fields_slots_runs_and_hands(there: Kala, kit: Kit) -> None:
    there("apply", "jobs.toml", "--yes")
    kit.client.update_job(ids(kit.client)["dump"], retries=5)
    write(DUMP.replace("0 3", "0 4"), '[job.now]\ncommand = "true"\nschedule = "now"\n')
    ended = there("plan", "jobs.toml", "--prune", "--hours", "48")
    assert ended.out.splitlines()[1:] == [
        "  ~ dump    schedule  0 3 * * * → 0 4 * * *",
        "            retries  5 → 0",
        "            it was changed by hand since the set was applied",
        "            2 slots go: 2035-03-24 03:00, 2035-03-25 03:00",
        "            2 slots come: 2035-03-24 04:00, 2035-03-25 04:00",
        "  + now     new",
        "            1 slot comes: 2035-03-24 00:00",
        "            it runs AT ONCE",
        "  - verify  deleted, with 0 kept runs",
        "1 to create, 1 to change, 1 to delete; runs at once: now",
    ]
    ended = there("plan", "jobs.toml")
    assert " 1 slot moves: 2035-03-24 03:00 → 2035-03-24 04:00\n" in ended.out
    assert "not named any more, and left: verify; --prune deletes what is not named\n" in ended.out


def test_the_exit_code_says_whether_there_is_something_to_do_where_it_is_asked(there: Kala) -> None:
    assert there("plan", "jobs.toml", "--exit-code").code == 2
    there("apply", "jobs.toml", "--yes")
    assert there("plan", "jobs.toml", "--exit-code").code == 0
    write(DUMP.replace("0 3", "0 30"))
    ended = there("plan", "jobs.toml", "--exit-code")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("jobs.toml:5:12: job.dump.schedule: ")


def test_json_is_the_answer_of_the_route(there: Kala) -> None:
    told = json.loads(there("plan", "jobs.toml", "--json").out)
    assert (told["set"], [change["what"] for change in told["changes"]]) == ("billing", ["create", "create"])
    done = json.loads(there("apply", "jobs.toml", "--yes", "--json").out)
    assert (done["created"].keys(), done["unchanged"]) == ({"dump", "verify"}, 0)


def test_what_only_the_server_knows_is_placed_in_the_file_as_well(there: Kala) -> None:
    write(DUMP, 'on_failure = "ops/alarm"\n')
    ended = there("apply", "jobs.toml", "--yes")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("jobs.toml:6:14: job.dump.on_failure_job: there is no job 'ops/alarm'")


def test_a_plan_that_was_kept_is_applied_as_it_is(there: Kala, kit: Kit) -> None:
    assert there("plan", "jobs.toml", "-o", "plan.json").code == 0
    Path("jobs.toml").unlink()
    assert there("apply", "plan.json", "--yes").code == 0
    assert ids(kit.client).keys() == {"dump", "verify"}
    assert there("apply", "plan.json").out == "billing is as it should be: nothing is changed\n"
    ended = there("apply", "plan.json", "--prune")
    assert (ended.code, "says how it is applied" in ended.err) == (2, True)


def test_a_plan_is_refused_where_the_set_was_changed_since(there: Kala, kit: Kit) -> None:
    there("apply", "jobs.toml", "--yes")
    write(DUMP.replace("0 3", "0 4"), VERIFY)
    there("plan", "jobs.toml", "-o", "plan.json")
    kit.client.update_job(ids(kit.client)["dump"], retries=5)
    told = there("plan", "plan.json")
    assert (told.code, "the set was changed since this plan was kept" in told.err) == (0, True)
    ended = there("apply", "plan.json", "--yes")
    assert (ended.code, ended.out) == (3, "")
    assert "billing was changed since the plan was made\n" in ended.err
    assert "kala plan -o plan.json FILE..." in ended.err
    assert kit.client.get_job(ids(kit.client)["dump"]).schedule == "0 3 * * *"


def test_more_than_half_of_a_set_goes_only_where_that_is_said(there: Kala, kit: Kit) -> None:
    write(MANY)
    there("apply", "jobs.toml", "--yes")
    write(DUMP)
    ended = there("apply", "jobs.toml", "--prune", "--yes")
    assert ended.code == 1
    assert "6 of the 6 jobs of billing would be deleted; if that is meant, say --prune-most" in ended.err
    assert len(ids(kit.client)) == 6
    assert there("apply", "jobs.toml", "--prune", "--prune-most", "--yes").code == 0
    assert ids(kit.client).keys() == {"dump"}


def test_what_is_not_done_unasked_names_the_option_that_asks_for_it(there: Kala, kit: Kit) -> None:
    there("apply", "jobs.toml", "--yes")
    kit.client.create_job(name="mail", command="mail", parent_jobs=[ids(kit.client)["verify"]])
    write(DUMP)
    ended = there("apply", "jobs.toml", "--prune", "--yes")
    assert ended.code == 1
    assert "nothing is changed: the job 'mail' (made by hand) would go as well" in ended.err
    assert ended.err.endswith("; --prune-children lets it go\n")
    told = there("plan", "jobs.toml", "--prune", "--prune-children")
    assert "  - 'mail' (made by hand)  deleted" in told.out
    job_id = ids(kit.client)["dump"]
    Path("ops.toml").write_text(
        f'kala = 1\nset = "ops"\n[job.a]\nschedule = "never"\nadopt = "{job_id}"\ncommand = "a"'
    )
    refused = there("apply", "ops.toml", "--yes")
    assert refused.err.endswith("; --take takes it\n")
    assert {option for words, option in IN_OPTIONS.items() if words in ended.err + refused.err} == {
        *IN_OPTIONS.values()
    }
    assert there("apply", "ops.toml", "--yes", "--take").code == 0


def test_without_a_terminal_nobody_is_asked_and_nothing_is_changed(there: Kala, kit: Kit) -> None:
    ended = there("apply", "jobs.toml")
    assert (ended.code, "there is no terminal to ask on; --yes applies it unasked" in ended.err) == (1, True)
    assert kit.client.get_all_jobs() == {}


@pytest.mark.parametrize(("typed", "count"), [("n\n", 0), ("y\n", 2)])
@pytest.mark.usefixtures("there")
def test_on_a_terminal_it_shows_the_plan_and_asks(kit: Kit, typed: str, count: int) -> None:
    with on_a_terminal("apply", "jobs.toml", KALA_URL=kit.url) as terminal:
        terminal.read_until("Apply it?")
        assert "2 to create" in terminal.shown
        terminal.type(typed)
        terminal.read_to_the_end()
    assert len(kit.client.get_all_jobs()) == count


def test_where_there_is_a_commit_it_is_the_source(there: Kala, kit: Kit) -> None:
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], check=True)
    there("apply", "jobs.toml", "--yes")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    [told] = kit.client.sets()
    assert told.source == f"jobs.toml, commit {commit[:12]}"
