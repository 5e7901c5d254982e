"""Requests made harmless: whatever is generated, no job runs more than `true` or calls more than the server itself.

It also makes some of them sensible: texts that mean something, ids that exist. Random ones would nearly all be refused
at the first look, and what lies behind would never be tried.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

NOW_AND_THEN = 4
"""One in so many is left as it was generated."""

_SCHEDULES = [
    "",
    "never",
    "R2/2035-06-04T19:25:16Z/PT10S",
    "R/2035-01-31T00:00:00Z/P1M",
    "*/5 * * * *",
    "0 0 29 2 *",
]
_DURATIONS = ["", "PT0S", "PT5S", "P1M", "PT0.5S"]
_SENSIBLE: dict[str, Sequence[str]] = {
    "schedule": _SCHEDULES,
    "timezone": ["", "Europe/Berlin", "America/St_Johns", "UTC"],
    "epsilon": _DURATIONS,
    "misfire_grace": _DURATIONS,
    "timeout": _DURATIONS,
    "retry_delay": _DURATIONS,
    "on_failure_job": [""],
    "at": [
        "2035-06-04T19:25:16Z",
        "2035-06-04T21:25:00+02:00",
        "0001-01-03T00:00:00Z",
        "9999-12-29T00:00:00Z",
    ],
    "limit": ["1", "2", "100"],
    "count": ["1", "7", "1000"],
    "state": ["running", "active", "done", "skipped"],
    "Range": ["bytes=0-", "bytes=-1", "bytes=1-0", "bytes=5-9", "bytes=9-"],
}


def dice(*thrown: Any) -> int:
    """Return a number that is 0 now and then, the same for the same case."""
    return crc32(repr(thrown).encode()) % NOW_AND_THEN


def sensible(name: str, value: Any, seed: bytes) -> Any:
    """Return a text that means something there, unless it is to stay or is of another kind altogether."""
    choices = _SENSIBLE.get(name, ())
    if not choices or not isinstance(value, str) or not dice(seed, name):
        return value
    return choices[crc32(seed + name.encode()) % len(choices)]


def job(said: Any, url: str) -> Any:
    """Return what a request says about a job so that nothing comes of it. Names match in any letter case."""
    if not isinstance(said, dict):
        return said
    seed = repr(said).encode()
    tame = {key: _field(key.lower(), sensible(key, value, seed), url, seed) for key, value in said.items()}
    if not dice(seed, "forgets"):
        tame["retry"] = 5
    return tame | _something_to_run(tame, url) if dice(seed, "runs") else tame


def _something_to_run(said: dict[str, Any], url: str) -> dict[str, Any]:
    """Return what makes a whole job of it, where only that is missing."""
    command, argv, call = (said.get(name) for name in ("command", "argv", "remote_properties"))
    if said.get("type", 0) == 1:
        return {"remote_properties": {**call, "url": f"{url}/healthz"}} if isinstance(call, dict) else {}
    if isinstance(argv, list) and command is None:
        return {}
    return {"command": "true", "argv": None} if isinstance(command, str | None) else {}


def _field(name: str, value: Any, url: str, seed: bytes) -> Any:
    if name == "command" and isinstance(value, str) and value.strip():
        return "true"
    if name == "argv" and isinstance(value, list) and value:
        return ["true", *value[1:]]
    if name == "user" and isinstance(value, str):
        return ""
    if name == "cwd" and isinstance(value, str) and value.startswith("/"):
        return "/"
    if name == "parent_jobs" and isinstance(value, list) and dice(seed, name):
        return []
    if name == "remote_properties" and isinstance(value, dict):
        return {key: _call_field(key.lower(), part, url) for key, part in value.items()}
    return value


def _call_field(name: str, value: Any, url: str) -> Any:
    return f"{url}/healthz" if name == "url" and isinstance(value, str) and value else value


def body(said: Any, url: str) -> Any:
    """Return the body of any request so that nothing comes of it."""
    if isinstance(said, dict) and isinstance(said.get("jobs"), list):
        return {**said, "jobs": [job(one, url) for one in said["jobs"]]}
    return job(said, url)


def parameters(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a query or headers: sensible ones, and no stream without an end."""
    said = {} if said is None else dict(said)
    seed = repr(sorted(said.items(), key=str)).encode()
    return {name: sensible(name, value, seed) for name, value in said.items() if name != "follow"}
