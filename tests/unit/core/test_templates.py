"""Fields of a job, filled into its command or its call as in the newest Kala; any other template is refused."""

from dataclasses import replace
from typing import Any

import pytest

from kala_server.core.commands import templates
from kala_server.core.commands.templates import TemplateError, filled
from kala_server.core.decide.validation import check_job
from kala_server.core.errors import InvalidJobError
from kala_server.core.model.job import HTTP_CALL, JobSpec, RemoteCall, Tally
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from tests.unit.core.simulation import World

BRACES = "{{ }}"
TALLY = Tally(success_count=3, error_count=2, finished_runs=5)
SPEC = JobSpec(
    name="nightly",
    owner="ops@example.com",
    schedule="R/2035-06-04T03:00:00Z/P1D",
    retries=2,
    epsilon="PT5S",
    parent_jobs=("a", "b"),
    on_failure_job="c",
    template_delimiters=BRACES,
)


def command(template: str, delimiters: str = BRACES, **fields: Any) -> str:
    spec = replace(SPEC, command=template, template_delimiters=delimiters, **fields)
    return filled(spec, "an-id", tally=TALLY).command


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("echo {{.Name}}", "echo nightly"),
        ("echo {{ .Name }}{{\t.Owner\n}}", "echo nightlyops@example.com"),
        ("{{.Id}}", "an-id"),
        ("{{.Retries}} {{.Epsilon}} {{.JobType}}", "2 PT5S 0"),
        ("{{.Schedule}}", "R/2035-06-04T03:00:00Z/P1D"),
        ("{{.ParentJobs}} {{.OnFailureJob}}", "[a b] c"),
        ("{{.Disabled}} {{.ResumeAtNextScheduledTime}}", "false false"),
        ("{{.Metadata.SuccessCount}} {{.Metadata.ErrorCount}}", "3 2"),
        ("{{.Metadata.NumberOfFinishedRuns}}", "5"),
        ("{{.TemplateDelimiters}}", BRACES),
        ("echo {{.Command}}", "echo echo {{.Command}}"),
        ("no field } }} { here", "no field } }} { here"),
    ],
)
def test_a_field_is_filled_in_as_go_prints_it(template: str, text: str) -> None:
    assert command(template) == text


@pytest.mark.parametrize(
    ("delimiters", "template"),
    [("${ }", "${.Name}"), ("< >", "<.Name>"), ("% %", "%.Name%"), ("[[ ]]", "[[.Name]]")],
)
def test_delimiters_are_what_the_job_says(delimiters: str, template: str) -> None:
    assert command(template, delimiters) == "nightly"


def test_without_delimiters_nothing_is_filled_in() -> None:
    assert command("echo {{.Name}} {{if}}", "") == "echo {{.Name}} {{if}}"


def test_a_call_is_filled_in_where_texts_of_it_are_sent() -> None:
    call = RemoteCall(
        url="http://x/{{.Name}}",
        body="{{.RemoteProperties.Url}} {{.RemoteProperties.Method}} {{.RemoteProperties.Timeout}}",
        headers={"{{.Name}}": "{{.Owner}}", "X": ("{{.Id}}", "1")},
        timeout=5.0,
    )
    spec = replace(SPEC, command="{{if", type=HTTP_CALL, remote_properties=call)
    sent = filled(spec, "an-id").remote_properties
    assert sent == RemoteCall(
        url="http://x/nightly",
        body="http://x/{{.Name}} GET 5",
        headers={"{{.Name}}": "ops@example.com", "X": ("an-id", "1")},
        timeout=5.0,
    )


OTHERS = [
    "{{if .Name}}a{{end}}",
    "{{range .ParentJobs}}{{.}}{{end}}",
    "{{.Name | printf}}",
    "{{.}}",
    "{{}}",
    "{{.name}}",
    "{{.Nonsense}}",
    "{{Name}}",
    "{{.Metadata}}",
    "{{.RemoteProperties.Url}}",
    "{{- .Name -}}",
    "{{/* a comment */}}",
    '{{"}}"}}',
    "{{.Name",
    "{{.Name}} {{",
]


@pytest.mark.parametrize("template", OTHERS)
def test_any_other_template_is_refused_when_the_job_is_created(template: str) -> None:
    spec = JobSpec(name="a", command=f"echo {template}", template_delimiters=BRACES)
    with pytest.raises(
        InvalidJobError, match=r"^command: (.* cannot be filled in: .*\.Name, |a \{\{ has no)"
    ):
        to_the_end(check_job(State(), "an-id", spec))
    call = RemoteCall(url="http://x/", body=template.replace("RemoteProperties.Url", "NextRunAt"))
    spec = JobSpec(name="a", type=HTTP_CALL, remote_properties=call, template_delimiters=BRACES)
    with pytest.raises(InvalidJobError, match=r"^remote_properties: "):
        to_the_end(check_job(State(), "an-id", spec))


@pytest.mark.parametrize("wrong", ["{{", "{{}}", "{{  }}", " }}", "{{ ", "{{ }} ", "a b c"])
def test_what_are_no_two_delimiters_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidJobError, match=r"^TemplateDelimiters: two delimiters with a space between"):
        to_the_end(check_job(State(), "an-id", JobSpec(name="a", command="true", template_delimiters=wrong)))


def test_what_a_template_comes_to_is_checked_and_words_are_split_after_it() -> None:
    to_the_end(
        check_job(State(), "an-id", JobSpec(name="date -u", command="{{.Name}}", template_delimiters=BRACES))
    )
    with pytest.raises(InvalidJobError, match="means something to a shell only"):
        to_the_end(
            check_job(
                State(), "an-id", JobSpec(name="a | b", command="echo {{.Name}}", template_delimiters=BRACES)
            )
        )
    to_the_end(
        check_job(
            State(), "an-id", JobSpec(name="a | b", command="echo '{{.Name}}'", template_delimiters=BRACES)
        )
    )
    call = RemoteCall(url="{{.Owner}}://x/")
    for owner, right in (("http", True), ("gopher", False)):
        spec = JobSpec(
            name="a", owner=owner, type=HTTP_CALL, remote_properties=call, template_delimiters=BRACES
        )
        if right:
            to_the_end(check_job(State(), "an-id", spec))
        else:
            with pytest.raises(InvalidJobError, match="needs a url"):
                to_the_end(check_job(State(), "an-id", spec))


def test_a_change_of_what_is_filled_in_is_checked_as_the_command_is() -> None:
    world = World()
    fields: dict[str, Any] = {
        "command": "echo {{.Owner}}",
        "template_delimiters": BRACES,
        "schedule": "never",
    }
    world.create("job", owner="me", **fields)
    with pytest.raises(InvalidJobError, match="means something to a shell only"):
        world.change("job", owner="me | you", **fields)


@pytest.mark.parametrize(
    "template",
    ["{{.Command}}" + "x" * 2_000 + "{{.Command}}" * 900, "{{.Id}}" * (templates.MOST_FIELDS + 1)],
)
def test_a_text_within_itself_has_its_bound(template: str) -> None:
    with pytest.raises(TemplateError, match="up to 1,000 fields with 1,048,576 characters in all"):
        command(template)


def test_a_call_that_is_not_there_is_left_as_it_is() -> None:
    spec = JobSpec(name="call", type=HTTP_CALL, template_delimiters=BRACES)
    assert filled(spec, "job", disabled=False, tally=TALLY) is spec
