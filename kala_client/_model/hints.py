"""What to say of a field that there is not: which one may be meant. No I/O."""

from collections.abc import Callable, Collection

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from kala_client._model.nearest import nearest

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
                type=PydanticCustomError(each["type"], _words(each, names_at)),  # pyright: ignore[reportArgumentType]
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
    meant = nearest(str(name), names_at(tuple(where)))
    return f"there is no such field; is {meant!r} meant?" if meant else "there is no such field"
