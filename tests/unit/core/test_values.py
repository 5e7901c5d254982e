"""The quick way to change a frozen value is `dataclasses.replace` in all but its time, for every value of the core."""

import dataclasses
import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.core import frozen
from kala_server.core.model import job, records

KINDS = [
    kind
    for module in (job, records)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
]
ANYTHING = st.none() | st.integers() | st.text(max_size=3) | st.just(datetime(2031, 1, 1, tzinfo=UTC))


def values_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{field.name: ANYTHING for field in dataclasses.fields(kind)})


def changes_of(kind: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([field.name for field in dataclasses.fields(kind)]), ANYTHING)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if dataclasses.fields(kind)], ids=lambda kind: kind.__name__
)
@settings(max_examples=25)  # of each of the kinds, whose fields are alike
@given(data=st.data())
def test_a_changed_value_is_what_dataclasses_make_of_it(kind: type[Any], data: st.DataObject) -> None:
    value, changes = data.draw(values_of(kind)), data.draw(changes_of(kind))
    before = dataclasses.astuple(value)
    changed = frozen.replace(value, **changes)
    assert type(changed) is kind
    assert changed == dataclasses.replace(value, **changes)
    assert dataclasses.astuple(value) == before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_constructor_checks_what_a_copy_would_not(kind: type[Any]) -> None:
    assert not hasattr(kind, "__post_init__")
    assert set(kind.__slots__) == {field.name for field in dataclasses.fields(kind)}


def test_a_field_that_is_none_is_an_error() -> None:
    misspelt: dict[str, Any] = {"succes_count": 1}
    with pytest.raises(AttributeError, match="succes_count"):
        frozen.replace(job.NOTHING_YET, **misspelt)
