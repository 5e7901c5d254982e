"""Merge patches: the examples of RFC 7396, and an oracle that works on single values instead of documents."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.wire.merge_patch import merge_patch

# RFC 7396, Appendix A: the document, the patch, the result.
EXAMPLES = """
{"a":"b"}           {"a":"c"}                   {"a":"c"}
{"a":"b"}           {"b":"c"}                   {"a":"b","b":"c"}
{"a":"b"}           {"a":null}                  {}
{"a":"b","b":"c"}   {"a":null}                  {"b":"c"}
{"a":["b"]}         {"a":"c"}                   {"a":"c"}
{"a":"c"}           {"a":["b"]}                 {"a":["b"]}
{"a":{"b":"c"}}     {"a":{"b":"d","c":null}}    {"a":{"b":"d"}}
{"a":[{"b":"c"}]}   {"a":[1]}                   {"a":[1]}
["a","b"]           ["c","d"]                   ["c","d"]
{"a":"b"}           ["c"]                       ["c"]
{"a":"foo"}         null                        null
{"a":"foo"}         "bar"                       "bar"
{"e":null}          {"a":1}                     {"e":null,"a":1}
[1,2]               {"a":"b","c":null}          {"a":"b"}
{}                  {"a":{"bb":{"ccc":null}}}   {"a":{"bb":{}}}
"""
VALUES = st.none() | st.integers(0, 3) | st.lists(st.integers(0, 1), max_size=2)
DOCUMENTS = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3))


@pytest.mark.parametrize("example", EXAMPLES.strip().splitlines())
def test_a_patch_does_what_the_examples_of_the_rfc_say(example: str) -> None:
    document, patch, result = map(json.loads, example.split())
    assert merge_patch(document, patch) == result


def value_at(document: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Return whether there is a value at the path, and a simple one or the fact that it is an object."""
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return False, None
        document = document[name]
    return True, dict if isinstance(document, dict) else document


def expected_at(document: Any, patch: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Return what the patch says of the path, else what the document does: told for each path by itself."""
    for depth in range(len(path) + 1):
        there, said = value_at(patch, path[:depth])
        if not there:
            whole = all(value_at(document, path[:above])[1] is dict for above in range(depth))
            return value_at(document, path) if whole else (False, None)
        if depth and said is None:
            return False, None
        if said is not dict:
            return value_at(patch, path)
    return True, dict


PATHS = [(a, b, c)[:depth] for depth in range(4) for a in "abc" for b in "abc" for c in "abc"]


@given(DOCUMENTS, DOCUMENTS)
def test_at_every_path_the_patch_speaks_first_and_then_the_document(document: Any, patch: Any) -> None:
    before = json.dumps([document, patch])
    merged = merge_patch(document, patch)
    for path in PATHS:
        assert value_at(merged, path) == expected_at(document, patch, path), path
    assert json.dumps([document, patch]) == before


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_that_is_sent_again_changes_nothing_more(document: Any, patch: Any) -> None:
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once
