"""A disk that knows what a power cut may leave on it.

It keeps, for each file, what is durable and what was written since; for its one folder, the names that are durable and
those given since. `states` tells every content that a power cut at this moment may leave: what was not synced is there,
not there, cut at a byte, filled with zeros, or there in some of its pages only; names go back in the order they came.

It is made for tests of the store: it is no file system, has one folder, and enforces no rights.
"""

import errno
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, count, product
from pathlib import Path

State = dict[str, bytes]
Write = tuple[int, bytes]
PAGE = 4096
ALL_SUBSETS_UP_TO = 5


class File:
    """A file: durable bytes, changes that are not (a write, or a size to cut to), and what a reader sees."""

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = durable
        self.pending: list[Write | int] = []
        self.seen = bytearray(durable)

    def change(self, change: Write | int) -> None:
        self.pending.append(change)
        self.seen = _applied(self.seen, change)

    def sync(self) -> None:
        content = bytearray(self.durable)
        for change in self.pending:
            content = _applied(content, change)
        self.durable = bytes(content)
        self.pending = []

    def lose(self) -> None:
        """Fail a sync as Linux does: the pages are marked as clean, and no later sync writes them."""
        self.pending = []

    def states(self, every: int) -> set[bytes]:
        """What may be left of the file; `every` n-th byte to cut at, so that a test can be quick."""
        cuts = [change for change in self.pending if isinstance(change, int)]
        found = {self.durable}
        for kept in product([False, True], repeat=len(cuts)):
            chosen = iter(kept)
            changes = [each for each in self.pending if not isinstance(each, int) or next(chosen)]
            found.update(self._in_order(changes, every))
            found.update(self._out_of_order(changes))
        return found

    def _in_order(self, changes: list[Write | int], every: int) -> Iterator[bytes]:
        content = bytearray(self.durable)
        for change in changes:
            if not isinstance(change, int):
                offset, data = change
                for size in {*range(0, len(data), every), 1, len(data) - 1}:
                    cut = _applied(content, (offset, data[:size]))
                    yield bytes(cut)
                    yield bytes(cut.ljust(offset + len(data), b"\0"))
            content = _applied(content, change)
            yield bytes(content)

    def _out_of_order(self, changes: list[Write | int]) -> Iterator[bytes]:
        pages = [
            (position, (at, piece))
            for position, change in enumerate(changes)
            if not isinstance(change, int)
            for at, piece in _pages(*change)
        ]
        whole = bytearray(self.durable)
        for change in changes:
            whole = _applied(whole, change)
        for chosen in _subsets(len(pages)):
            content = bytearray(self.durable)
            for position, change in enumerate(changes):
                if isinstance(change, int):
                    content = _applied(content, change)
                for index in chosen:
                    if pages[index][0] == position:
                        content = _applied(content, pages[index][1])
            yield bytes(content.ljust(len(whole), b"\0"))


def _applied(content: bytearray, change: Write | int) -> bytearray:
    if isinstance(change, int):
        return content[:change]
    offset, data = change
    changed = content.ljust(offset, b"\0")
    changed[offset : offset + len(data)] = data
    return changed


def _pages(offset: int, data: bytes) -> Iterator[Write]:
    position = 0
    while position < len(data):
        size = PAGE - (offset + position) % PAGE
        yield offset + position, data[position : position + size]
        position += size


def _subsets(number: int) -> Iterator[tuple[int, ...]]:
    """Every choice of pages, or, of many pages, those with one missing, one there, a start or an end."""
    if number <= ALL_SUBSETS_UP_TO:
        for size in range(number + 1):
            yield from combinations(range(number), size)
        return
    for index in range(number):
        yield (index,)
        yield tuple(each for each in range(number) if each != index)
        yield tuple(range(index))
        yield tuple(range(index, number))


class SimulatedDisk:
    """A `FileSystem` in memory; `watch` is called after every call that changes something."""

    def __init__(
        self, state: Mapping[str, bytes] | None = None, *, watch: Callable[[], None] = lambda: None
    ) -> None:
        self.watch = watch
        self.files = {name: File(content) for name, content in (state or {}).items()}
        self._names_since_sync = [dict(self.files)]
        self.open_files: dict[int, File] = {}
        self._next_fd = count(1000)

    def states(self, *, every: int = 1) -> Iterator[State]:
        """Every state that a power cut may leave now; some come more than once."""
        for names in self._names_since_sync:
            contents = [file.states(every) for file in names.values()]
            for chosen in product(*contents):
                yield dict(zip(names, chosen, strict=True))

    def seen(self) -> State:
        """What a process sees that starts now, as after a kill."""
        return {name: bytes(file.seen) for name, file in self.files.items()}

    def called(self, name: str) -> None:
        """Hear of each call before it is done; here a test may refuse it."""

    def make_directory(self, path: Path) -> None:  # noqa: ARG002 - there is one folder
        self.called("make_directory")

    def danger(self, path: Path) -> str:  # noqa: ARG002 - there is one folder
        self.called("danger")
        return ""

    def list_directory(self, path: Path) -> list[str]:  # noqa: ARG002 - there is one folder
        self.called("list_directory")
        return list(self.files)

    def lock(self, path: Path) -> int:  # noqa: ARG002 - there is one folder
        self.called("lock")
        return self._opened(File())

    def identity(self, fd: int) -> str:
        self.called("identity")
        return f"file {id(self.open_files[fd])}"

    def create(self, path: Path) -> int:
        self.called("create")
        if path.name in self.files:
            raise FileExistsError(errno.EEXIST, "File exists", str(path))
        file = File()
        self.files[path.name] = file
        self._renamed()
        return self._opened(file)

    def open(self, path: Path) -> int:
        self.called("open")
        return self._opened(self.files[path.name])

    def open_to_read(self, path: Path) -> int:
        self.called("open_to_read")
        return self._opened(self.files[path.name])

    def read(self, fd: int, size: int, offset: int) -> bytes:
        self.called("read")
        return bytes(self.open_files[fd].seen[offset : offset + size])

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        self.called("write")
        self.open_files[fd].change((offset, bytes(data)))
        self.watch()
        return len(data)

    def status(self, fd: int) -> tuple[int, int]:
        self.called("status")
        file = self.open_files[fd]
        return len(file.seen), sum(each is file for each in self.files.values())

    def truncate(self, fd: int, size: int) -> None:
        self.called("truncate")
        self.open_files[fd].change(size)
        self.watch()

    def sync(self, fd: int) -> None:
        self.called("sync")
        self.open_files[fd].sync()
        self.watch()

    def close(self, fd: int) -> None:
        self.called("close")
        del self.open_files[fd]

    def rename(self, old: Path, new: Path) -> None:
        self.called("rename")
        self.files[new.name] = self.files.pop(old.name)
        self._renamed()

    def unlink(self, path: Path) -> None:
        self.called("unlink")
        if path.name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        del self.files[path.name]
        self._renamed()

    def sync_directory(self, path: Path) -> None:  # noqa: ARG002 - there is one folder
        self.called("sync_directory")
        self._names_since_sync = [dict(self.files)]
        self.watch()

    def _renamed(self) -> None:
        self._names_since_sync.append(dict(self.files))
        self.watch()

    def _opened(self, file: File) -> int:
        fd = next(self._next_fd)
        self.open_files[fd] = file
        return fd
