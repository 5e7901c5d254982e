"""A planted fault takes the place of something: else its test would show nothing."""

import pytest

from kala_server.stores.journal.log import Log
from tests.faults.planting import plant


def test_a_fault_in_the_place_of_nothing_is_refused() -> None:
    with pytest.raises(AttributeError, match="sink"):
        plant(Log, "sink", lambda _: None)
    assert not hasattr(Log, "sink")
