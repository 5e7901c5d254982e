"""What stands in order in chunks is what a sorted list has, whatever comes and goes, and wherever one reads on."""

from bisect import bisect_left, bisect_right

from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.state.ordered import Sorted

ENTRIES = st.tuples(st.integers(0, 60), st.sampled_from("ab"))
PLACES = st.none() | st.tuples(st.integers(-1, 61)) | ENTRIES


@given(changes=st.lists(ENTRIES, max_size=200), chunk=st.integers(2, 9))
def test_entries_come_and_go_as_in_a_sorted_list(changes: list[tuple[int, str]], chunk: int) -> None:
    """Each entry comes where it is not there, and goes where it is."""
    found: Sorted[tuple[int, str]] = Sorted(chunk)
    there: set[tuple[int, str]] = set()
    for entry in changes:
        if entry in there:
            found.remove(entry)
        else:
            found.add(entry)
        there ^= {entry}
        assert list(found) == sorted(there)
    assert len(found) == len(there)
    assert found.first() == min(there, default=None)


@given(
    entries=st.sets(ENTRIES, max_size=100),
    gone=st.sets(ENTRIES, max_size=60),
    chunk=st.integers(2, 9),
    place=PLACES,
    offset=st.integers(0, 110),
    most=st.integers(1, 130),
)
def test_any_part_is_that_of_a_sorted_list(
    entries: set[tuple[int, str]],
    gone: set[tuple[int, str]],
    chunk: int,
    place: tuple[int] | tuple[int, str] | None,
    offset: int,
    most: int,
) -> None:
    found: Sorted[tuple[int, str]] = Sorted(chunk)
    for entry in entries:
        found.add(entry)
    for entry in gone & entries:
        found.remove(entry)
    expected: list[tuple[int, ...] | tuple[int, str]] = sorted(entries - gone)
    behind = 0 if place is None else bisect_right(expected, place)
    before = len(expected) if place is None else bisect_left(expected, place)
    assert found.after(place, most) == expected[behind:][:most]
    assert found.before(place, most) == expected[:before][::-1][:most]
    assert found.at(offset, most) == expected[offset:][:most]


def test_a_chunk_of_many_that_came_in_any_order_stays_short() -> None:
    """Else each that comes or goes would move all of them."""
    found: Sorted[tuple[int]] = Sorted()
    numbers = [number * 7_919 % 100_003 for number in range(100_003)]
    for number in numbers:
        found.add((number,))
    assert 90 < found.chunks < 200
    for number in numbers[:-5]:
        found.remove((number,))
    assert list(found) == sorted((number,) for number in numbers[-5:])
    assert found.chunks == 1


def test_a_short_chunk_that_joins_a_long_one_makes_two_of_a_length() -> None:
    found: Sorted[tuple[int]] = Sorted(8)
    for number in (*range(0, 170, 10), *range(1, 9)):  # the first nine are one chunk, as long as it may be
        found.add((number,))
    assert found.chunks == 2
    for number in range(90, 170, 10):
        found.remove((number,))
    assert list(found) == sorted((number,) for number in (*range(0, 90, 10), *range(1, 9)))
    assert found.chunks == 2
