"""Whether a job can be accepted: every field that is wrong, what is wrong with it, and what would be right.

The shape (a number where a number belongs) is checked where the request is read; here it is about the meaning.
Bounds of numbers, and what would be right, stand in the rows of `kala_client/fields.py`.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter

from kala_client.fields import FIELD, FIELDS, Field, Kind
from kala_client.schedules.due import example_for
from kala_client.schedules.schedule import Period
from kala_server.core.commands import http_calls, kernel, runnable, shell_words, templates
from kala_server.core.decide.followers import would_start_itself
from kala_server.core.decide.slots import ON_TIME
from kala_server.core.errors import MOST_TOLD, FieldProblem, InvalidJobError
from kala_server.core.model.job import COMMAND, HTTP_CALL, JobSpec
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.cron import Cron
from kala_server.core.time.occurrences import Never, read, read_stored, start_of
from kala_server.core.time.zones import zone_of

_NO_USER = re.compile(r"[\0\n:/]")
_QUEUE = re.compile(FIELD["queue"].bounds["pattern"], re.ASCII)
_LONGEST_NAME = kernel.LONGEST_WORD - len("KALA_JOB_NAME=")
_TEMPLATES = {
    "command": "echo {{.Name}}",
    "remote_properties": {"url": "https://example.com/{{.Name}}"},
    "TemplateDelimiters": FIELD["template_delimiters"].example,
}

Rule = Callable[[State, str, JobSpec], Iterator[FieldProblem | None]]
"""Says what is wrong with a job under an id; None is a step on the way."""


def check_job(
    state: State, job_id: str, spec: JobSpec, *, begins: bool = True, among_others: bool = True
) -> Steps[None]:
    """Raise InvalidJobError, step by step, where the job cannot be accepted under this id.

    `among_others` says whether it is also asked what the jobs are that it names. What the job says already was
    accepted by the rules of then, and is nobody's mistake: it is not asked again, but for its schedule where that
    `begins` with this.
    """
    known = state.jobs.get(job_id)
    before = known.spec if known else _NOTHING
    asked: list[Rule] = [_about_what_runs] if _what_runs(spec) != _what_runs(before) else []
    # To look at each of the others takes longer, and most new jobs say nothing of them.
    if _beside(spec) != _beside(before):
        rules = _RULES if among_others else _RULES_BY_ITSELF
        asked += [rule for said, rule in rules if said(spec) != said(before)]
    if begins:
        asked.append(_about_the_schedule)
    yield from _refuse(rule(state, job_id, spec) for rule in asked)


def _refuse(problems: Iterable[Iterator[FieldProblem | None]]) -> Steps[None]:
    """Raise InvalidJobError where there are any."""
    told: list[FieldProblem] = []
    for problem in chain.from_iterable(problems):
        if problem is None:
            yield
        elif len(told) < MOST_TOLD:
            told.append(problem)
        else:
            break
    if told:
        raise InvalidJobError(told)


def check_among_others(state: State, job_id: str) -> Steps[None]:
    """Raise InvalidJobError where a job that is there names one that is not, or would start itself."""
    yield from _refuse(rule(state, job_id, state.jobs[job_id].spec) for _, rule in _AMONG_OTHERS)


def new_job(
    state: State, job_id: str, spec: JobSpec, now: datetime, asked_at: datetime | None = None
) -> Steps[datetime | None]:
    """Return the first slot of a job that is to be created. Raises InvalidJobError where it cannot be.

    Where this was asked before, at that time, it is asked no more what the job says by itself.
    """
    if asked_at is None:
        yield from check_job(state, job_id, spec)
    elif spec.parent_jobs or spec.on_failure_job:
        yield from _refuse(rule(state, job_id, spec) for _, rule in _AMONG_OTHERS)
    return first_slot(spec, now, asked_at or now)


_NOTHING = JobSpec(name="\0")
"""What a new job said before: its name is none, so that whatever it has is asked about."""


def first_slot(spec: JobSpec, now: datetime, asked_at: datetime) -> datetime | None:
    """Return the first slot of a checked job. Raises InvalidJobError where it lies in the past, as Kala does.

    It may have passed while the request was on its way, or while it was worked on: then it is late, but not missed.
    """
    if not spec.schedule:
        return None if spec.parent_jobs else now
    timetable = read_stored(spec.schedule, spec.timezone)
    if isinstance(timetable, Never):
        return None
    start = timetable.next_after(now) if isinstance(timetable, Cron) else start_of(timetable)
    if start is None:
        raise InvalidJobError([FieldProblem("schedule", "it is never due", example_for(spec.schedule))])
    if start <= asked_at - ON_TIME:
        passed = (
            f"its START {_written(start)} has passed (it is {_written(asked_at)}); name one in the future"
        )
        raise InvalidJobError([_problem("schedule", passed)])
    return start


def _written(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _problem(field: str, message: str) -> FieldProblem:
    return FieldProblem(field, message, FIELD[field].example)


def _about_what_runs(_state: State, job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    try:
        spec = templates.filled(spec, job_id)
    except templates.TemplateError as error:
        yield FieldProblem(error.field, str(error), _TEMPLATES[error.field])
        return
    if not spec.name.strip():
        yield _problem("name", "a job needs a name")
    if spec.type == HTTP_CALL:
        yield from _about_the_call(spec)
    elif spec.type != COMMAND:
        yield _problem("type", f"there is no type {spec.type}: 0 is a command, 1 an HTTP call")
    else:
        yield from _about_the_command(spec)
        if kernel.size(spec.name) > _LONGEST_NAME:
            message = (
                f"a name of more than {_LONGEST_NAME:,} bytes cannot be given to the command as KALA_JOB_NAME"
            )
            yield _problem("name", message)


def _about_the_command(spec: JobSpec) -> Iterator[FieldProblem]:
    if spec.argv and spec.command:
        yield _problem("argv", "a job has either a command or an argv")
    elif spec.argv:
        yield from _about(lambda: runnable.check_argv(spec.argv), "argv")
    elif not spec.command.strip():
        yield _problem("command", "a job needs a command")
    elif spec.shell:
        yield from _about(lambda: runnable.check_shell_text(spec.command), "command")
    else:
        known = {**spec.env, "KALA_JOB_NAME": spec.name}
        yield from _about(lambda: shell_words.check_command(spec.command, known), "command")


def _about_variables(_state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    for name, value in spec.env.items():
        if not name or "=" in name or "\0" in name + value:
            yield _problem("env", f"{name!r} cannot be the name of a variable")
    sizes = [kernel.size(f"{name}={value}") for name, value in spec.env.items()]
    if max(sizes, default=0) > kernel.LONGEST_WORD or kernel.taken(sizes) > kernel.MOST_IN_ALL:
        most = f"{kernel.LONGEST_WORD:,} bytes, all of them {kernel.MOST_IN_ALL:,}"
        yield _problem("env", f"a variable with its name has up to {most}")


def _about_whose_it_is(_state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    if spec.cwd and ("\0" in spec.cwd or not spec.cwd.startswith("/")):
        yield _problem("cwd", "the directory must be an absolute path")
    elif not kernel.is_a_path(spec.cwd):
        most = f"{kernel.LONGEST_PATH:,} bytes, each name in it {kernel.LONGEST_NAME}"
        yield _problem("cwd", f"a path has up to {most}")
    if _NO_USER.search(spec.user):
        yield _problem("user", "no user has a name with NUL, a line break, a colon or a slash")
    elif kernel.size(spec.user) > kernel.LONGEST_NAME:
        yield _problem("user", f"the name of a user has up to {kernel.LONGEST_NAME} bytes")


def _about_the_queue(_state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    if not _QUEUE.fullmatch(spec.queue):
        yield _problem("queue", "the name of a queue has up to 40 of A-Z, a-z, 0-9 and . _ -")


def _about_the_call(spec: JobSpec) -> Iterator[FieldProblem]:
    for message in http_calls.wrong_in(spec.remote_properties):
        yield _problem("remote_properties", message)


def _about_a_duration(row: Field) -> Rule:
    def wrong(_state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
        text = getattr(spec, row.name)
        if not text:
            return
        try:
            duration = _duration(text)
        except ValueError as error:
            yield _problem(row.name, str(error))
            return
        if row.refusal and duration.is_zero:
            message = f"a duration of zero {row.refusal}; leave it out where there is to be none"
            yield _problem(row.name, message)

    return wrong


@lru_cache(maxsize=1024)
def _duration(text: str) -> Period:
    """Read a duration; many jobs have the same."""
    return Period.parse(text)


def _about_a_number(row: Field) -> Rule:
    least, most = row.bounds["minimum"], row.bounds.get("maximum", sys.float_info.max)

    def wrong(_state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
        if not least <= getattr(spec, row.name) <= most:
            yield _problem(row.name, row.refusal)

    return wrong


def _about_the_schedule(_state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    timezone = spec.timezone
    try:
        zone_of(timezone)
    except ValueError as error:
        yield _problem("timezone", str(error))
        timezone = ""
    if spec.schedule:
        try:
            read(spec.schedule, timezone)
        except ValueError as error:
            yield FieldProblem("schedule", str(error), example_for(spec.schedule))


def _about_parents(state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    for parent_id in spec.parent_jobs:
        if parent_id not in state.jobs:
            yield _problem("parent_jobs", f"there is no job with the id {parent_id!r}")
    if len(set(spec.parent_jobs)) < len(spec.parent_jobs):
        yield _problem("parent_jobs", "a parent can be named only once")


def _about_the_one_for_failure(state: State, _job_id: str, spec: JobSpec) -> Iterator[FieldProblem]:
    if spec.on_failure_job and spec.on_failure_job not in state.jobs:
        yield _problem("on_failure_job", f"there is no job with the id {spec.on_failure_job!r}")


def _about_circles(state: State, job_id: str, spec: JobSpec) -> Iterator[FieldProblem | None]:
    if not (yield from would_start_itself(state, job_id, spec)):
        return
    again = "the job would start itself again and again, by way of"
    if (yield from would_start_itself(state, job_id, replace(spec, on_failure_job=""))):
        yield _problem("parent_jobs", f"{again} its parents")
    else:
        yield _problem("on_failure_job", f"{again} the job for its failure")


def _about(read_it: Callable[[], object], field: str) -> Iterator[FieldProblem]:
    """Say what is wrong where reading the field raises a ValueError."""
    try:
        read_it()
    except ValueError as error:
        yield _problem(field, str(error))


_WHAT_RUNS = ("name", "command", "env", "argv", "shell", "type", "remote_properties", "template_delimiters")
_said_of_what_runs = attrgetter(*_WHAT_RUNS)
_said_in_templates = attrgetter(*_WHAT_RUNS, *templates.OF_SPEC)


def _what_runs(spec: JobSpec) -> object:
    """Return what that rule is about: of a template it is asked what it comes to."""
    return (_said_in_templates if spec.template_delimiters else _said_of_what_runs)(spec)


_AMONG_OTHERS: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("parent_jobs",), _about_parents),
    (("on_failure_job",), _about_the_one_for_failure),
    (("parent_jobs", "on_failure_job"), _about_circles),
)
"""What may be otherwise an instant later."""
_BESIDE: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("env",), _about_variables),
    (("cwd", "user"), _about_whose_it_is),
    (("queue",), _about_the_queue),
    *(((row.name,), _about_a_duration(row)) for row in FIELDS if row.kind is Kind.DURATION),
    *(((row.name,), _about_a_number(row)) for row in FIELDS if "minimum" in row.bounds),
    *_AMONG_OTHERS,
)
"""What each rule is about, beside what runs and when: it is asked where that says something new."""
_RULES = tuple((attrgetter(*names), rule) for names, rule in _BESIDE)
_RULES_BY_ITSELF = _RULES[: -len(_AMONG_OTHERS)]
_beside = attrgetter(*dict.fromkeys(chain.from_iterable(names for names, _ in _BESIDE)))
