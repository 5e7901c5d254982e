"""Writes `vendor/preact-htm.mjs` of the page from the npm packages that it names: `python -m tests.page.vendor`.

Nothing is bundled or changed but for how the three modules name what they share: each becomes a function that returns
its exports. It is not run at install; a test compares what it has written with the hash of the file.
"""

import hashlib
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from kala_server.web.files import FOLDER

VENDORED = FOLDER / "vendor" / "preact-htm.mjs"
PACKAGES = {"preact": "11.2.0", "htm": "3.1.1"}
_LICENCES = {"preact": "MIT", "htm": "Apache-2.0"}
_MAPPED = re.compile(r"\n//# sourceMappingURL=\S+\n?$")
_NAMES = {"preact": ("h", "render", "Fragment", "options"), "hooks": ("useState", "useEffect", "useLayoutEffect",
          "useMemo", "useRef", "useCallback", "useErrorBoundary", "useId")}  # fmt: skip


def write() -> None:
    """Fetch the packages and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        packs = {name: _pack(name, version, Path(folder)) for name, version in PACKAGES.items()}
        body = _body(packs["preact"], packs["htm"])
        VENDORED.write_text(_head(packs, body) + body, encoding="utf-8")
        licences = (
            f"{name} {PACKAGES[name]}\n\n{_file(pack, 'LICENSE').strip()}\n" for name, pack in packs.items()
        )
        VENDORED.with_name("LICENSES.txt").write_text("\n\n".join(licences), encoding="utf-8")


def _pack(name: str, version: str, folder: Path) -> Path:
    subprocess.run(
        ["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    return folder / f"{name}-{version}.tgz"


def _file(pack: Path, name: str) -> str:
    with tarfile.open(pack) as archive:
        member = archive.extractfile(f"package/{name}")
        assert member is not None
        return _MAPPED.sub("", member.read().decode())


def _body(preact: Path, htm: Path) -> str:
    return (
        f"const preact=(()=>{{{_returning(_file(preact, 'dist/preact.mjs'))}}})();\n"
        f"const hooks=(()=>{{{_returning(_file(preact, 'hooks/dist/hooks.mjs'))}}})();\n"
        f"const htm=(()=>{{{_file(htm, 'dist/htm.mjs').replace('export default function', 'return function')}}})();\n"
        f"export const {{{','.join(_NAMES['preact'])}}}=preact;\n"
        f"export const {{{','.join(_NAMES['hooks'])}}}=hooks;\n"
        "export const html=htm.bind(preact.h);\n"
    )


def _returning(module: str) -> str:
    """Make a module's imports of preact a look at it, and its exports what it returns."""
    module = re.sub(
        r'import\{([^}]*)\}from"preact";?',
        lambda found: f"const{{{found[1].replace(' as ', ':')}}}=preact;",
        module,
    )
    pairs = re.search(r"export\{([^}]*)\};?\s*$", module)
    assert pairs is not None
    returned = ",".join(f"{pair.split(' as ')[1]}:{pair.split(' as ')[0]}" for pair in pairs[1].split(","))
    return f"{module[: pairs.start()]}return{{{returned}}}"


def _head(packs: dict[str, Path], body: str) -> str:
    hashes = {name: hashlib.sha256(pack.read_bytes()).hexdigest() for name, pack in packs.items()}
    named = " and ".join(f"{name} {PACKAGES[name]} ({_LICENCES[name]})" for name in packs)
    told = "\n".join(
        [
            "Written by tests/page/vendor.py.",
            *(f"{name}: npm tarball SHA-256 {hashes[name]}" for name in packs),
            f"What follows: SHA-256 {digest(body)}",
        ]
    )
    # The first comment is sent to browsers, as its licences want it; the second is not.
    return f"/* {named}; licences: LICENSES.txt */\n/**\n{told}\n*/\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    write()
