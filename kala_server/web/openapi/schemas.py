"""The schemas of what is sent either way: of requests from the core's own `JobSpec`, of answers from `sent.py`.

Pure. What a type cannot say (`core/decide/validation.py` checks it) is added here, and so is what each field means.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from kala_client._model.meanings import MEANINGS
from kala_client.fields import FIELD, FIELDS, Field, Kind, Since
from kala_server.core.model.job import JobSpec, RunState
from kala_server.web.openapi import answer_models
from kala_server.wire.bulk import Bulk
from kala_server.wire.pause import PauseRequest
from kala_server.wire.rows import LONGEST_REASON
from kala_server.wire.shapes import RUN_DOCUMENTED, SERVER_DOCUMENTED

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}
_SENT = (
    answer_models.BulkJob,
    answer_models.Family,
    answer_models.Job,
    answer_models.JobRow,
    answer_models.StoredSet,
    answer_models.SetApplied,
    answer_models.SetPlan,
    answer_models.SetSummary,
    answer_models.JobStat,
    answer_models.ClusterRole,
    answer_models.KalaStats,
    answer_models.Metadata,
    answer_models.Pause,
    answer_models.Problem,
    answer_models.RemoteProperties,
    answer_models.Run,
    answer_models.Session,
    answer_models.SlotExplanation,
    answer_models.Summary,
    answer_models.Timeline,
    answer_models.Trial,
    answer_models.UpcomingSlot,
    answer_models.Worker,
)
_MARK: Schema = {
    "type": "array",
    "description": "An entry of the ledger, or several that are near each other, as a stretch of time: begin and end "
    "in milliseconds since 1970 (the end is null while it waits or runs), state, how many slots it stands for, the id "
    "of the latest entry, and the beginning of why it was skipped or failed.",
    "prefixItems": [
        {"type": "integer"},
        {"type": ["integer", "null"]},
        {"type": "string", "enum": list(RunState)},
        {"type": "integer"},
        TEXT,
        {"type": "string", "maxLength": LONGEST_REASON},
    ],
    "minItems": 6,
    "maxItems": 6,
}
_HEADER_VALUES: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
_TEMPLATE = "#/components/schemas/{model}"


def ref(name: str) -> Schema:
    """Refer to a schema."""
    return {"$ref": _TEMPLATE.format(model=name)}


def array(of: Schema) -> Schema:
    """Describe an array."""
    return {"type": "array", "items": of}


def record(**properties: Schema) -> Schema:
    """Describe an object that has these members, and may have more."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def nullable(schema: Schema) -> Schema:
    """Allow null as well."""
    if "anyOf" in schema or "$ref" in schema:
        kinds = [kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
        return {"anyOf": [*kinds, {"type": "null"}]}
    allowed = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **allowed}


def schemas() -> dict[str, Schema]:
    """Return every schema by its name."""
    found = {**_of_answers(), **_of_requests(), "Mark": _MARK}
    return {name: _told(name, schema) for name, schema in sorted(found.items())}


def _of_answers() -> dict[str, Schema]:
    _, document = models_json_schema([(model, "serialization") for model in _SENT], ref_template=_TEMPLATE)
    found: dict[str, Schema] = {
        name: _without(schema, "title", "default") for name, schema in document["$defs"].items()
    }
    job = found["Job"]["properties"]
    job.update({row.wire: _said(job[row.wire]) for row in FIELDS if row.since is Since.OURS})
    found["Run"]["required"].remove("sentence")
    found["Run"]["properties"]["sentence"] = TEXT.copy()
    _in_both_spellings(found["JobStat"], RUN_DOCUMENTED)
    _in_both_spellings(found["KalaStats"], SERVER_DOCUMENTED)
    found["FieldProblem"]["required"] = list(found["FieldProblem"]["properties"])
    return found


def _said(schema: Schema) -> Schema:
    """Take null away: what the client's models read from any Kala, this one always says."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
    only: Schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {**only, "items": _said(only["items"])} if "items" in only else only


def _in_both_spellings(schema: Schema, documented: Mapping[str, str]) -> None:
    shipped = schema["properties"]
    schema["properties"] = shipped | {spelling: shipped[name] for spelling, name in documented.items()}
    schema["required"] = list(schema["properties"])


def _of_requests() -> dict[str, Schema]:
    spec = TypeAdapter(JobSpec).json_schema(ref_template=_TEMPLATE)
    fields = {**spec["properties"], "disabled": {"type": "boolean", "default": False}}
    fields = {FIELD[name].wire: _field(FIELD[name], schema) for name, schema in fields.items()}
    new: Schema = {
        "type": "object",
        "description": "What a client may say about a job; what it leaves out, or says null of, is as in Kala. "
        "Names match in any letter case, and unknown ones are passed over.",
        "properties": {**fields, "name": {**TEXT, **FIELD["name"].bounds}},
        "required": ["name"],
    }
    changes: Schema = {
        "type": "object",
        "description": "The fields that change (a JSON merge patch, RFC 7396); null gives a field its default. "
        "Of an object only the members change that are named; null removes one.",
        "properties": _without(new["properties"], "default"),
    }
    changes["properties"]["env"]["additionalProperties"] = nullable(TEXT)
    bulk = Bulk.model_json_schema(ref_template=_TEMPLATE)
    named = {
        **spec["$defs"],
        **bulk.pop("$defs"),
        "Bulk": bulk,
        "PauseRequest": PauseRequest.model_json_schema(),
        "RemoteCall": _call(spec["$defs"]["RemoteCall"]["properties"]),
    }
    return {
        name: _without(schema, "title")
        for name, schema in {**named, "NewJob": new, "JobChanges": changes}.items()
    }


def _call(fields: Mapping[str, Schema]) -> Schema:
    """Describe a call as `wire/requests.py` takes it: Go's client sends an empty one for a command."""
    fields = {
        **fields,
        "headers": {"type": "object", "additionalProperties": nullable(_HEADER_VALUES)},
        "timeout": {"type": "integer", "minimum": 0, "default": 0},
    }
    return {
        "type": "object",
        "description": "The HTTP call of a job of type 1.",
        "properties": {name: nullable(schema) for name, schema in fields.items()},
    }


def _field(row: Field, schema: Schema) -> Schema:
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    plain = {key: value for key, value in schema.items() if key != "default"}
    if row.kind is Kind.CHOICE:
        plain = {"anyOf": [*plain.get("anyOf", [plain]), {"const": ""}]}
    return nullable({**plain, **row.bounds}) | default | {"examples": [row.example]}


def _told(name: str, schema: Schema) -> Schema:
    """Say what each field means, in either spelling."""
    meanings = MEANINGS.get("NewJob" if name == "JobChanges" else name, {})
    for field, described in schema.get("properties", {}).items():
        meaning = meanings.get(field)
        if meaning:
            described["description"] = meaning
    return schema


def _without(schema: Mapping[str, Any], *names: str) -> Schema:
    """Drop keywords that say nothing here, at every depth; `title` and `default` are names of fields as well."""
    return {
        key: _inside(key, value, names)
        for key, value in schema.items()
        if key not in names or isinstance(value, dict)
    }


def _inside(key: str, value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return _without(value, *names)
    if isinstance(value, list) and key in {"anyOf", "allOf", "oneOf"}:
        return [_without(one, *names) for one in value]
    return value
