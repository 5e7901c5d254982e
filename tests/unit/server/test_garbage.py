"""The collector of a process of our own is spared what is here to stay; any other is left as it is."""

import gc
from collections.abc import Iterator
from contextlib import suppress
from weakref import ref

import pytest

from kala_server.service.garbage import Garbage, OurGarbage

OURS = OurGarbage()


class Node:
    """Something that refers to itself, as an error does by way of its traceback."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def nothing_stays_kept() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_stays_is_not_looked_through_again() -> None:
    here = Node()
    OURS.keep_what_is_here()
    assert not any(each is here for each in gc.get_objects())


def test_what_became_garbage_while_nobody_looked_is_not_kept() -> None:
    with OURS.only_the_newest_looked_at():
        gone = ref(Node())
        assert gone() is not None
        OURS.keep_what_is_here()
    assert gone() is None


def test_what_is_known_to_be_clean_is_not_looked_through() -> None:
    with OURS.only_the_newest_looked_at():
        there = ref(Node())
        OURS.keep_what_is_here(clean=True)
    assert there() is not None


def test_in_the_block_only_the_newest_is_looked_through_and_after_an_error_all_again() -> None:
    usual = gc.get_threshold()
    with suppress(ValueError), OURS.only_the_newest_looked_at():
        older = ref(Node())
        gc.collect(0)
        assert older() is None
        made = [Node() for _ in range(100_000)]
        passes = [generation["collections"] for generation in gc.get_stats()]
        made += [Node() for _ in range(100_000)]
        looked = [now["collections"] - then for now, then in zip(gc.get_stats(), passes, strict=True)]
        assert looked[0] > 0
        assert looked[1:] == [0, 0]
        raise ValueError
    assert gc.isenabled()
    assert gc.get_threshold() == usual


def test_of_several_blocks_the_last_to_end_lets_the_collector_go_on_as_usual() -> None:
    usual = gc.get_threshold()
    first, second = OURS.only_the_newest_looked_at(), OURS.only_the_newest_looked_at()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() != usual
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual


def test_the_collector_of_somebody_else_is_left_as_it_is() -> None:
    theirs = Garbage()
    usual, kept = gc.get_threshold(), gc.get_freeze_count()
    with theirs.only_the_newest_looked_at():
        theirs.keep_what_is_here()
        theirs.keep_what_is_here(clean=True)
        assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == kept
