"""What a page asks before it shows anything: what it may do here, and what kind of server this is."""

from typing import Any

import pytest

import kala_client
from kala_server.tokens import Scope, new_token
from tests.server.at_home import Home, play


async def session(home: Home, token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await home.http.get("/session/", headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()["session"]
    return told


def test_it_says_what_kind_of_server_it_is() -> None:
    async def scene(home: Home) -> None:
        told = await session(home)
        assert told["version"] == kala_client.__version__
        assert (told["scope"], told["tokens"], told["max_running"]) == ("full", False, 7)
        assert told["timezone"] == "Asia/Kathmandu"
        assert told["up_since"] <= told["now"]
        assert (told["trouble"], told["notes"]) == ("", [])
        assert told["pause"] == {"paused": False, "since": None, "reason": ""}
        await home.http.post("/pause/", json={"reason": "ask Ana"})
        told = await session(home)
        assert told["pause"]["reason"] == "ask Ana"
        assert told["notes"][0].startswith("paused since")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        play(scene, max_running=7)


def test_it_says_what_each_token_allows(tmp_path: Any) -> None:
    lines = [new_token(Scope.READ), new_token(Scope.FULL)]
    read, full = (line.partition(" ")[2] for line in lines)
    file = tmp_path / "tokens"
    file.write_text("\n".join(lines))
    file.chmod(0o600)

    async def scene(home: Home) -> None:
        assert [(await session(home, token))["scope"] for token in (read, full)] == ["read", "full"]
        assert (await session(home, read))["tokens"]
        assert (await home.http.get("/session/")).status_code == 401

    play(scene, token_file=file)
