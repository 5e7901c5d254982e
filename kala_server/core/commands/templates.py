"""Templates as the newest Kala has them: the fields of a job, filled into its command or its call when it runs.

There they are Go's text/template with the job as data. Here a field is filled in, such as `{{.Name}}`, and whatever
else such a template can do is refused. What is filled in is text: a command is split into words after that, as in Kala.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from kala_server.core.model.job import HTTP_CALL, NOTHING_YET, JobSpec, Tally

MOST_FIELDS = 1_000
LONGEST = 1 << 20
"""Characters of all that is filled in, beside what is there: else a text within itself would be of any length."""

OF_SPEC = (
    "name", "command", "owner", "parent_jobs", "on_failure_job", "schedule", "retries", "epsilon",
    "template_delimiters", "resume_at_next_scheduled_time", "type", "remote_properties",
)  # fmt: skip
"""What a template can tell of what the owner said."""
_A_FIELD = re.compile(r"\s*\.([A-Za-z]+(?:\.[A-Za-z]+)*)\s*")
_A_PAIR = "two delimiters with a space between belong here, such as '{{ }}'"


class TemplateError(ValueError):
    """A template that cannot be filled in: `field` is where, the message says why and what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def filled(spec: JobSpec, job_id: str, *, disabled: bool = False, tally: Tally = NOTHING_YET) -> JobSpec:
    """Return what is to run. Raises TemplateError."""
    if not spec.template_delimiters:
        return spec
    left, _, right = spec.template_delimiters.partition(" ")
    if not left or not right or " " in right:
        raise TemplateError("TemplateDelimiters", _A_PAIR)
    fill = _Filling(left, right, _values(spec, job_id, disabled, tally)).text
    if spec.type != HTTP_CALL:
        return replace(spec, command=fill("command", spec.command))
    call = spec.remote_properties
    if call is None:
        return spec
    in_the_call = _within("remote_properties", fill)
    headers = {
        name: in_the_call(value) if isinstance(value, str) else tuple(map(in_the_call, value))
        for name, value in call.headers.items()
    }
    call = replace(call, url=in_the_call(call.url), body=in_the_call(call.body), headers=headers)
    return replace(spec, remote_properties=call)


def _within(where: str, fill: Callable[[str, str], str]) -> Callable[[str], str]:
    return lambda text: fill(where, text)


def _values(spec: JobSpec, job_id: str, disabled: bool, tally: Tally) -> dict[str, str]:  # noqa: FBT001
    """Return each field by the name that it has in Kala, as Go prints it."""
    values: dict[str, object] = {
        "Name": spec.name,
        "Id": job_id,
        "Command": spec.command,
        "Owner": spec.owner,
        "Disabled": disabled,
        "ParentJobs": spec.parent_jobs,
        "OnFailureJob": spec.on_failure_job,
        "Schedule": spec.schedule,
        "Retries": spec.retries,
        "Epsilon": spec.epsilon,
        "TemplateDelimiters": spec.template_delimiters,
        "ResumeAtNextScheduledTime": spec.resume_at_next_scheduled_time,
        "JobType": spec.type,
        "Metadata.SuccessCount": tally.success_count,
        "Metadata.ErrorCount": tally.error_count,
        "Metadata.NumberOfFinishedRuns": tally.finished_runs,
    }
    if (call := spec.remote_properties) is not None:
        values |= {
            "RemoteProperties.Url": call.url,
            "RemoteProperties.Method": call.method,
            "RemoteProperties.Body": call.body,
            "RemoteProperties.Timeout": int(call.timeout),
        }
    return {name: _printed(value) for name, value in values.items()}


def _printed(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{' '.join(value)}]" if isinstance(value, tuple) else str(value)


@dataclass(slots=True)
class _Filling:
    """Fills in the texts of one job; they share what they may grow by."""

    left: str
    right: str
    values: Mapping[str, str]
    room: int = LONGEST
    fields: int = field(default=MOST_FIELDS)

    def text(self, where: str, template: str) -> str:
        """Return the template with its fields filled in. Raises TemplateError."""
        parts, at = [], 0
        while (begin := template.find(self.left, at)) >= 0:
            end = template.find(self.right, begin + len(self.left))
            if end < 0:
                raise TemplateError(where, f"a {self.left} has no {self.right} after it")
            parts += [template[at:begin], self._value(where, template[begin + len(self.left) : end])]
            at = end + len(self.right)
        return "".join((*parts, template[at:]))

    def _value(self, where: str, action: str) -> str:
        found = _A_FIELD.fullmatch(action)
        value = self.values.get(found[1]) if found else None
        if value is None:
            shown = f"{self.left}{action}{self.right}" if len(action) <= 40 else f"{self.left}{action[:40]}…"
            known = ", ".join(f".{name}" for name in self.values)
            raise TemplateError(
                where, f"{shown} cannot be filled in: of a template only these fields are known here: {known}"
            )
        self.fields -= 1
        self.room -= len(value)
        if self.fields < 0 or self.room < 0:
            raise TemplateError(
                where, f"up to {MOST_FIELDS:,} fields with {LONGEST:,} characters in all can be filled in"
            )
        return value
