"""What JSON may not be, so that it can be stored, and sent to any client again."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.wire import strict_json


def members(count: int) -> bytes:
    return json.dumps({str(number): "" for number in range(count)}).encode()


REFUSED = [
    (b"", "empty"),
    (b" \r\n\t", "empty"),
    (b"{nope", "line 1, column 2"),
    (b'{"a": 1,}', "column"),
    (b'{"a": 1} x', "column"),
    (b"{'a': 1}", "column"),
    (b'{"a": "line\nbreak"}', "control character"),
    (b'"\\x41"', "escape"),
    (b"\xff\xfe{}", "UTF-8 \\(byte 0\\)"),
    (b'{"a": "\xc0\x80"}', "UTF-8 \\(byte 7\\)"),
    (b"\xef\xbb\xbf{}", "BOM|column"),
    (b'{"a": NaN}', "NaN is no JSON number"),
    (b'{"a": Infinity}', "Infinity is no JSON number"),
    (b'{"a": -Infinity}', "-Infinity is no JSON number"),
    (b'{"a": 1e999}', "out of range: 1e999"),
    (b'{"a": -1e999}', "out of range: -1e999"),
    (b'{"a": 0.' + b"1" * 5_000 + b"}", "out of range"),
    (b'{"a": ' + b"9" * 5_000 + b"}", "cannot read: 99999999999999999999$"),
    (b'{"a": -' + b"9" * 5_000 + b"}", "beyond 64 bits"),
    (b"9223372036854775808", "beyond 64 bits"),
    (b"-9223372036854775808", "beyond 64 bits"),
    (b'"\\ud800"', "surrogate"),
    (b'{"\\ud800": 9223372036854775808}', "beyond 64 bits"),
    (b'{"a": {"\\udc00b": [1e999]}}', "out of range"),
    (b'{"\\ud800": NaN}', "no JSON number"),
    (b'{"\\ud800": 1, "\\ud800": 2}', "twice"),
    (b'"\\udc00\\ud800"', "surrogate"),
    (b'{"\\udfff": 1}', "surrogate"),
    (b'[[{"a": ["\\ud83d"]}]]', "surrogate"),
    (b'{"a": 1, "a": 2}', "'a' is there twice"),
    (b'{"a": 1, "\\u0061": 2}', "'a' is there twice"),
    (b'[{"env": {"b": 1, "b": 1}}]', "'b' is there twice"),
    (b"[" * 65 + b"]" * 65, "deeper than 64"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
    (b"[" * 100_000 + b"]" * 100_000, "deeper than 64"),
    (b'{"a":' * 100_000, "deeper than 64"),
    (b"[" + b"0," * 9_999 + b"0", "column"),
    (b"[" + b"0," * 10_000 + b"0]", "more than 10,000 elements"),
    (b"[],[]", "comma beside the document"),
    (b"[" + b"[],[0]," * 4_000 + b"0]", "more than 10,000 values"),
    (b'["a"' + b'"a"' * 300_000 + b"]", "more than 10,000 values"),
    (members(1_001), "more than 1,000 members"),
    (b'{"env": ' + members(1_001) + b"}", "more than 1,000 members"),
]
PLACES = [
    (b'{"a": [0, 1e999, 1, 1e999]}', "a[1]"),
    (b'{"retries": 99999999999999999999}', "retries"),
    (b'{"a": 1, "keep_runs": -1e999}', "keep_runs"),
    (b'{"remote_properties": {"timeout": NaN}}', "remote_properties.timeout"),
    (b'{"jobs": [{"retries": 1}, {"retries": Infinity}]}', "jobs[1].retries"),
    (b"[1, [99999999999999999999]]", "[1][0]"),
    (b"99999999999999999999", ""),
    (b'{"a": 99999999999999999999, "b": }', ""),
]
TAKEN: list[tuple[bytes, Any]] = [
    (b"null", None),
    (b" [1, -2.5, true]\n", [1, -2.5, True]),
    (b'{"a": {"b": [{}]}}', {"a": {"b": [{}]}}),
    (b'"\\ud83d\\ude00"', "😀"),
    ('"ä😀"'.encode(), "ä😀"),
    (b'"\\u0000"', "\0"),
    (b"1e-999", 0.0),
    (b"9223372036854775807", 2**63 - 1),
    (b"[" + b"0," * 9_999 + b"0]", [0] * 10_000),
    (members(1_000), {str(number): "" for number in range(1_000)}),
    (b"[" * 64 + b"1" + b"]" * 64, json.loads("[" * 64 + "1" + "]" * 64)),
]


@pytest.mark.parametrize(("body", "words"), REFUSED)
def test_what_is_unclear_or_hurts_elsewhere_is_refused_and_named(body: bytes, words: str) -> None:
    with pytest.raises(strict_json.BadJsonError, match=words) as raised:
        strict_json.loads(body)
    assert len(str(raised.value)) < 200
    assert f"{raised.value} {raised.value.field}".encode()  # as the answer is to be


@pytest.mark.parametrize(("body", "document"), TAKEN)
def test_good_json_is_taken_as_it_is(body: bytes, document: Any) -> None:
    assert strict_json.loads(body) == document


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # a lone surrogate is no character, so that no text of JSON can hold one
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abÄ", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_any_client_writes_is_read_as_it_was(value: Any, ascii_only: bool) -> None:
    assert strict_json.loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_as_bad_json(body: bytes) -> None:
    with contextlib.suppress(strict_json.BadJsonError):
        strict_json.loads(body)


def counted(body: bytes, piece: int, after: bytes) -> str:
    census = strict_json.Census()
    try:
        for begin in range(0, len(body), piece):
            census.count(body[begin : begin + piece])
        census.count(after)
    except strict_json.BadJsonError as error:
        return str(error)
    return str(census.values)


TOO_MUCH = (b"," * strict_json.MOST_ELEMENTS, b'""' * strict_json.MOST_VALUES)


@given(
    st.text(alphabet='{}[],:"\\\\x', max_size=40),
    st.integers(1, 7),
    st.sampled_from([b"", b'"', b']"', b"]]"]),
    st.sampled_from([b"", *(more[cut:] for more in TOO_MUCH for cut in range(4))]),
)
def test_where_a_body_is_cut_in_pieces_makes_no_difference_whatever_comes_then(
    text: str, piece: int, closing: bytes, after: bytes
) -> None:
    body = (text * 3).encode()
    assert counted(body, piece, closing + after) == counted(body, len(body) or 1, closing + after)


@given(VALUES)
def test_values_are_counted_and_never_too_few(value: Any) -> None:
    def size(one: Any) -> int:
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        return 1 + sum(map(size, inside))

    census = strict_json.Census()
    census.count(json.dumps(value).encode())
    assert size(value) - 1 <= census.values <= 2 * size(value)


@pytest.mark.parametrize(
    "unit", [b"[],", b"{},", b"0,", b'"a",', b"[[]],", b'{"a":[]},', b'"a"', b'"\\"', b"\\", b"[", b'{"a":']
)
@pytest.mark.parametrize("begin", [b"", b"[", b'{"jobs":[', b'{"jobs":[{"env":['])
def test_a_body_of_little_is_refused_before_much_of_it_is_there(begin: bytes, unit: bytes) -> None:
    body = begin + unit * ((1 << 20) // len(unit))
    census = strict_json.Census()
    taken = 0
    try:
        while taken < len(body):
            census.count(body[taken : taken + strict_json.PIECE])
            taken += strict_json.PIECE
    except strict_json.BadJsonError:
        assert taken < 16 * strict_json.PIECE
    else:  # it is one text to its end, which takes no more than its bytes
        assert unit in {b'"\\"', b"\\"}


@pytest.mark.parametrize(("body", "place"), PLACES)
def test_a_value_that_cannot_be_taken_is_told_with_its_place(body: bytes, place: str) -> None:
    with pytest.raises(strict_json.BadJsonError) as raised:
        strict_json.loads(body)
    assert raised.value.field == place
    assert str(raised.value).startswith(f"{place}: " if place else "")
