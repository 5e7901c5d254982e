"""What a server says of a job, in the words of the command line: it speaks of members of a JSON document. Pure."""

import json

from kala_client import FieldError
from kala_server.core.commands.runnable import A_CALL_IS, A_JOB_MAY, ITS_ENV

IN_OPTIONS = {
    A_JOB_MAY: "add --shell, or ",
    A_CALL_IS: "an HTTP call is made with --http URL, in place of a COMMAND",
    ITS_ENV: "say --env NAME=VALUE",
}
"""What there is an option for; a test holds that there is."""
_QUERIES = {"from": "--since", "to": "--until"}


def in_options(error: FieldError) -> str:
    """Say what is wrong with a field, and how it is said right on a command line."""
    message, example = error.message, _as_typed(error.example)
    for said, typed in IN_OPTIONS.items():
        message = message.replace(said, typed)
    for said, typed in _QUERIES.items():
        message = message.replace(f"`{said}`", typed)
    if error.field == "remote_properties" and "url" not in message:
        example = None  # it is the call's address that is right, and not what is wrong
    return str(FieldError(_QUERIES.get(error.field, error.field), message, example))


def _as_typed(example: str | None) -> str | None:
    """Return an example without the signs of JSON."""
    if example is None or not example.startswith(("[", "{")):
        return example
    try:
        value = json.loads(example)
    except ValueError:
        return example
    if isinstance(value, dict):
        return str(value.get("url") or " ".join(f"{name}={one}" for name, one in value.items()))
    return " ".join(map(str, value))
