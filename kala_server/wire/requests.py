"""What clients send: from JSON documents to specs and changes. Names of fields are those of docs/jobs.md."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from itertools import islice
from typing import Any, TypeGuard

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from kala_client.fields import FIELD, FIELDS, Kind, of_kind
from kala_server.core.errors import MOST_TOLD, FieldProblem, InvalidJobError
from kala_server.core.model.job import HTTP_CALL, Job, JobSpec
from kala_server.wire.expected import kind_of, no_object, problem
from kala_server.wire.merge_patch import merge_patch

_validate_spec = TypeAdapter(JobSpec).validator.validate_json
_FROM_WIRE = {row.wire.lower(): row.name for row in FIELDS}
_AS_NAMED = frozenset(name for key, name in _FROM_WIRE.items() if key == name)
_PLAIN = {field.name: field.type for field in fields(JobSpec) if field.type in {str, int, bool}}
_LISTS_OF_TEXTS = of_kind(Kind.TEXTS, Kind.JOBS)
_EMPTY_IS_NONE = of_kind(Kind.CHOICE)
"""Choices for which a client may also send an empty text; of other texts it is a value as good as any."""


def read_job(document: object, *, default_owner: str = "") -> tuple[JobSpec, bool]:
    """Return what a request says about a job, and whether it is disabled. Raises InvalidJobError.

    Field names match in any letter case, as Go's decoder does; unknown fields and those that the server owns are
    passed over, and null is as good as absent.
    """
    return _read(_named(document), default_owner)


def change_job(job: Job, document: object) -> tuple[JobSpec, bool]:
    """Return what the job says once a JSON merge patch (RFC 7396) is laid over it. Raises InvalidJobError.

    Members that are not named stay as they are, in `env`, `remote_properties` and its `headers` too; null removes one.
    """
    patch = _named(document)
    now = {"disabled": job.disabled, **asdict(job.spec)}
    if isinstance(call := patch.get("remote_properties"), dict):
        patch["remote_properties"] = _as_spelled(call, now["remote_properties"])
    changed = merge_patch(now, patch)
    assert isinstance(changed, dict)
    return _read(changed)


def _as_spelled(call: dict[str, Any], now: dict[str, Any] | None) -> dict[str, Any]:
    """Return the patch of a call with the names as they stand there; headers, too, are the same in any letter case."""
    call = _lowered(call)
    headers = call.get("headers")
    if isinstance(headers, dict):
        known = now["headers"] if now else {}
        spelled = {name.lower(): name for name in known}
        named = {name: name if name in known else spelled.get(name.lower(), name) for name in headers}
        if len(set(named.values())) < len(headers):
            raise _bad_call("a header is there in two spellings")
        call["headers"] = {named[name]: value for name, value in headers.items()}
    return call


def _named(document: object) -> dict[str, Any]:
    """Return what a request says by the names of our fields; what is not one of them is passed over."""
    if not isinstance(document, dict):
        raise no_object(document)
    if document.keys() <= _AS_NAMED:
        return dict(document)
    said: dict[str, Any] = {}
    for key, value in document.items():
        name = _FROM_WIRE.get(key.lower())
        if name is None:
            continue
        if name in said:
            raise InvalidJobError([FieldProblem(FIELD[name].wire, "it is there in two spellings")])
        said[name] = value
    return said


def _read(named: Mapping[str, Any], default_owner: str = "") -> tuple[JobSpec, bool]:
    """Return what is said as a spec, and whether the job is disabled; null is as good as absent."""
    said = {name: value for name, value in named.items() if value is not None}
    disabled = said.pop("disabled", False)
    if not isinstance(disabled, bool):
        message = f"true or false belongs here, not {kind_of(disabled)}"
        raise InvalidJobError([FieldProblem("disabled", message, FIELD["disabled"].example)])
    if list(map(type, said.values())) == list(map(_PLAIN.get, said)):
        # Any such value is one of these fields. Most jobs are such, and to validate them is most of what reading takes.
        spec = JobSpec(**{"name": "", **said})
    else:
        spec = _validated(_tidied(said))
    if default_owner and not spec.owner:
        spec = replace(spec, owner=default_owner)
    return spec, disabled


def names_schedule(document: object) -> bool:
    """Whether a change says when the job is due, be it as before: its slots begin anew then."""
    return isinstance(document, dict) and any(name.lower() == "schedule" for name in document)


def _tidied(said: dict[str, Any]) -> dict[str, Any]:
    """Return what is said without what clients send though it says nothing."""
    for name in _EMPTY_IS_NONE:
        if said.get(name) == "":
            del said[name]
    for name in _LISTS_OF_TEXTS:
        if isinstance(items := said.get(name), list):
            said[name] = _with_few_faults(items, str)
    _tidy_call(said)
    return said


def _tidy_call(said: dict[str, Any]) -> None:
    """Go's client leaves no field of `remote_properties` out, and its headers are lists of values."""
    call = said.get("remote_properties")
    if not isinstance(call, dict):
        return
    call = {"url": ""} | {name: value for name, value in _lowered(call).items() if value is not None}
    headers = call.get("headers")
    if isinstance(headers, dict):
        call["headers"] = dict(_headers(headers))
    timeout = call.get("timeout")
    if isinstance(timeout, int | float) and not (timeout >= 0 and float(timeout).is_integer()):
        # Go's client reads a whole number there; anything else would keep it from reading any job at all.
        raise _bad_call("the timeout must be a whole number of seconds")
    if isinstance(codes := call.get("expected_response_codes"), list):
        call["expected_response_codes"] = _with_few_faults(codes, int)
    if call.get("method", "") == "":
        call["method"] = "GET"
    said["remote_properties"] = call


def _with_few_faults(items: list[Any], kind: type) -> list[Any]:
    """Return a list that ends where enough is wrong with it: each fault costs as much as a hundred good elements."""
    if len(items) <= MOST_TOLD:
        return items
    faults = (number for number, item in enumerate(items) if not isinstance(item, kind))
    end = next(islice(faults, MOST_TOLD, None), len(items))
    return items[:end]


def _headers(headers: dict[str, Any]) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Yield what has a value; one in a list is as good as one by itself."""
    for name, value in headers.items():
        if _are_texts(value):
            yield from [(name, value[0] if len(value) == 1 else tuple(value))] if value else ()
        elif isinstance(value, str):
            yield name, value
        elif value is not None:
            raise _bad_call(f"the header {name!r} must be a text or a list of texts")


def _lowered(call: dict[str, Any]) -> dict[str, Any]:
    lowered = {key.lower(): value for key, value in call.items()}
    if len(lowered) < len(call):
        raise _bad_call("a field is there in two spellings")
    return lowered


def _bad_call(message: str) -> InvalidJobError:
    return InvalidJobError([FieldProblem("remote_properties", message, FIELD["remote_properties"].example)])


def _are_texts(value: object) -> TypeGuard[list[str] | tuple[str, ...]]:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _validated(said: Mapping[str, Any]) -> JobSpec:
    try:
        spec: JobSpec = _validate_spec(to_json({"name": "", **said}), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)[:MOST_TOLD]
        raise InvalidJobError([problem(detail) for detail in details]) from None
    call = spec.remote_properties
    # Go's client always sends a call, empty for a command.
    return replace(spec, remote_properties=None) if call and not call.url and spec.type != HTTP_CALL else spec
