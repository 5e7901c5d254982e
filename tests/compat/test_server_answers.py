"""Our server, asked what two real Kalas were asked: the same answers, but for what is meant to differ."""

import time
from collections.abc import Iterator

import httpx
import pytest

from kala_server.testing import running_server
from kala_server.wire.shapes import Answers
from tests.compat.deliberate import DELIBERATE, NONE, ONE_MORE
from tests.compat.differences import differences
from tests.compat.recorded import NAMES, Answer, Call, recording
from tests.eventually import PATIENCE


class Replay:
    """The calls of a recording, sent to our server in order, with our ids in place of theirs."""

    def __init__(self, client: httpx.Client, *, exactly: bool) -> None:
        self._client = client
        self._exactly = exactly
        self._ids: dict[str, str] = {}

    def differences(self, call: Call, expected: tuple[str, ...]) -> tuple[str, ...]:
        """Return how our answer differs. Commands run beside our answers, so what is read may take a moment."""
        found = self._ask(call)
        deadline = time.monotonic() + PATIENCE
        while found != expected and call.method == "GET" and time.monotonic() < deadline:
            found = self._ask(call)
        return found

    def _ask(self, call: Call) -> tuple[str, ...]:
        body = None if call.body is None else self._mapped(call.body).encode()
        ours = self._client.request(call.method, self._mapped(call.path), headers=call.headers, content=body)
        if call.answer is None:
            return (f"no answer → {ours.status_code}",)
        if call.answer.status != ours.status_code:
            return (f"{call.answer.status} → {ours.status_code}",)
        return () if call.answer.status >= 400 else tuple(self._in_the_body(call.answer, ours))

    def _in_the_body(self, theirs: Answer, ours: httpx.Response) -> Iterator[str]:
        if theirs.status == 201:
            self._ids[theirs.document["id"]] = ours.json()["id"]
        if theirs.headers.get("content-type") != ours.headers.get("content-type"):
            yield f"content type: {theirs.headers.get('content-type')} → {ours.headers.get('content-type')}"
        mapped = Answer(theirs.status, theirs.headers, self._mapped(theirs.body))
        yield from differences(mapped.document, ours.json() if ours.content else None, exactly=self._exactly)

    def _mapped(self, text: str) -> str:
        for theirs, ours in self._ids.items():
            text = text.replace(theirs, ours)
        return text


@pytest.mark.parametrize("exactly", [False, True], ids=["both", "exactly"])
@pytest.mark.parametrize("name", NAMES)
def test_our_server_answers_as_kala_did_but_for_what_is_meant_to_differ(name: str, exactly: bool) -> None:
    """An entry of the table that is not needed, or does not say what differs, fails as well."""
    deliberate = DELIBERATE[name] | (ONE_MORE if exactly else {})
    found = {}
    answers = Answers(name) if exactly else Answers.BOTH
    with running_server(answers=answers) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        replay = Replay(client, exactly=exactly)
        for call in recording(name).calls:
            what = replay.differences(call, deliberate.get(call.note, NONE).what)
            if what:
                found[call.note] = what
    assert found == {note: entry.what for note, entry in deliberate.items()}


@pytest.mark.parametrize("name", NAMES)
def test_what_kala_does_not_have_is_answered_in_whole(name: str) -> None:
    job = {"name": "a", "command": "true", "schedule": "never", "tags": ["night"]}
    with (
        running_server(answers=Answers(name)) as server,
        httpx.Client(base_url=server.url, timeout=60) as http,
    ):
        job_id = http.post("/api/v1/job/", json=job).json()["id"]
        changed = http.patch(f"/api/v1/job/{job_id}/", json={"retries": 1}).json()["job"]
        runs = http.get(f"/api/v1/job/{job_id}/runs/").json()
        shown = http.get(f"/api/v1/job/{job_id}/").json()["job"]
    assert (changed["tags"], changed["success_count"], runs) == (["night"], 0, {"runs": [], "next": None})
    assert "tags" not in shown
