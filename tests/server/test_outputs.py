"""What runs have printed, on the disk: bounded, whole up to the last write, and for its owner alone."""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.outputs import kept
from kala_server.outputs.bounded import BoundedOutput, Piece
from kala_server.outputs.kept import OutputFolder
from tests.unit.server.test_output import as_kept

RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
CHUNKS = st.lists(
    st.binary(min_size=1, max_size=12) | st.text("é€😀", min_size=1).map(str.encode), max_size=20
)
LIMITS = st.tuples(st.integers(0, 12), st.integers(0, 12))


class Disk:
    """A folder, and an output of one run that is written to it as it comes."""

    def __init__(self, folder: Path, limits: tuple[int, int]) -> None:
        self.path = folder / "output"
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.folder = OutputFolder(self.path)
        self.limits = limits
        self.output = BoundedOutput(*limits)
        self.written = 0

    def write(self) -> bool:
        """Give to the disk what is new."""
        pieces = self.output.since(self.written)
        done = self.folder.add(RUN_ID, self.written, pieces, self.limits)
        self.written = self.output.size
        return done

    def taken_up(self) -> BoundedOutput:
        """What a server finds that starts now."""
        found = BoundedOutput(*self.limits)
        for piece in self.folder.load(RUN_ID):
            found.put(piece)
        return found

    def files(self) -> list[Path]:
        return list(self.path.glob("*/*"))


@contextlib.contextmanager
def disk_of(limits: tuple[int, int]) -> Iterator[Disk]:
    with tempfile.TemporaryDirectory() as folder:
        yield Disk(Path(folder), limits)


@given(CHUNKS, LIMITS, st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_what_was_written_is_there_whenever_the_server_is_killed_and_is_bounded(
    chunks: list[bytes], limits: tuple[int, int], writes: set[int], attempts: set[int]
) -> None:
    with disk_of(limits) as disk:
        everything = b""
        for number, chunk in enumerate(chunks):
            disk.output.write(chunk)
            everything += chunk
            if number in writes:
                assert disk.write()
            elif number in attempts:
                disk.folder.save(RUN_ID, disk.output.kept())
                disk.written = disk.output.size
            found = disk.taken_up()
            assert found.text() == as_kept(everything[: disk.written], *limits)
            assert (found.size, found.cut) == (disk.written, disk.written > sum(limits))
            assert sum(file.stat().st_size for file in disk.files()) < limits[0] + 3 * limits[1] + 100
        disk.folder.save(RUN_ID, disk.output.kept())
        assert disk.folder.read(RUN_ID) == as_kept(everything, *limits)


class KilledError(BaseException):
    """Nothing more is done."""


@given(CHUNKS, LIMITS, st.integers(0, 30), st.integers(0, 20))
def test_a_kill_in_the_middle_of_a_write_costs_nothing_that_was_written_before(
    chunks: list[bytes], limits: tuple[int, int], steps: int, bytes_more: int
) -> None:
    def killed(step: Any) -> Any:
        """Let the first steps be made whole, of the next one some bytes where it writes, and no more."""

        def instead(folder: int, name: str, text: bytes | None = None, at: int = 0) -> None:
            nonlocal steps
            steps -= 1
            if steps >= 0:
                step(folder, name, *(() if text is None else (text, at)))
                return
            if text is not None:
                with kept.open_in(folder, name, "r+b") as file:
                    file.seek(at)
                    file.write(text[:bytes_more])
            raise KilledError

        return instead

    with disk_of(limits) as disk, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(kept, "write_in", killed(kept.write_in))
        monkeypatch.setattr(kept, "unlink_in", killed(kept.unlink_in))
        everything = b""
        before = 0
        with contextlib.suppress(KilledError):
            for chunk in chunks:
                disk.output.write(chunk)
                everything += chunk
                before = disk.written
                disk.write()
            before = disk.written
            disk.folder.save(RUN_ID, disk.output.kept())
        texts = {as_kept(everything[:size], *limits) for size in range(before, len(everything) + 1)}
        assert disk.taken_up().text() in texts


@pytest.mark.parametrize("umask", [0o022, 0o777])
def test_files_are_their_owners_alone_and_made_anew_where_they_are_gone(
    tmp_path: Path, request: pytest.FixtureRequest, umask: int
) -> None:
    disk = Disk(tmp_path, (10, 10))
    shutil.rmtree(disk.path)
    request.addfinalizer(partial(os.umask, os.umask(umask)))
    for gone in (False, True):
        if gone:
            shutil.rmtree(disk.path)
        disk.folder.save(RUN_ID, [Piece(0, b"a"), Piece(5, b"b")])
        modes = {path.name: path.stat().st_mode & 0o777 for path in [disk.path, *disk.path.rglob("*")]}
        assert modes == {"output": 0o700, "5e": 0o700, RUN_ID: 0o600, f"{RUN_ID}.1": 0o600}
        assert disk.folder.read(RUN_ID) == "a\n[… 4 bytes cut …]\nb".encode()


@pytest.mark.parametrize("lost", ["", "5e", f"5e/{RUN_ID}", "cut"])
def test_what_is_gone_is_noticed_before_more_is_added(tmp_path: Path, lost: str) -> None:
    disk = Disk(tmp_path, (100, 100))
    disk.output.write(b"one ")
    assert disk.write()
    file = disk.path / "5e" / RUN_ID
    if lost == "cut":
        os.truncate(file, 1)
    elif lost == f"5e/{RUN_ID}":
        file.unlink()
    else:
        shutil.rmtree(disk.path / lost)
    disk.output.write(b"two")
    assert not disk.write()
    disk.written = 0
    assert disk.write()
    assert disk.folder.read(RUN_ID) == b"one two"


def test_where_something_else_has_taken_the_place_of_the_folder_nothing_is_kept(tmp_path: Path) -> None:
    disk = Disk(tmp_path, (10, 10))
    disk.folder.save(RUN_ID, [Piece(0, b"a")])
    shutil.rmtree(disk.path)
    disk.path.touch()
    assert disk.folder.read(RUN_ID) == b""
    disk.folder.drop(RUN_ID)
    disk.path.unlink()
    disk.folder.save(RUN_ID, [Piece(0, b"a")])
    assert disk.folder.read(RUN_ID) == b"a"


def test_nothing_is_read_written_or_removed_by_way_of_a_link(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / RUN_ID).write_text("precious")
    disk = Disk(tmp_path, (10, 10))
    (disk.path / "5e").symlink_to(foreign)
    with pytest.raises(OSError, match="no link is followed"):
        disk.folder.save(RUN_ID, [Piece(0, b"a")])
    disk.folder.sweep(set())
    (disk.path / "5e").unlink()
    (disk.path / "5e").mkdir()
    (disk.path / "5e" / RUN_ID).symlink_to(foreign / RUN_ID)
    for use in (lambda: disk.folder.save(RUN_ID, [Piece(0, b"a")]), lambda: disk.folder.read(RUN_ID)):
        with pytest.raises(OSError, match="symbolic links"):
            use()
    disk.folder.drop(RUN_ID)
    assert (foreign / RUN_ID).read_text() == "precious"
    (tmp_path / "link").symlink_to(foreign)
    with pytest.raises(OSError, match="no link is followed"):
        OutputFolder(tmp_path / "link")


def test_a_run_is_dropped_with_all_its_files_and_what_belongs_to_none_is_swept_away(tmp_path: Path) -> None:
    disk = Disk(tmp_path, (1, 1))
    (disk.path / "a file").touch()
    both = [Piece(0, b"a"), Piece(5, b"b")]
    for run_id in (RUN_ID, "other"):
        disk.folder.save(run_id, both)
    disk.folder.sweep({RUN_ID})
    assert sorted(file.name for file in disk.files()) == [RUN_ID, f"{RUN_ID}.1"]
    disk.folder.drop(RUN_ID)
    disk.folder.drop("other")
    assert disk.files() == []
    shutil.rmtree(disk.path)
    disk.folder.drop(RUN_ID)
    disk.folder.sweep(set())


def test_a_write_without_room_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path, (10, 10))
    disk.output.write(b"kept")
    assert disk.write()

    class Full(io.FileIO):
        def write(self, text: Any) -> int:
            if len(text) > 2:
                return super().write(text[:2])
            raise OSError(28, "no space left")

    monkeypatch.setattr("io.FileIO", Full)
    disk.output.write(b" more")
    with pytest.raises(OSError, match="no space left"):
        disk.write()
    assert disk.folder.read(RUN_ID) == b"kept"
