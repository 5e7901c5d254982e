"""The comparison of sessions itself: a page that says something else than what comes is noticed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks, read
from tests.docs.console import MismatchError, Session, exchanges, match

ONE, OTHER = "93b65499-b211-49ce-57e0-19e735cc5abd", "5d5be920-c716-4c99-60e1-055cad95b40f"
[SESSION] = blocks(read(ROOT / "README.md"), "console")


@pytest.mark.parametrize(
    ("documented", "came"),
    [
        ('{"a":1}', '{"a":1}\n'),
        ('{"a": … ,"c":3}', '{"a":1,"b":2,"c":3}'),
        ("first\n…\nlast", "first\nsecond\nlast"),
        ('{"a":1,\n "b":2}', '{"a":1,"b":2}'),
        (f"{ONE} {ONE}", f"{OTHER} {OTHER}"),
        ("2026-06-04T19:25:16Z", "2027-01-02T03:04:05.678Z"),
        ("", ""),
    ],
)
def test_what_is_the_same_but_for_ids_and_times_matches(documented: str, came: str) -> None:
    assert match(documented, came, {}) is not None


@pytest.mark.parametrize(
    ("documented", "came"),
    [
        ('{"a":1}', '{"a":2}'),
        ('{"a":1}', '{"a":1,"b":2}'),
        ('{"a": … ,"c":3}', '{"a":1,"c":4}'),
        ('{"a":1,"b":2}', '{"b":2,"a":1}'),
        (f"{ONE} {ONE}", f"{ONE} {OTHER}"),
        (ONE, "no id"),
        ("2026-06-04T19:25:16Z", "0001-01-01T00:00:00Z"),
        ("2035-06-04T19:25:16Z", "2035-06-04T19:25:17Z"),
        ("", "something"),
        ("something", ""),
        ("a.c", "abc"),
    ],
)
def test_what_differs_does_not_match(documented: str, came: str) -> None:
    assert match(documented, came, {}) is None


def test_an_id_stands_for_the_one_that_came_first() -> None:
    ids = match(f'{{"id":"{ONE}"}}', f'{{"id":"{OTHER}"}}', {})
    assert ids == {ONE: OTHER}
    assert match(ONE, OTHER, ids) == ids
    assert match(ONE, ONE, ids) is None


def test_a_command_goes_on_over_a_backslash_and_an_open_quote() -> None:
    block = Block("console", "$ curl x \\\n  -d '{\n  }'\nanswer\n more\n$ next\n", 10, marked=False)
    assert [(one.command, one.answer, one.line) for one in exchanges(block)] == [
        ("curl x \\\n  -d '{\n  }'", "answer\n more", 11),
        ("next", "", 16),
    ]


@pytest.mark.parametrize(
    ("true", "planted"),
    [
        ('{"jobs":{}}', '{"jobs":[]}'),
        ('"command":"bash -c date", …', '"command":"date", …'),
        ('"next_run_at":"2035-06-05T02:25:16.828696Z"', '"next_run_at":"2035-06-04T19:25:16.828696Z"'),
        ('"success":true', '"success":false'),
        ('"success_count":1', '"success_count":2'),
        ("-X DELETE\n", '-X DELETE\n{"deleted":true}\n'),
        ('"status":404', '"status":410'),
        ("/api/v1/stats/", "/api/v1/stat/"),
    ],
)
def test_a_fault_planted_in_the_session_of_the_readme_is_noticed(
    true: str, planted: str, url: str, tmp_path: Path
) -> None:
    assert true in SESSION.text
    faulty = replace(SESSION, text=SESSION.text.replace(true, planted, 1))
    session = Session(url, tmp_path, patience=0.5)
    with pytest.raises(MismatchError):
        session.play(faulty)


def test_a_command_that_fails_is_noticed(session: Session) -> None:
    with pytest.raises(MismatchError, match="exit code 3"):
        session.play(Block("console", "$ exit 3\n", 1, marked=False))
