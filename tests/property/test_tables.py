"""Whatever was done to tables, with an order and without one, going back leads to what a copy of that moment says."""

from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.ordered import Ordered
from kala_server.core.steps import to_the_end
from kala_server.core.tables import UndoLog

KEYS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.sampled_from([None, 0, 1, 2])),
        st.tuples(st.just("drop"), KEYS, st.none()),
        st.tuples(st.just("tidy"), st.none(), st.none()),
        st.tuples(st.just("mark"), st.none(), st.none()),
        st.tuples(st.just("roll back"), st.none(), st.none()),
        st.tuples(st.just("commit"), st.none(), st.none()),
    )
)


def test_a_long_list_that_grows_again_and_again_is_noted_once() -> None:
    table: dict[str, tuple[int, ...]] = {"a": ()}
    undo = UndoLog()
    for number in range(1_000):
        undo.put(table, "a", (*table["a"], number))
    mark = undo.mark()
    assert mark < 20
    undo.put(table, "a", (-1,))
    undo.roll_back(mark)
    assert table["a"] == tuple(range(1_000))
    undo.put(table, "a", (-1,))
    undo.roll_back()
    assert table == {"a": ()}


@given(before=st.dictionaries(KEYS, st.none() | st.integers()), steps=STEPS)
def test_going_back_is_as_a_copy_of_that_moment(
    before: dict[str, int | None], steps: list[tuple[str, str, int | None]]
) -> None:
    table: Ordered[tuple[int, ...]] = Ordered()
    for key, value in before.items():
        table[key] = (value or 0,)
    undo = UndoLog()
    marks = [(0, dict(table))]
    for what, key, value in steps:
        if what == "put":
            undo.put(table, key, (value or 0,) * (1 if value != 2 else 20))
        elif what == "drop":
            there = table.get(key)
            assert undo.drop(table, key) == there
            assert key not in table
        elif what == "tidy":
            to_the_end(table.tidying())
        elif what == "mark":
            marks.append((undo.mark(), dict(table)))
        elif what == "commit":
            undo.commit()
            marks = [(0, dict(table))]
        elif what == "roll back":
            mark, then = marks.pop() if len(marks) > 1 else marks[0]
            undo.roll_back(mark)
            assert table == then
        assert table.first() == min(((entry, key) for key, entry in table.items()), default=None)


def test_what_was_there_is_forgotten_in_time_and_nothing_that_is() -> None:
    table: Ordered[tuple[int]] = Ordered()
    for number in range(100):
        table[f"stays {number}"] = (number,)
    for number in range(10_000):
        table["moves"] = (1_000_000 - number,)
        to_the_end(table.tidying())
        assert table.weight <= 2 * len(table) + 1_001
    for number in range(100):
        assert table.first() == ((number,), f"stays {number}")
        del table[f"stays {number}"]
    assert table.first() == ((990_001,), "moves")
