"""What people see: values as text, and tables that fit."""

from datetime import UTC, datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console, RenderableType

from kala_client.clock import utc_now
from kala_server.cli.text.plain import printable
from kala_server.cli.text.show import (
    Column,
    FittingTable,
    facts,
    moment,
    moment_there,
    screen,
    table,
    took,
    whole_moment,
)


def drawn(renderable: RenderableType, *, width: int = 80, color: bool = False) -> str:
    console = Console(
        file=StringIO(),
        width=width,
        markup=False,
        highlight=False,
        force_terminal=color,
        color_system="standard" if color else None,
    )
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 😀", "plain ä 😀"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\r\nlines\tand a tab", r"two\r\nlines\tand a tab"),
        ("right\u202eto left", r"right\u202eto left"),
        ("\x9b31m", r"\x9b31m"),
        ("\x00", r"\x00"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_cell_is_escaped_and_never_read_as_markup() -> None:
    shown = drawn(table([Column("name")], [["[red]a\x1b[0m[/red]"], [None], [""], [0]]))
    assert [line.strip() for line in shown.splitlines()] == ["name", r"[red]a\x1b[0m[/red]", "–", "–", "0"]


def test_where_a_table_is_too_wide_only_a_column_that_gives_is_cut() -> None:
    columns = [Column("name", gives=True), Column("id")]
    shown = drawn(table(columns, [["n" * 50, "93b65499"]]), width=30)
    assert "93b65499" in shown
    assert "…" in shown
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (80, ["name", "id", "next", "state"]),
        (54, ["name", "id", "next", "state"]),
        (53, ["name", "next", "state"]),
        (43, ["name", "state"]),
    ],
)
def test_where_a_line_has_no_room_the_spare_columns_go_and_the_name_gives_way_last(
    width: int, titles: list[str]
) -> None:
    columns = [
        Column("name", gives=True),
        Column("id", spare=2),
        Column("next", spare=1),
        Column("state"),
    ]
    name = "a-nightly-report"
    shown = drawn(FittingTable(columns, [[name, "93b65499", "11-24 23:00:00", "a state 11"]]), width=width)
    heading, row = (line.split() for line in shown.splitlines())
    assert heading == titles
    assert row[0] == name
    assert max(map(len, shown.splitlines())) <= width


def test_a_fitting_table_without_a_line_has_its_heading() -> None:
    assert drawn(FittingTable([Column("name"), Column("id", spare=1)], [])).split() == ["name", "id"]


def test_a_column_that_wraps_loses_nothing() -> None:
    sentence = "the 08:00 run was still running"
    shown = drawn(table([Column("id"), Column("why", wraps=True)], [["93b65499", sentence]]), width=30)
    words = shown.split()
    assert set(sentence.split()) <= set(words)
    assert len(shown.splitlines()) > 2


def test_states_have_their_colour_and_other_words_none() -> None:
    shown = drawn(table([Column("state")], [["failed"], ["flailed"]]), color=True)
    assert "\x1b[31mfailed" in shown
    assert "\x1b[31mflailed" not in shown


def test_facts_are_those_that_say_something() -> None:
    shown = drawn(facts([("name", "a"), ("owner", ""), ("next run", None), ("ok", 0)]))
    assert [line.split() for line in shown.splitlines()] == [["name", "a"], ["ok", "0"]]


def test_lines_into_a_pipe_are_as_long_as_they_must_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "n" * 500
    screen().print(table([Column("name", gives=True)], [[name]]))
    assert name in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    screen().print(table([Column("name", gives=True)], [[name]]))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.0042, "4 ms"),
        (1, "1 s"),
        (1.54, "1.5 s"),
        (3661, "61 min"),
        (12_000, "3 h 20 min"),
    ],
)
def test_a_length_is_told_as_people_do(seconds: float | None, words: str) -> None:
    assert took(seconds) == words


def test_a_moment_tells_its_year_only_where_it_is_another_one() -> None:
    now = utc_now().replace(month=6, day=4, hour=9, minute=5, second=1)
    assert moment(now, UTC) == "06-04 09:05:01"
    assert moment(now, ZoneInfo("Asia/Tokyo")) == "06-04 18:05:01"
    assert moment(now.replace(year=now.year + 1), UTC) == f"{now.year + 1}-06-04 09:05"
    assert moment(None, UTC) == "–"


def test_a_moment_elsewhere_is_told_with_its_offset() -> None:
    berlin, at = ZoneInfo("Europe/Berlin"), datetime(2035, 6, 4, 23, 30, tzinfo=UTC)
    assert moment_there(at, berlin) == "2035-06-05 01:30 +02:00"
    assert moment_there(at.replace(month=12), berlin) == "2035-12-05 00:30 +01:00"
    now = datetime.now(UTC).replace(month=6, day=4, hour=9, minute=5, second=1)
    assert moment_there(now, UTC) == "06-04 09:05:01 +00:00"


def test_a_whole_moment_tells_the_offset() -> None:
    at = datetime(2035, 6, 4, 9, 5, 1, 999_999, tzinfo=UTC)
    assert whole_moment(at, UTC) == "2035-06-04 09:05:01+00:00"
    assert whole_moment(at, ZoneInfo("Asia/Tokyo")) == "2035-06-04 18:05:01+09:00"
    assert whole_moment(None, UTC) is None
