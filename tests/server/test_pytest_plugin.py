"""The fixture `kala`, in a run of pytest of its own, as users have it."""

import subprocess
import sys
from pathlib import Path


def run(folder: Path, tests: str, *, conftest: str = "") -> str:
    """Run the tests in a folder, and return what pytest says."""
    (folder / "test_theirs.py").write_text(tests)
    (folder / "conftest.py").write_text(conftest)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-W", "error"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    return ended.stdout + ended.stderr


def test_a_test_has_a_server_and_a_clock_of_its_own(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
def test_first(kala):
    kala.create_job(name="dump", command="dump", schedule="0 3 * * *")
    kala.command("dump").takes("PT70M").then(exit_code=3, output="boom").then_ok()
    kala.advance("P2D")
    assert [run.state for run in kala.runs_of("dump")] == ["failed", "succeeded"]
    kala.crash(down="PT1H")
    assert kala.now.isoformat() == "2035-01-03T01:00:00+00:00"

def test_second(kala):
    assert kala.get_all_jobs() == {}
""",
    )
    assert "2 passed" in told


def test_the_mark_says_what_it_is_and_the_nearest_one_wins(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
import pytest
pytestmark = pytest.mark.kala(start="2035-06-01T00:00Z", max_running=2)

@pytest.mark.kala(max_running=1, journal=False)
def test_it(kala):
    assert kala.now.month == 6
    assert kala.session().max_running == 1

@pytest.mark.kala(real_commands=True)
def test_real(kala):
    kala.create_job(name="say", command="echo hello", schedule="0 3 * * *")
    kala.advance("P1D")
    [run] = kala.runs_of("say")
    assert kala.output(run) == "hello\\n"
""",
    )
    assert "2 passed" in told


def test_a_mark_that_names_nothing_says_how_it_is_written(tmp_path: Path) -> None:
    told = run(tmp_path, "import pytest\n@pytest.mark.kala(4)\ndef test_it(kala): ...\n")
    assert "the mark kala takes names, such as kala(max_running=4)" in told


def test_nothing_is_loaded_before_a_test_asks_for_it(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
import sys
def test_it():
    assert not {"tornado", "kala_client", "kala_server.testing", "kala_server.server"} & sys.modules.keys()
""",
    )
    assert "1 passed" in told


def test_without_the_extra_it_says_so_when_a_test_asks_for_it(tmp_path: Path) -> None:
    conftest = "import sys\nsys.modules['tornado'] = None\n"
    told = run(tmp_path, "def test_it(kala): ...\ndef test_other(): ...\n", conftest=conftest)
    assert 'kala_server.testing needs the server extra: pip install "kala-client[server]"' in told
    assert "1 passed" in told
    assert "1 error" in told
