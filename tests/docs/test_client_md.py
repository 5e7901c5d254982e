"""docs/client.md: every method, argument and error of the client, and examples that run."""

import inspect
import re
from pathlib import Path

import kala_client
from kala_client import KalaClient, KalaError, RetryPolicy, errors
from kala_client._calls.retry import WORTH_A_RETRY
from kala_client._http.request import DEFAULT_MAX_BODY
from tests.docs import scripts
from tests.docs.blocks import DOCS, blocks, codes, prose, read, rows

PAGE = read(DOCS / "client.md")
*SCRIPTS, TEST_FILE = blocks(PAGE, "python")
METHODS = {
    code.partition("(")[0]: needs
    for method, needs in rows(PAGE, "method", "needs kala_server")
    for code in codes(method)
}


def public_methods() -> dict[str, str]:
    """Return the public methods with what they say of themselves."""
    members = inspect.getmembers(KalaClient, inspect.isfunction)
    return {name: inspect.getdoc(method) or "" for name, method in members if not name.startswith("_")}


def test_every_method_is_documented_and_no_other() -> None:
    assert METHODS.keys() == public_methods().keys()


def test_what_needs_kala_server_is_marked() -> None:
    says_so = {name for name, doc in public_methods().items() if "Needs kala_server." in doc}
    assert {name for name, needs in METHODS.items() if needs == "yes"} == says_so


def test_every_argument_of_a_method_in_the_table_is_a_real_one() -> None:
    for [method] in rows(PAGE, "method"):
        for code in codes(method):
            name, _, arguments = code.partition("(")
            known = inspect.signature(getattr(KalaClient, name)).parameters
            named = re.findall(r"(\w+)=", arguments)
            assert set(named) <= known.keys() or "fields" in known or "changes" in known, code


def test_every_argument_of_the_client_is_documented_and_no_other() -> None:
    documented = [name for (cell,) in rows(PAGE, "argument") for name in codes(cell)]
    assert documented == list(inspect.signature(KalaClient).parameters)
    defaults = dict(rows(PAGE, "argument", "default"))
    assert float(defaults["`timeout`"]) == inspect.signature(KalaClient).parameters["timeout"].default
    assert defaults["`max_body`"] == f"{DEFAULT_MAX_BODY >> 20} MiB"


def test_every_name_of_the_package_is_mentioned() -> None:
    for name in set(kala_client.__all__) - {"__version__"}:
        assert re.search(rf"\b{name}\b", PAGE), name


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    [tree] = blocks(PAGE, "text")
    parents: list[tuple[int, type]] = []
    for line in tree.text.splitlines():
        found = re.search(r"\w+Error", line)
        assert found is not None
        kind = getattr(errors, found[0])
        parents = [(depth, parent) for depth, parent in parents if depth < found.start()]
        assert kind.__base__ is (parents[-1][1] if parents else Exception)
        parents.append((found.start(), kind))
    drawn = set(re.findall(r"^[│├└─ ]*(\w+Error)", tree.text, re.MULTILINE))
    assert drawn == {
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, KalaError)
    }


def test_the_statuses_that_are_worth_a_retry_and_the_policy_are_the_real_ones() -> None:
    [named] = re.findall(r"After an answer of ([\d, or]+),", PAGE)
    assert set(map(int, re.findall(r"\d+", named))) == WORTH_A_RETRY
    policy = RetryPolicy()
    assert f"`RetryPolicy(attempts={policy.attempts}, base={policy.base}, cap={policy.cap})`" in prose(PAGE)


def test_every_method_that_sends_something_says_whether_it_is_repeated() -> None:
    named = {name for (calls,) in rows(PAGE, "calls") for name in codes(calls)}
    looks = (
        "get_",
        "sets",
        "plan_set",
        "find_",
        "job_rows",
        "session",
        "schedule_in_words",
        "summary",
        "timeline",
        "try_",
        "runs",
        "wait",
        "output",
        "follow",
        "explain",
        "family",
        "preview",
        "upcoming",
        "workers",
        "events",
        "close",
        "with_options",  # which sends nothing
    )
    assert named == {name for name in public_methods() if not name.startswith(looks)}


def test_the_examples_run_as_one_script(url: str, tmp_path: Path) -> None:
    printed = scripts.run("\n".join(script.text for script in SCRIPTS), url, tmp_path).splitlines()
    assert printed[:3] == ["2035-06-04 03:00:00+00:00", "succeeded 0 hello", ""]
    assert "manual succeeded" in printed
    assert "2035-02-28 10:00:00+00:00" in printed


def test_the_test_in_the_page_passes(url: str, tmp_path: Path) -> None:
    assert "1 passed" in scripts.run(TEST_FILE.text, url, tmp_path)
