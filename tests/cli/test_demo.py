"""`kala demo`: a parent, its child and a repeating job, seen at work for ten seconds."""

import re
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from kala_server.cli.server.demo import as_typed
from tests.cli.command_line import line_of, started
from tests.cli.terminal import on_a_terminal
from tests.eventually import PATIENCE

RUNS = Counter(tick=4, fetch=1, report=1)


def runs_in(words: str) -> Counter[str]:
    """Count the runs that are told of, by job."""
    return Counter(re.findall(r"^\d\d:\d\d:\d\d\s+(\w+)\s+succeeded\s+[\d.]+ m?s\s*$", words, re.MULTILINE))


def test_the_demo_shows_every_run_as_a_line_and_on_a_terminal_as_a_live_table(tmp_path: Path) -> None:
    with started("demo", cwd=tmp_path) as piped, on_a_terminal("demo") as terminal:
        assert terminal.read_to_the_end() == 0
        out, err = piped.communicate(timeout=PATIENCE)
    assert (piped.returncode, err) == (0, "")
    assert runs_in(out) == RUNS
    assert out.startswith("A server for this demo listens on http://127.0.0.1:")
    assert "kala serve" in out
    assert "\x1b" not in out
    assert list(tmp_path.iterdir()) == []

    pictures = terminal.pictures
    assert runs_in(pictures[0]) == {}
    assert runs_in(pictures[-1]) == RUNS
    assert len({sum(runs_in(picture).values()) for picture in pictures}) > 3  # one after the other
    assert re.search(r"^name +id +schedule +next run +ok +failed +state", pictures[0], re.MULTILINE)
    assert re.search(r"^tick .* 4 +0 +done", pictures[-1], re.MULTILINE)
    assert terminal.shown.count("\x1b[?25l") == terminal.shown.count("\x1b[?25h") == 1  # the cursor is back


def test_ctrl_c_ends_the_demo_and_leaves_the_terminal_as_it_was() -> None:
    with on_a_terminal("demo") as terminal:
        terminal.read_until("next run")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.read_to_the_end() == 130
    assert "Traceback" not in terminal.shown
    assert terminal.shown.rstrip().endswith("\x1b[?25h")


def test_a_demo_that_is_to_be_kept_has_its_page_until_ctrl_c(tmp_path: Path) -> None:
    with started("demo", "--keep", cwd=tmp_path) as process:
        page = line_of(process.stdout).rpartition(" ")[2].strip()
        while line_of(process.stdout) != "It stays up until Ctrl-C.\n":
            pass
        assert httpx.get(page).status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert "kala serve" in out
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_asked_to_end_does_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with started("demo", cwd=tmp_path, env={"TMPDIR": str(tmp_path)}) as process:
        assert line_of(process.stdout).startswith("A server for this demo listens on ")
        assert list(tmp_path.iterdir()) != []
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "")
    assert list(tmp_path.iterdir()) == []


def test_what_it_names_next_is_typed_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kala = tmp_path / "kala"
    kala.touch(0o755)
    assert as_typed(kala) == (str(kala), str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert as_typed(kala) == ("kala", "python")
    assert as_typed(Path("/src/kala_server/__main__.py")) == ("kala", "python")
