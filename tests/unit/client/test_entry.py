"""What an install without the server says."""

import importlib
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
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


_NEEDING = ("kala_server.cli", "kala_server.server")
_FORGOTTEN = (*_NEEDING, "kala_server.testing", "kala_server.__main__")
"""With the modules within them."""


_MAIN = str(Path(__file__).parents[3] / "kala_server" / "__main__.py")


class Missing:
    """An import hook that says that the server needs a module which is not there."""

    def __init__(self, needed: str) -> None:
        self.needed = needed

    def find_spec(self, name: str, *_: object) -> None:
        if name in _NEEDING:
            raise ModuleNotFoundError(f"No module named {self.needed!r}", name=self.needed)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    for name in list(sys.modules):
        if name.startswith(_FORGOTTEN):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(request.param), *sys.meta_path])


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("without", ["tornado", "click", "rich.console"], indirect=True)
@pytest.mark.parametrize("start", [_entry.main, lambda: runpy.run_path(_MAIN, run_name="__main__")])
def test_a_missing_extra_is_told_on_one_line(
    capsys: pytest.CaptureFixture[str], start: Callable[[], object]
) -> None:
    with pytest.raises(SystemExit) as left:
        start()
    assert left.value.code == 1
    assert capsys.readouterr().err == (
        'kala: the command line needs the server extra: pip install "kala-client[server]"\n'
    )


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("without", ["json"], indirect=True)
def test_a_fault_of_the_server_itself_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError, match="json"):
        _entry.main()
    with pytest.raises(ModuleNotFoundError, match="No module named 'json'"):
        importlib.import_module("kala_server.testing")


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("without", ["tornado", "kala_server"], indirect=True)
def test_a_server_for_tests_says_what_it_needs() -> None:
    hint = r'^kala_server.testing needs the server extra: pip install "kala-client\[server\]"$'
    with pytest.raises(ModuleNotFoundError, match=hint):
        importlib.import_module("kala_server.testing")


class Interrupted:
    """An import hook at which Ctrl-C is pressed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "kala_server.cli":
            raise KeyboardInterrupt


def test_ctrl_c_while_modules_are_loaded_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "kala_server.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        _entry.main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_before_a_command_begins_ends_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    cli = ModuleType("kala_server.cli")
    cli.main = interrupted  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kala_server.cli", cli)
    with pytest.raises(SystemExit) as ended:
        _entry.main()
    assert ended.value.code == 130
