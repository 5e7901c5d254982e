"""A server says where it keeps its jobs, and what may not be as it was meant: in the log, as stdout is for programs."""

from pathlib import Path

import pytest

from tests.cli.command_line import Ended, kala, serving

SECRET = "kala_" + "s" * 43


def stopped(*words: str, cwd: Path, **env: str) -> Ended:
    with serving("serve", "-p", "0", *words, cwd=cwd, env=env) as server:
        return server.stop()


def test_the_data_folder_is_named_in_full_and_said_to_be_new_where_it_is(tmp_path: Path) -> None:
    kept = f"INFO kala.cli: jobs and runs are kept in {tmp_path / 'kala-data'}"
    first, second = stopped(cwd=tmp_path), stopped(cwd=tmp_path)
    assert f"{kept}, which is new and empty\n" in first.err
    assert f"{kept}\n" in second.err
    assert first.out.count("\n") == second.out.count("\n") == 1


def test_a_server_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    ended = stopped("--no-persist", cwd=tmp_path)
    assert "INFO kala.cli: nothing is kept: jobs and runs are in memory" in ended.err
    assert "kept in" not in ended.err


@pytest.mark.parametrize("place", ["", "there", "there/data"])
@pytest.mark.parametrize(
    "words", [["--data-dir", "there/data"], ["--no-persist", "--data-dir", "there/data"]]
)
def test_a_store_of_kala_itself_is_named_and_said_not_to_be_read(
    tmp_path: Path, place: str, words: list[str]
) -> None:
    (tmp_path / "there" / "data").mkdir(parents=True)
    (tmp_path / place / "jobdb.db").write_bytes(b"bolt")
    (tmp_path / "elsewhere").mkdir()
    err = stopped(*words, cwd=tmp_path).err
    if "--no-persist" in words and place:
        assert "jobdb.db" not in err
    else:
        told = (
            f"WARNING kala.cli: {tmp_path / place / 'jobdb.db'} is the store of Kala itself, and is not read"
        )
        assert err.count(told) == err.count("jobdb.db") == 1
    assert (tmp_path / place / "jobdb.db").read_bytes() == b"bolt"


def test_a_token_in_the_environment_that_was_perhaps_a_clients_is_warned_of(tmp_path: Path) -> None:
    err = stopped("--no-persist", cwd=tmp_path, KALA_TOKEN=SECRET).err
    [line] = [line for line in err.splitlines() if "KALA_TOKEN" in line]
    assert "WARNING kala.cli: clients must show the token that is in KALA_TOKEN." in line
    assert "env -u KALA_TOKEN" in line
    assert SECRET not in err
    assert "KALA_TOKEN" not in stopped("--no-persist", cwd=tmp_path).err


def test_a_folder_above_that_everybody_may_write_to_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    err = stopped("--data-dir", "open/data", cwd=tmp_path).err
    assert (
        f"WARNING kala.cli: everybody can rename what is in {tmp_path / 'open'}, and so the data folder"
        in err
    )


def refusal(cwd: Path) -> str:
    ended = kala("serve", "-p", "0", "--data-dir", "data", cwd=cwd)
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    return ended.err.removeprefix("Error: ").strip()


def test_a_data_folder_that_others_may_write_to_is_refused_and_the_mend_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o777)
    assert refusal(tmp_path) == (
        "data can be written to by others (mode 0777), who could have any command run by what they put there: "
        "chmod go-w data"
    )
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("name", ["lock", "journal.jsonl", "output"])
def test_a_link_in_the_data_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("precious")
    (tmp_path / "data" / name).symlink_to(tmp_path / "victim" / ("" if name == "output" else "file"))
    assert refusal(tmp_path).startswith(f"data/{name}: ")
    assert [path.read_text() for path in (tmp_path / "victim").iterdir()] == ["precious"]
