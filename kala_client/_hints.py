"""What to say of a field that there is not: which one may be meant. No I/O."""

from collections.abc import Callable, Collection
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

Place = tuple[int | str, ...]
_UNKNOWN = frozenset({"extra_forbidden", "no_such_attribute"})


def hinted(error: ValidationError, names_at: Callable[[Place], Collection[str]]) -> ValidationError:
    """Return the error with a hint at each field that there is not; `names_at` are those that there are."""
    found = error.errors(include_url=False)
    if all(each["type"] not in _UNKNOWN for each in found):
        return error
    return ValidationError.from_exception_data(
        error.title,
        [
            InitErrorDetails(
                type=PydanticCustomError(each["type"], _words(each, names_at)),
                loc=each["loc"],
                input=each["input"],
            )
            for each in found
        ],
        hide_input=True,
    )


def _words(found: ErrorDetails, names_at: Callable[[Place], Collection[str]]) -> str:
    if found["type"] not in _UNKNOWN:
        return found["msg"]
    *where, name = found["loc"]
    close = get_close_matches(str(name), names_at(tuple(where)), n=1)
    return f"there is no such field; is {close[0]!r} meant?" if close else "there is no such field"
