"""Cron lines against Debian's cron: what it takes, what it runs, and every way in which we differ (docs/jobs.md)."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_client.schedules.cron_line import read_line
from kala_server.core.time.occurrences import between, read
from tests.unit.core import debian_cron

FIELDS = ["minute", "hour", "day", "month", "weekday"]
LINES_THAT_DEBIAN_TAKES = [
    "18 1-1/2 * * *", "0 0 * * 5-7", "0 0 * * 7-7", "*/100 * * * *", "5-10/100 * * * *", "00 09 01 01 *",
    "000000009 * * * *", "0 0 * jan-mar/2 *", "0 0 * JaN,FEB *", "*,5 * * * *", "5,* * * * *", "0-59/60 * * * *",
    "0 0 * * sun,7", "0 0 * * 0-7", "0 0 * * */7", "@hourly", "@annually", "@midnight",
]  # fmt: skip
LINES_THAT_DEBIAN_REFUSES = [
    "*/0 * * * *", "? * * * *", "+5 * * * *", "-5 * * * *", "1,,2 * * * *", "1, * * * *", ",1 * * * *",
    "0 0 * JANUARY *", "0 0 * * Monday", "0 0 0 * *", "0 0 32 * *", "0 0 * 0 *", "0 0 * * 8", "60 * * * *",
    "0 24 * * *", "1 - 5 * * *", "@every 5m", "H * * * *", "0 0 */JAN * *", "0x5 * * * *", "5-64/30 * * * *",
    "MON * * * *", "0 0 * * JAN", "0 0 1W * *", "1- * * * *", "1-5/ * * * *", "*/ * * * *", "1,2/x * * * *",
]  # fmt: skip
TAKEN_HERE_ALONE = [
    "3/5 * * * *",
    "0 0 * * MON/2",
    "0 0 L * *",
    "0 0 LW * *",
    "0 0 * * 5L",
    "0 0 * * FRIL",
    "@DAILY",
]
REFUSED_HERE_ALONE = [
    "0 0 * * FRI-MON", "0 22-3 * * *", "0 0 * * SAT-SUN", "0 0 * * 6-0", "5% * * * *", "*-5 * * * *", "*5 * * * *",
    "1-5-7 * * * *", "1-5/2/3 * * * *", "*/2-3 * * * *", "1~5 * * * *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *",
    "4294967297 * * * *", "0 0 * * 1-5#2", "@reboot",
]  # fmt: skip
"""What `crontab` of Debian 12 (3.0pl1-162) said to each of these."""


@pytest.mark.parametrize("line", LINES_THAT_DEBIAN_TAKES + TAKEN_HERE_ALONE)
def test_what_debian_takes_or_the_page_says_is_taken(line: str) -> None:
    assert read(line).next_after(datetime(2030, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize("line", LINES_THAT_DEBIAN_REFUSES + REFUSED_HERE_ALONE)
def test_what_debian_refuses_or_the_page_says_is_refused(line: str) -> None:
    with pytest.raises(
        ValueError, match=r"valid .* is 0 9 \* \* MON-FRI|there are @hourly|runs once|@every is not taken"
    ):
        read(line)


@pytest.mark.parametrize("line", LINES_THAT_DEBIAN_TAKES + REFUSED_HERE_ALONE)
def test_the_oracle_takes_what_debian_takes(line: str) -> None:
    if not line.startswith("@") and line != "4294967297 * * * *":  # an overflow there
        debian_cron.Line(line)


@pytest.mark.parametrize("line", LINES_THAT_DEBIAN_REFUSES + TAKEN_HERE_ALONE)
def test_the_oracle_refuses_what_debian_refuses(line: str) -> None:
    if not line.startswith("@"):
        with pytest.raises(debian_cron.BadFieldError):
            debian_cron.Line(line)


NUMBERS = st.integers(0, 62).map(str) | st.sampled_from(
    ["07", "SUN", "mon", "Sat", "JAN", "dec", "L", "", "+3", "٣"]
)
ITEMS = st.builds(
    "".join,
    st.tuples(
        st.just("*") | NUMBERS | st.builds("-".join, st.tuples(NUMBERS, NUMBERS)),
        st.just("") | st.builds("/".join, st.tuples(st.just(""), st.integers(0, 40).map(str) | NUMBERS)),
        st.sampled_from(["", "", "", "", "#2", "L", "%", "-4", "/2"]),
    ),
)
TEXTS = st.lists(ITEMS, min_size=1, max_size=3).map(",".join)


@settings(max_examples=800)
@given(st.integers(0, 4), TEXTS)
def test_a_field_is_taken_as_debian_takes_it_or_differs_in_a_way_that_the_page_names(
    which: int, text: str
) -> None:
    texts = ["0", "0", "*", "*", "*"]
    texts[which] = text
    try:
        debian = debian_cron.read_field(text, *debian_cron.BOUNDS[which])
    except debian_cron.BadFieldError:
        debian = None
    try:
        ours = read_line(" ".join(texts))
    except ValueError:
        # The ends of a range are never the wrong way round, and nothing after an item is passed over.
        assert debian is None or debian.backwards or debian.rest
        return
    own = any(part in text.upper() for part in ("L", "#")) or any(
        item[0] != "*" and "/" in item and "-" not in item for item in text.split(",")
    )
    if own:
        return
    assert debian is not None
    assert not debian.rest
    numbers = [
        set(ours.minutes), set(ours.hours), ours.days.of_month, set(ours.months), {n for n, _ in ours.days.of_week}
    ]  # fmt: skip
    assert numbers[which] == ({n % 7 for n in debian.numbers} if which == 4 else debian.numbers)


def plain(low: int, high: int, names: list[str]) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(sorted)
    item = (
        number.map(str)
        | (
            number.map(lambda n: names[n - low] if n - low < len(names) else str(n))
            if names
            else number.map(str)
        )
        | spans.map(lambda span: f"{span[0]}-{span[1]}")
        | st.tuples(spans, st.integers(1, 40)).map(lambda both: f"{both[0][0]}-{both[0][1]}/{both[1]}")
        | st.integers(1, 40).map(lambda step: f"*/{step}")
        | st.just("*")
    )
    return st.lists(item, min_size=1, max_size=3).map(",".join)


PLAIN = st.tuples(*(plain(*bounds) for bounds in debian_cron.BOUNDS))


@settings(max_examples=80)
@given(PLAIN, st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)))
def test_a_line_runs_in_the_minutes_in_which_debian_runs_it(texts: tuple[str, ...], begin: datetime) -> None:
    debian, first = debian_cron.Line(" ".join(texts)), datetime.combine(begin, time())
    try:
        timetable = read(" ".join(texts))
    except ValueError as error:
        assert "never come together" in str(error)  # noqa: PT017 - it is no promise that there is one
        return
    minute, hour = (min(field.numbers) for field in debian.fields[:2])
    days = [first + timedelta(days=n, hours=hour, minutes=minute) for n in range(90)]
    assert [day for day in days if timetable.count(aware(day), aware(day))] == list(
        filter(debian.runs_at, days)
    )
    today = list(filter(debian.runs_at, (first + timedelta(minutes=n) for n in range(24 * 60))))
    last = aware(first) + timedelta(days=1) - timedelta(microseconds=1)
    assert list(between(timetable, aware(first), last)) == list(map(aware, today))
    assert timetable.count(aware(first), last) == len(today)


def aware(wall: datetime) -> datetime:
    return wall.replace(tzinfo=UTC)
