"""The lines of the journal: what is written comes back, and what is not what was written is noticed."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.model.job import JobSpec
from kala_server.core.model.records import JobCreated, Record, RunStarted
from kala_server.stores.journal.codec import Line, SnapshotEnded, decode, encode, frame, heads, parse

AT = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
GOLDEN = (
    b'{"v":1,"seq":7,"batch":3,"left":1,"crc":"bc69061f","type":"job_created","data":{"id":"a",'
    b'"at":"2024-02-29T23:59:59.123456Z","spec":{"name":"nightly \xe2\x98\x95","env":{"A":"\\"{\\u0000"}}}}\n'
    b'{"v":1,"seq":8,"batch":3,"left":0,"crc":"bf76b857","type":"run_started",'
    b'"data":{"run_id":"r","at":"2024-02-29T23:59:59.123456Z"}}\n'
)
RECORDS: list[Record] = [
    JobCreated(id="a", at=AT, spec=JobSpec(name="nightly ☕", env={"A": '"{\0'})),
    RunStarted(run_id="r", at=AT),
]
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"])),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
    NoneType: st.none(),
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Every value that the annotation allows; instants are UTC, as everywhere in the server."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{each.name: any_of(hints[each.name]) for each in fields(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    arguments = get_args(hint)
    if get_origin(hint) is UnionType:
        return st.one_of(*map(any_of, arguments))
    if get_origin(hint) is tuple:
        return st.lists(any_of(arguments[0]), max_size=4).map(tuple)
    assert get_origin(hint) is Mapping
    return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=4)


@pytest.mark.parametrize("record_class", [*get_args(Record), SnapshotEnded])
def test_every_kind_of_record_comes_back_as_it_was(record_class: type) -> None:
    @given(any_of(record_class))
    def comes_back(record: Any) -> None:
        payload = encode(record)
        line = parse(frame([payload], seq=1, batch=1))
        assert line is not None
        assert decode(line.kind, line.data) == record
        json.loads(line.data)

    comes_back()


def test_the_format_of_version_1_is_what_it_was() -> None:
    """If this fails, journals out there are no longer read: raise the version and read both."""
    assert frame([encode(record) for record in RECORDS], seq=7, batch=3) == GOLDEN
    lines = [parse(raw) for raw in GOLDEN.splitlines(keepends=True)]
    assert [decode(line.kind, line.data) for line in lines if line] == RECORDS


def test_a_line_is_json() -> None:
    first = json.loads(GOLDEN.splitlines()[0])
    assert list(first) == ["v", "seq", "batch", "left", "crc", "type", "data"]
    assert (first["seq"], first["batch"], first["left"]) == (7, 3, 1)


def test_no_changed_bit_passes() -> None:
    line = GOLDEN.splitlines(keepends=True)[0]
    for position in range(len(line) * 8):
        changed = bytearray(line)
        changed[position // 8] ^= 1 << position % 8
        assert parse(bytes(changed)) is None


def test_a_line_without_its_newline_does_not_pass() -> None:
    line = GOLDEN.splitlines(keepends=True)[0]
    assert parse(line) == Line(7, 3, 1, "job_created", line.partition(b'"data":')[2][:-2])
    assert parse(line[:-1]) is None


def test_heads_are_found_in_the_middle_of_a_damaged_line() -> None:
    assert [(head.batch, head.left) for head in heads(GOLDEN.replace(b"\n", b" "))] == [(3, 1), (3, 0)]


def test_the_text_of_a_job_is_not_taken_for_a_head() -> None:
    text = GOLDEN.decode()
    line = frame(
        [encode(JobCreated(id="a", at=AT, spec=JobSpec(name=text, env={text: text})))], seq=1, batch=1
    )
    assert len(heads(line)) == 1


def test_half_a_surrogate_pair_is_refused_before_anything_is_written() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode(RunStarted(run_id="\ud800", at=AT))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("run_dreamt", b"{}", "no kind of record named run_dreamt"),
        ("run_started", b"null", "cannot be null"),
        ("run_started", b'{"run_id":"r"}', "at"),
        ("run_started", b'{"run_id":"r","at":"2024-02-29T00:00:00Z","mood":1}', "mood"),
    ],
)
def test_what_this_version_does_not_know_is_an_error(name: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(name, data)


def test_an_error_does_not_show_what_a_record_holds() -> None:
    with pytest.raises(ValueError) as caught:
        decode("job_created", b'{"id":"a","spec":{"name":"a","env":{"PASSWORD":["hunter2"]}}}')
    assert "hunter2" not in str(caught.value)


def test_a_header_is_read_as_it_was_kept_before_it_could_have_several_values() -> None:
    data = (
        b'{"id":"a","at":"2024-02-29T23:59:59.123456Z",'
        b'"spec":{"name":"a","remote_properties":{"url":"http://x/","headers":{"A":"1, 2","B":["1","2"]}}}}'
    )
    record = decode("job_created", data)
    assert isinstance(record, JobCreated)
    assert record.spec.remote_properties
    assert list(record.spec.remote_properties.header_lines()) == [("A", "1, 2"), ("B", "1"), ("B", "2")]
