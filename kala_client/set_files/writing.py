"""A set as a TOML file that says it: read again, it is the same."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kala_client.set_files.filling import plain
from kala_client.set_files.said import IN_FILES
from kala_client.set_files.tables import FORMAT

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORTER = {field: name for name, field in IN_FILES.items()}


def written(name: str, jobs: Iterable[Mapping[str, Any]]) -> str:
    """Return the file of a set with these jobs, as `get_set` gives them."""
    return "\n".join([f"kala = {FORMAT}", f"set = {_text(name)}", *_tables(jobs), ""])


def _tables(jobs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for job in jobs:
        yield ""
        yield f"[job.{_key(job['key'])}]"
        for field, value in job.items():
            if field != "key" and value is not None:
                yield f"{_key(_SHORTER.get(field, field))} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, str):
        return _text(plain(value))
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        members = (f"{_key(name)} = {_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {', '.join(members)} }}"
    return json.dumps(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{_escaped(name)}"'


def _text(text: str) -> str:
    if "\n" in text:
        return '"""\n' + "\n".join(map(_escaped, text.split("\n"))) + '"""'
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Return what stands for a text between quotes: as in JSON, but that TOML takes no DEL."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007F")
