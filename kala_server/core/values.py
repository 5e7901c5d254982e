"""Frozen values with some of their fields changed: `dataclasses.replace`, in half of its time.

That one asks for a constructor, which for a run sets two dozen fields by their names. The values here have slots, and
constructors that check nothing, so what is there is copied as it is. The life of each run has seven such steps.
"""

from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["replace"]

if TYPE_CHECKING:  # type checkers know which fields that one takes
    from dataclasses import replace
else:
    V = TypeVar("V")

    def replace(value: V, /, **changes: Any) -> V:
        """Return the value with these fields in place of its own. Raises AttributeError for an unknown field."""
        new = object.__new__(type(value))
        put = object.__setattr__
        for name in value.__slots__:
            put(new, name, getattr(value, name))
        for name, changed in changes.items():
            put(new, name, changed)
        return new
