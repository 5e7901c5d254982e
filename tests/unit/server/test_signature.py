"""A folder's mark is kept where it is surely that of this folder, and drawn anew where it might be another's."""

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.stores.journal import owner_signature
from kala_server.stores.journal.owner_signature import Signature, read, signed_by_us

FILE = "2049:131"


def ours() -> Signature:
    return signed_by_us(None, FILE)


def test_the_next_one_who_signs_the_same_file_keeps_its_mark() -> None:
    before = ours()
    assert read(before.text()) == before
    assert signed_by_us(before, FILE) == replace(before, epoch=before.epoch + 1)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({"file": "2049:132"}, id="a copy, or one that came from a backup"),
        pytest.param({"file": "2050:131"}, id="on another disk"),
        pytest.param({"machine": "another boot pid:[4026531836]"}, id="before the machine was started"),
        pytest.param({"machine": ""}, id="where nobody knows"),
    ],
)
def test_a_mark_that_may_be_of_another_folder_is_not_kept(before: dict[str, Any]) -> None:
    there = replace(ours(), **before)
    assert signed_by_us(there, FILE).mark not in {there.mark, ""}


def test_where_the_machine_cannot_be_told_no_mark_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_signature, "this_machine", lambda: "")
    assert signed_by_us(ours(), FILE).mark != signed_by_us(ours(), FILE).mark


def test_every_folder_has_a_mark_of_its_own() -> None:
    assert ours().mark != ours().mark


def test_who_has_signed_is_known_by_pid_and_start() -> None:
    me = ours()
    assert me.pid == os.getpid()
    assert me.lives()
    assert not replace(me, started=me.started - 1).lives()
    assert not replace(me, pid=2**22 + 1).lives()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"4711                \n",
        b"{}\n",
        b"[1]\n",
        b"\0" * 300,
        b'{"pid": "1", "started": 1, "machine": "", "file": "", "mark": ""}\n',
        b'{"pid": 1, "started": 1, "machine": null, "file": "", "mark": ""}\n',
        ours().text().partition(b"\n")[0][:-5],
    ],
)
def test_what_is_no_signature_says_nothing(text: bytes) -> None:
    assert read(text) is None


@given(st.binary())
def test_any_bytes_are_read_without_a_fault(text: bytes) -> None:
    assert read(text) is None
    assert read(ours().text() + text) is not None
