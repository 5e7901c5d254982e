"""The query of a URL is read strictly: every mistake is named, with what would be right."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

import pytest
from tornado.escape import parse_qs_bytes

from kala_server.core.errors import InvalidRequestError
from kala_server.web.query import Query, cursor


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


def query(text: str) -> Query:
    return Query(parse_qs_bytes(text, keep_blank_values=True))


def problem(read: Callable[[], object]) -> tuple[str, str, object]:
    """The field, the message and the example with which a query is refused."""
    with pytest.raises(InvalidRequestError) as refused:
        read()
    [found] = refused.value.problems
    return found.field, found.message, found.example


def test_what_is_missing_or_empty_says_nothing() -> None:
    for said in (query(""), query("x=")):
        assert said.text("x") == ""
        assert said.whole_number("x", otherwise=7, most=9) == 7
        assert said.yes("x") is False
        assert (said.choice("x", Colour), said.instant("x"), said.cursor("x")) == (None, None, None)


def test_of_a_parameter_that_is_there_twice_the_last_counts() -> None:
    assert query("x=1&x=2").text("x") == "2"


def test_where_several_may_be_said_each_counts_in_its_order() -> None:
    assert query("x=2&x=1&y=3&x=&x=2").texts("x") == ["2", "1", "2"]
    assert query("x=1&x=").texts("x") == query("").texts("x") == []
    assert problem(lambda: query("x=%ff&x=1").texts("x"))[0] == "x"


def test_a_text_is_utf_8() -> None:
    assert query(f"x={quote('ä 😀')}").text("x") == "ä 😀"
    field, message, _ = problem(lambda: query("x=%ff").text("x"))
    assert (field, message) == ("x", "it is not UTF-8")


@pytest.mark.parametrize("number", [1, 9, 100])
def test_a_number_up_to_the_most_is_taken(number: int) -> None:
    assert query(f"x={number}").whole_number("x", otherwise=7, most=100) == number


@pytest.mark.parametrize("text", ["0", "-1", "101", "1.5", "1e1", "x", "1_0", " 5", "٣", "9" * 5_000, "\0"])
def test_what_is_no_such_number_is_refused_with_the_range(text: str) -> None:
    field, message, example = problem(
        lambda: query(f"x={quote(text)}").whole_number("x", otherwise=7, most=100)
    )
    assert (field, example) == ("x", 7)
    assert message.startswith("a whole number from 1 to 100 belongs here, not ")
    assert len(message) < 120


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("TRUE", True), ("1", True), ("0", False)])
def test_yes_or_no_has_a_few_spellings(text: str, meant: bool) -> None:
    assert query(f"x={text}").yes("x") is meant


@pytest.mark.parametrize("text", ["yes", "2", "tru", "null"])
def test_what_is_neither_yes_nor_no_is_refused(text: str) -> None:
    assert problem(lambda: query(f"x={text}").yes("x")) == (
        "x",
        f"true or false belongs here, not '{text}'",
        "true",
    )


def test_a_choice_is_one_of_its_values_and_a_wrong_one_names_them_all() -> None:
    assert query("x=green").choice("x", Colour) is Colour.GREEN
    assert problem(lambda: query("x=Blue").choice("x", Colour)) == (
        "x",
        "one of red, green belongs here, not 'Blue'",
        Colour.RED,
    )


@pytest.mark.parametrize(
    "text",
    [
        "2035-06-04T09:00:00Z",
        "2035-06-04T11:00:00%2B02:00",
        "2035-06-04T11:00:00+02:00",
        "2035-06-04T11:00+02:00",
        "2035-06-04+11:00:00+02:00",
        "20350604T090000Z",
        " 2035-06-04T09:00:00Z ",
    ],
)
def test_a_time_has_an_offset_whose_plus_may_come_as_it_is(text: str) -> None:
    assert query(f"x={text}").instant("x") == datetime(2035, 6, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2035-06-04", "'2035-06-04' has no offset from UTC: add Z, or one such as +02:00"),
        ("2035-06-04T09:00", "'2035-06-04T09:00' has no offset from UTC: add Z, or one such as +02:00"),
        ("09:00", "an RFC 3339 time belongs here, not '09:00'"),
        ("2035-02-30T09:00Z", "an RFC 3339 time belongs here, not '2035-02-30T09:00Z'"),
        ("2035-06-04T25:00Z", "an RFC 3339 time belongs here, not '2035-06-04T25:00Z'"),
        ("x" * 1_000, f"an RFC 3339 time belongs here, not '{'x' * 40}'"),
        ("%00", "an RFC 3339 time belongs here, not '\\x00'"),
        ("0001-01-01T00:00:00Z", "no job is ever due that far away"),
        ("0001-01-01T00:00:00%2B14:00", "no job is ever due that far away"),
        ("9999-12-31T23:59:59Z", "no job is ever due that far away"),
        ("9999-12-31T23:59:59-14:00", "no job is ever due that far away"),
    ],
)
def test_what_is_no_time_is_refused_with_what_would_be_one(text: str, message: str) -> None:
    field, said, example = problem(lambda: query(f"x={text}").instant("x"))
    assert (field, said) == ("x", message)
    assert query(f"x={example}").instant("x") is not None


@pytest.mark.parametrize("microsecond", [0, 1, 499_999, 500_000, 999_999])
@pytest.mark.parametrize("year", [1970, 2035, 2199])
def test_a_cursor_comes_back_to_the_microsecond(year: int, microsecond: int) -> None:
    place = datetime(year, 6, 4, 9, 0, 1, microsecond, UTC), "93b65499-b211"
    assert query(f"x={cursor(*place)}").cursor("x") == place


@pytest.mark.parametrize("text", ["x", ".", "1e5", "nan", "9" * 5_000, "9" * 18, "2035-06-04"])
def test_what_no_answer_gave_as_a_cursor_is_refused(text: str) -> None:
    field, message, _ = problem(lambda: query(f"x={text}").cursor("x"))
    assert (field, message) == ("x", "it must be the `next` of an earlier answer")
