"""Who else could change what a server keeps: the rights of its folder and its files, in words with what mends them.

A job is a command: whoever can write to the folder can have any command run as the server's user. So a folder that
others may write to is refused, whoever they are: a group has the members that it has tomorrow, and the rights of an
access list are shown as those of the group (acl(5)). A folder of root's is as good as one of our own.

This module looks and says. It changes nothing.
"""

import contextlib
import os
import pwd
import stat
from pathlib import Path

_ROOT = 0


def danger(folder: Path) -> str:
    """Say who could change what is in the folder, and what mends that; nothing where only its owner could."""
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        return f"{folder} is no folder; --data-dir names the one in which jobs are kept"
    if stranger := _stranger(status):
        us = name_of(os.geteuid())
        return (
            f"{folder} belongs to {stranger}, who could have any command run by what is in it: "
            f"start this as {stranger}, or chown {us} {folder}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return (
            f"{folder} can be written to by others (mode {stat.S_IMODE(status.st_mode):04o}), who could have any "
            f"command run by what they put there: chmod go-w {folder}"
        )
    return ""


def doubt(folder: Path) -> str:
    """Say where somebody could put another folder in place of this one; nothing where nobody could.

    That is no reason not to start: what is put there belongs to somebody else, which is refused. And the folders of
    build machines and of volumes are often like that.
    """
    with contextlib.suppress(OSError):  # we may not look
        for above in folder.resolve().parents:
            mode = above.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                return f"everybody can rename what is in {above}, and so the data folder: chmod o-w {above}"
    return ""


def stranger_of(descriptor: int) -> str:
    """Name whom an open file belongs to, where that is neither us nor root."""
    return _stranger(os.fstat(descriptor))


def _stranger(status: os.stat_result) -> str:
    return "" if status.st_uid in (os.geteuid(), _ROOT) else name_of(status.st_uid)


def name_of(uid: int) -> str:
    """Return the user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
