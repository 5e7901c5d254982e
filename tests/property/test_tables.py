"""Whatever was done to tables, with an order and without one, going back leads to what a copy of that moment says."""

from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.state.ordered import Ordered
from kala_server.core.state.undo import UndoLog

KEYS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.sampled_from([None, 0, 1, 2])),
        st.tuples(st.just("drop"), KEYS, st.none()),
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
        elif what == "mark":
            marks.append((undo.mark(), dict(table)))
        elif what == "commit":
            undo.commit()
            marks = [(0, dict(table))]
        elif what == "roll back":
            mark, then = marks.pop() if len(marks) > 1 else marks[0]
            undo.roll_back(mark)
            assert table == then
        in_order = sorted((*entry, key) for key, entry in table.items())
        assert list(table.places) == in_order
        assert table.first() == (in_order[0] if in_order else None)


def test_what_is_deleted_has_no_place_any_more() -> None:
    table: Ordered[tuple[int]] = Ordered()
    for number, key in enumerate("abc"):
        table[key] = (number,)
    del table["a"]
    assert table.pop("a", None) is None
    assert table.pop("b") == (1,)
    assert list(table.places) == [(2, "c")]
