"""Whose rights a command gets, and how this process has them for a moment. It starts nothing."""

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kala_server.core import reasons
from kala_server.runners.room import check_for_descriptors
from kala_server.runners.text import to_system


class CannotStartError(Exception):
    """There is no process; says why, in words for people."""

    may_be_tried_again = False
    """Whether it was for want of room."""


class NoRoomError(CannotStartError):
    """The machine has no room for a process for now."""

    may_be_tried_again = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose rights a command gets; None and empty = the server's."""

    user: int | None = None
    group: int | None = None
    groups: Sequence[int] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def identity_of(user: str) -> Identity:
    """Return the rights of the job's user and its groups alone, with the variables that a login would set."""
    if not user:
        return Identity()
    name = os.fsdecode(to_system(user))
    check_for_descriptors()  # without one, nobody would be found, or no groups
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError) as error:
        raise CannotStartError(f"there is no user {reasons.shown(user)!r} on this machine") from error
    if entry.pw_uid == os.geteuid():
        return Identity()
    return Identity(
        user=entry.pw_uid,
        group=entry.pw_gid,
        groups=os.getgrouplist(name, entry.pw_gid),
        variables={"HOME": entry.pw_dir, "USER": user, "LOGNAME": user, "SHELL": entry.pw_shell},
    )


@contextlib.contextmanager
def rights_of(identity: Identity) -> Iterator[None]:
    """Have these rights, but for that to give them back. Raises OSError.

    Only the effective ones are changed: by the others the user can neither end nor trace this process.
    """
    if identity.user is None or identity.group is None:
        yield
        return
    user, group, groups = os.geteuid(), os.getegid(), os.getgroups()
    try:
        os.setgroups(identity.groups or ())
        os.setegid(identity.group)
        os.seteuid(identity.user)
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)
        os.setgroups(groups)
