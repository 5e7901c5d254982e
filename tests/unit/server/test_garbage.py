"""The garbage collector is spared what is here to stay, and nothing else."""

import gc
from collections.abc import Iterator
from contextlib import suppress
from weakref import ref

import pytest

from kala_server.garbage import collector_paused, keep_what_is_here


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
    keep_what_is_here()
    assert not any(each is here for each in gc.get_objects())


def test_what_became_garbage_while_nobody_looked_is_not_kept() -> None:
    with collector_paused():
        gone = ref(Node())
        assert gone() is not None
        keep_what_is_here()
    assert gone() is None


def test_what_is_known_to_be_clean_is_not_looked_through() -> None:
    with collector_paused():
        there = ref(Node())
        keep_what_is_here(clean=True)
    assert there() is not None


def test_the_collector_rests_in_the_block_and_goes_on_after_an_error() -> None:
    seen = []
    with suppress(ValueError), collector_paused():
        seen.append(gc.isenabled())
        raise ValueError
    assert [*seen, gc.isenabled()] == [False, True]
