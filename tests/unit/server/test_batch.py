"""A batch is read job by job, and comes to what the whole document would."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.errors import InvalidJobError
from kala_server.core.model.job import JobSpec
from kala_server.wire.batch import jobs_in
from kala_server.wire.passed_over import PassedOver
from kala_server.wire.requests import read_job
from kala_server.wire.strict_json import BadJsonError

JOB = {"name": "a", "command": 'echo "[{,}]" \\ ä', "tags": ["x", "]"], "env": {"A": "}"}}


def read(body: bytes) -> Any:
    return [job for job in jobs_in(bytearray(body), PassedOver()) if job is not None]


@pytest.mark.parametrize(
    "body",
    [
        {"jobs": [JOB, {**JOB, "name": "b"}]},
        {"before": [[1, {"jobs": []}]], "jobs": [JOB], "after": "x", "number": -1.5e3, "nothing": None},
        {"jobs": []},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_members_in_any_order_and_any_white_space_are_taken(
    body: dict[str, Any], *, indent: int | None, ascii_only: bool
) -> None:
    written = f" \r\n\t{json.dumps(body, indent=indent, ensure_ascii=ascii_only)}\n "
    assert read(written.encode()) == [read_job(job) for job in body["jobs"]]


def test_a_name_may_be_written_with_escapes() -> None:
    assert read(b'{"j\\u006fbs": []}') == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"[1,", "line 1"),
        (b'{"jobs": [{}', ", belongs at line 1, column 13"),
        (b'{"jobs": [{"name": "a", "command": "b"}', "line 1, column 40"),
        (b'{"jobs": [{"name": "a", "command": "b"},]}', r"jobs\[1\]"),
        (b'{"jobs": [{"name": NaN}]}', r"jobs\[0\].name: NaN"),
        (b'{"jobs": [{"name": "a", "name": "b"}]}', "'name' is there twice"),
        (b'{"jobs": [], "jobs": []}', "'jobs' is there twice"),
        (b'{"jobs": [],}', "the name of a member"),
        (b'{"jobs": [] "x": 1}', ", belongs at line 1, column 13"),
        (b'{"jobs" []}', ": belongs"),
        (b'{\n"jobs": []} x', "the end of the document belongs at line 2, column 13"),
        (b'{"x": Infinity, "jobs": []}', "x: Infinity"),
        (b'{"x": \xff, "jobs": []}', "UTF-8"),
        (b'{"x": [}, "jobs": []}', "x: not JSON"),
        (b'{"jobs": ["' + b"x" * (1 << 20) + b'"]}', r"jobs\[0\] is larger than 1,048,576"),
        (b'{"x": "' + b"x" * (1 << 20) + b'", "jobs": []}', "x is larger than"),
        (b"9" * (2 << 20), "larger than"),
        (b'"' * (2 << 20), "an array of jobs belongs here"),
    ],
)
def test_what_is_no_json_is_refused_where_it_is(body: bytes, words: str) -> None:
    with pytest.raises((BadJsonError, InvalidJobError), match=words) as raised:
        read(body)
    assert len(str(raised.value)) < 200


@given(
    st.text(alphabet='{}[],:"\\ \nj1', max_size=12)
    | st.text(alphabet='{}[],:"\\ 1', max_size=8).map('{{"jobs": [{}]}}'.format)
)
def test_what_is_no_json_as_a_whole_is_none_in_parts(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises((BadJsonError, InvalidJobError)):
            read(text.encode())


TEXTS = [field.name for field in fields(JobSpec) if field.type is str]


@given(st.dictionaries(st.sampled_from(TEXTS), st.text() | st.integers(0, 1), max_size=5))
def test_a_job_of_texts_alone_is_what_it_is_beside_a_number(said: dict[str, Any]) -> None:
    assert come_to({**said, "retries": 0}) == come_to(said)


def come_to(said: dict[str, Any]) -> object:
    try:
        return read_job(said)
    except InvalidJobError as error:
        return [(problem.field, problem.message) for problem in error.problems]


NAMES = st.text(alphabet='\\"{}[],: \nä\u2603', min_size=1, max_size=8)


@given(
    st.lists(st.builds(lambda name, times: name * times, NAMES, st.integers(1, 4_000)), max_size=5),
    st.booleans(),
)
def test_escapes_end_no_text_wherever_the_document_is_cut(names: list[str], ascii_only: bool) -> None:
    jobs = [{"name": name, "command": "true"} for name in names]
    body = json.dumps({'\\"': names, "jobs": jobs}, ensure_ascii=ascii_only).encode()
    assert read(body) == [read_job(job) for job in jobs]
