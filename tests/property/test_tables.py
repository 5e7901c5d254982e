"""Whatever was done to tables and heaps, going back leads to what a copy of that moment says."""

from copy import deepcopy
from heapq import heapify

from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.tables import UndoLog

KEYS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.sampled_from([None, 0, 1, 2])),
        st.tuples(st.just("drop"), KEYS, st.none()),
        st.tuples(st.just("pop"), st.none(), st.none()),
        st.tuples(st.just("mark"), st.none(), st.none()),
        st.tuples(st.just("roll back"), st.none(), st.none()),
        st.tuples(st.just("commit"), st.none(), st.none()),
    )
)


def test_an_entry_that_changes_again_and_again_is_noted_once() -> None:
    table: dict[str, tuple[int, ...]] = {"a": ()}
    undo = UndoLog()
    for number in range(1_000):
        undo.put(table, "a", (*table["a"], number))
    assert undo.mark() == 1
    undo.put(table, "a", (-1,))
    undo.roll_back(1)
    assert table["a"] == tuple(range(1_000))
    undo.put(table, "a", (-1,))
    undo.roll_back()
    assert table == {"a": ()}


@given(table=st.dictionaries(KEYS, st.none() | st.integers()), heap=st.lists(st.integers()), steps=STEPS)
def test_going_back_is_as_a_copy_of_that_moment(
    table: dict[str, int | None], heap: list[int], steps: list[tuple[str, str, int | None]]
) -> None:
    heapify(heap)
    undo = UndoLog()
    marks = [(0, deepcopy((table, sorted(heap))))]
    for what, key, value in steps:
        if what == "put":
            undo.put(table, key, value)
        elif what == "drop":
            there = table.get(key)
            assert undo.drop(table, key) == there
            assert key not in table
        elif what == "pop" and heap:
            least = min(heap)
            assert undo.pop_heap(heap) == least
        elif what == "mark":
            marks.append((undo.mark(), deepcopy((table, sorted(heap)))))
        elif what == "commit":
            undo.commit()
            marks = [(0, deepcopy((table, sorted(heap))))]
        elif what == "roll back":
            mark, before = marks.pop() if len(marks) > 1 else marks[0]
            undo.roll_back(mark)
            assert (table, sorted(heap)) == before
