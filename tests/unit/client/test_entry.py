"""The command of an install without the server."""

import sys
from types import ModuleType

import pytest

from kala_client import _entry


def test_the_server_runs_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    cli = ModuleType("kala_server.cli")
    cli.main = lambda: ran.append("main")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kala_server.cli", cli)
    _entry.main()
    assert ran == ["main"]


class Missing:
    """An import hook that says that a module needs another one, which is not there."""

    def __init__(self, needed: str) -> None:
        self.needed = needed

    def find_spec(self, name: str, *_: object) -> None:
        if name == "kala_server.cli":
            raise ModuleNotFoundError(f"No module named {self.needed!r}", name=self.needed)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.delitem(sys.modules, "kala_server.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(request.param), *sys.meta_path])


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("without", ["tornado", "click", "rich.console"], indirect=True)
def test_a_missing_extra_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        _entry.main()
    assert left.value.code == 1
    assert capsys.readouterr().err == (
        'kala: the command line needs the server extra: pip install "kala-client[server]"\n'
    )


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("without", ["json"], indirect=True)
def test_a_fault_of_the_server_itself_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError, match="json"):
        _entry.main()
