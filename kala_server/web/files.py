"""The files of the page as they are sent: read when they are asked for, and anew only where they have changed.

Scripts are sent without their comments, which tell types to editors and take a sixth of the bytes; each line stays
where it is. Nothing else is made of them. It knows nothing of HTTP but types and tags. What is not among the files that
were there at the start is none.
"""

import re
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


_UNSENT = re.compile(rb"/\*\*[\s\S]*?\*/|^[ \t]*// .*$|[ \t]+// .*$|^[ \t]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file, plain and packed."""

    type: str
    tag: str
    """Another one whenever the file holds something else, as `ETag` has it."""
    plain: bytes
    packed: bytes


class Files:
    """The files below a folder, by their path there, such as `vendor/preact-htm.mjs`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._paths = {
            str(path.relative_to(folder)): path for path in folder.rglob("*") if path.suffix in _TYPES
        }
        self._sent: dict[str, tuple[tuple[int, int], SentFile]] = {}

    def find(self, name: str) -> SentFile | None:
        """Return the file of this name; None where there is none. One that was edited is seen at once."""
        path = self._paths.get(name)
        if path is None:
            return None
        about = path.stat()
        stamp = about.st_mtime_ns, about.st_size
        known = self._sent.get(name)
        if known is None or known[0] != stamp:
            known = self._sent[name] = stamp, _read(path)
        return known[1]


def _read(path: Path) -> SentFile:
    plain = path.read_bytes()
    if path.suffix == ".mjs":
        plain = _UNSENT.sub(lambda found: b"\n" * found[0].count(b"\n"), plain)
    tag = f'"{sha256(plain).hexdigest()[:24]}"'
    return SentFile(_TYPES[path.suffix], tag, plain, compress(plain, mtime=0))
