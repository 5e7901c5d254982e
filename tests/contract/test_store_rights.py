"""A data folder is its owner's alone, and what lies in it is opened where it lies: no link, and no pipe."""

import os
import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kala_server.ports.store import StoreBrokenError, StoreUnsafeError
from kala_server.stores.journal import folder_rights
from kala_server.stores.journal.journal import LOCK
from kala_server.stores.journal.repair import repair
from tests.contract.journals import reloaded

MADE_BY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to somebody else")
SOMEBODY = 4711


def content(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.lstat().st_mode, path.lstat().st_ino) for path in folder.iterdir()}


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o770, 0o720, 0o702, 0o1777, 0o2775])
def test_a_folder_that_others_may_write_to_is_refused_and_what_mends_it_is_named(
    journal: Path, mode: int
) -> None:
    folder = journal.parent
    folder.chmod(mode)
    before = content(folder)
    with pytest.raises(StoreUnsafeError, match=f"mode {mode:04o}") as refused:
        reloaded(folder)
    with pytest.raises(StoreUnsafeError):
        repair(folder)
    assert content(folder) == before
    mend = str(refused.value).rpartition(": ")[2]
    assert mend == f"chmod go-w {folder}"
    subprocess.run(shlex.split(mend), check=True)
    assert len(reloaded(folder)) == 9


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o711, 0o2750])
def test_a_folder_that_others_may_only_look_into_is_its_owners_choice(journal: Path, mode: int) -> None:
    journal.parent.chmod(mode)
    assert len(reloaded(journal.parent)) == 9
    assert journal.parent.stat().st_mode & 0o7777 == mode


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077, 0o277, 0o777])
def test_a_folder_that_a_server_makes_is_safe_whatever_its_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        for _ in range(2):
            assert reloaded(tmp_path / "new" / "data") == []
    finally:
        os.umask(before)
    for folder in (tmp_path / "new", tmp_path / "new" / "data"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("precious")
    with pytest.raises(StoreUnsafeError, match="data is no folder"):
        reloaded(tmp_path / "data")


def test_of_a_folder_by_another_name_the_folder_itself_counts(journal: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(journal.parent)
    assert len(reloaded(link)) == 9
    journal.parent.chmod(0o777)
    with pytest.raises(StoreUnsafeError, match=f"chmod go-w {link}"):
        reloaded(link)


@MADE_BY_ROOT
def test_a_folder_of_somebody_else_is_refused(journal: Path) -> None:
    os.chown(journal.parent, SOMEBODY, -1)
    with pytest.raises(StoreUnsafeError, match=rf"belongs to {SOMEBODY}, .* or chown root {journal.parent}$"):
        reloaded(journal.parent)


@MADE_BY_ROOT
@pytest.mark.parametrize("name", [LOCK, "journal.jsonl"])
def test_a_file_of_somebody_else_is_refused(journal: Path, name: str) -> None:
    assert len(reloaded(journal.parent)) == 9
    os.chown(journal.parent / name, SOMEBODY, -1)
    with pytest.raises(StoreBrokenError, match=rf"{name}: it belongs to {SOMEBODY}"):
        reloaded(journal.parent)
    os.chown(journal.parent / name, 0, -1)
    assert len(reloaded(journal.parent)) == 9


@MADE_BY_ROOT
def test_a_folder_of_roots_is_as_good_as_ones_own(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    assert folder_rights.danger(journal.parent) == ""


def test_where_everybody_could_put_another_folder_in_its_place_is_doubted(tmp_path: Path) -> None:
    above = tmp_path / "above"
    (above / "data").mkdir(parents=True)
    assert folder_rights.doubt(above / "data") == ""
    above.chmod(0o1777)
    assert folder_rights.doubt(above / "data") == ""
    above.chmod(0o777)
    assert folder_rights.doubt(above / "data").endswith(f"chmod o-w {above}")
    assert folder_rights.danger(above / "data") == ""


# -- what lies in the way


def pipe(path: Path, _victim: Path) -> None:
    os.mkfifo(path)


def link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("not there"))


def folder(path: Path, _victim: Path) -> None:
    path.mkdir()


def device(path: Path, _victim: Path) -> None:
    path.symlink_to("/dev/zero")


def bound(path: Path, _victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


Planted = Callable[[Path, Path], None]


@pytest.mark.parametrize("plant", [pipe, link, dangling, folder, device, bound])
@pytest.mark.parametrize("name", [LOCK, "journal.jsonl"])
def test_what_is_no_file_is_neither_followed_nor_waited_for_nor_changed(
    tmp_path: Path, name: str, plant: Planted
) -> None:
    data, victim = tmp_path / "data", tmp_path / "victim"
    data.mkdir()
    victim.write_text("precious")
    plant(data / name, victim)
    before = (data / name).lstat()
    with pytest.raises(StoreBrokenError, match=f"{data / name}: "):
        reloaded(data)
    after = (data / name).lstat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (victim.read_text(), victim.with_name("not there").exists()) == ("precious", False)


@pytest.mark.parametrize("plant", [pipe, link, dangling, device, bound])
def test_what_a_crashed_compaction_seems_to_have_left_is_removed_itself(
    journal: Path, plant: Planted
) -> None:
    victim = journal.parent.parent / "victim"
    victim.write_text("precious")
    plant(journal.with_name("journal.jsonl.new"), victim)
    assert len(reloaded(journal.parent)) == 9
    assert not os.path.lexists(journal.with_name("journal.jsonl.new"))
    assert (victim.read_text(), victim.with_name("not there").exists()) == ("precious", False)


def test_a_journal_that_has_a_second_name_is_used(journal: Path) -> None:
    os.link(journal, journal.parent.parent / "snapshot of a backup")
    assert len(reloaded(journal.parent)) == 9
