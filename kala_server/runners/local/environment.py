"""What a command finds: a short list of the server's variables, what was named for it, and what its run is about.

A list of what is secret is never complete; so, as with cron and systemd, nothing is passed on but what is known to be
wanted. This module reads the environment and changes nothing in it but for `hide_secrets`.
"""

import os
import re
import resource
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from kala_server.ports.runner import Attempt
from kala_server.runners.local import inherited
from kala_server.runners.text import all_from_system

PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_*", "TZ", "TMPDIR")
"""Patterns of variables that every command gets where the server has them."""
ADVICE = (
    "of the server's environment a command gets little more than PATH and HOME, and the rest where it is named, "
    "in the job's env or with --pass-env"
)
"""For whoever finds a command missing."""

_SECRETS = frozenset({"KALA_TOKEN", "KALA_JOBDB_PASSWORD", "KALA_JOBDB_ADDRESS", "KALA_JOBDBADDRESS"})
"""They are the server's alone: no command gets them."""
_OF_THE_INTERPRETER = ("PYTHON*", "LD_*")
"""What a Python may need to start at all."""
_SET_BY_PYTHON = {"C.UTF-8", "C.utf8", "UTF-8"}
"""What LC_CTYPE becomes in a Python without a locale (PEP 538)."""

_USERINFO = re.compile(r"(?<=://)[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every command finds, whatever its job says."""

    variables: Mapping[str, str]
    open_files: int
    """The soft limit on descriptors."""
    mark: str = ""
    """Of the store whose server starts them; nothing where there is none."""


def surroundings(
    *, pass_env: Sequence[str] = (), url: str = "", open_files: int | None = None
) -> Surroundings:
    """Return what commands find that this process has started.

    `pass_env` are patterns of further variables; `url` is where the server answers, `open_files` the limit, where it is
    no longer this process's own.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Surroundings(passed_on(own(), pass_env, url=url), soft if open_files is None else open_files)


def passed_on(variables: Mapping[str, str], patterns: Sequence[str] = (), *, url: str = "") -> dict[str, str]:
    """Return those of a server's variables that its commands get; KALA_URL is its `url` where it has none."""
    passed = _matching(variables, (*PASSED_ON, *patterns))
    if url := bare(variables.get("KALA_URL", "")) or url:
        passed["KALA_URL"] = url
    return passed


def not_passed_on(patterns: Sequence[str] = ()) -> list[str]:
    """Return the names of this process's variables that its commands do not get."""
    variables = own()
    return sorted(variables.keys() - passed_on(variables, patterns).keys())


def for_interpreter(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a Python of ours: what commands get, and what this one needed itself."""
    return {**_matching(own(), _OF_THE_INTERPRETER), **variables}


def own() -> dict[str, str]:
    """Return the environment of this process, without what Python itself has put into it."""
    variables = all_from_system(os.environb.items())
    if variables.get("LC_CTYPE") in _SET_BY_PYTHON and b"\0LC_CTYPE=" not in b"\0" + inherited.at_exec():
        del variables["LC_CTYPE"]
    return variables


def hide_secrets() -> None:
    """Remove the secrets that we have read from the environment of this process, for whoever looks at that."""
    for name in _SECRETS:
        inherited.forget(name)
    url = os.environ.get("KALA_URL", "")
    if bare(url) != url:
        inherited.forget("KALA_URL")
        os.environ["KALA_URL"] = bare(url)


def bare(url: str) -> str:
    """Return an address, or several with commas in between, without the users and the passwords in them."""
    try:
        urlsplit(url)
    except ValueError:
        return ""
    return _USERINFO.sub("", url)


def _matching(variables: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    patterns = tuple(patterns)
    return {
        name: value
        for name, value in variables.items()
        if name not in _SECRETS and any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def variables_of(attempt: Attempt, mark: str = "") -> dict[str, str]:
    """Return what an attempt finds beside what all do: the job's own, the run's, and the mark of the store."""
    return {
        **attempt.spec.env,
        "KALA_JOB_ID": attempt.job_id,
        "KALA_JOB_NAME": attempt.spec.name.replace("\0", ""),
        "KALA_RUN_ID": attempt.run_id,
        "KALA_SCHEDULED_AT": attempt.scheduled_at.isoformat().replace("+00:00", "Z"),
        "KALA_ATTEMPT": str(attempt.number),
        **({"KALA_MARK": mark} if mark else {}),
    }
