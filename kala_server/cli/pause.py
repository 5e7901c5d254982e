"""`kala pause` and `kala resume`: whether jobs start by themselves at all; and how other commands tell of a pause."""

from typing import TYPE_CHECKING

import click

from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.text.plain import printable
from kala_server.cli.text.reader import Clock

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kala_client import Pause


@click.command(short_help="Let no job start by itself until kala resume.")
@click.option("--reason", default="", metavar="TEXT", help="Why, and who says so, for whoever wonders.")
@talks_to_kala
def pause(session: Session, *, reason: str) -> None:
    """Let no job start by itself until `kala resume`.

    What is due meanwhile is skipped, and the ledger says why. What runs goes on, what waits goes on waiting, and what
    is started by hand starts. The pause outlives a restart of the server.

    \b
    kala pause --reason "the database moves until 18:00, ask Ana"
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    now = session.client.pause(reason)
    session.answer(plain(now), lambda: f"{told(now, session.clock)} until kala resume")


@click.command(short_help="Let jobs start by themselves again.")
@talks_to_kala
def resume(session: Session) -> None:
    """Let jobs start by themselves again.

    What waits starts; what was due in the pause stays skipped.
    """
    now = session.client.resume()
    session.answer(plain(now), lambda: "jobs start by themselves")


def told(now: "Pause", clock: Clock) -> str:
    """Say since when the server is paused, and why."""
    from kala_server.cli.text.show import whole_moment

    why = f" ({printable(now.reason)})" if now.reason else ""
    return f"paused since {whole_moment(now.since, clock.zone)}{why}: no job starts by itself"


def with_pause(session: Session, words: "RenderableType") -> "RenderableType":
    """Say before the words that the server is paused, where it is; a real Kala never is."""
    from rich.console import Group

    from kala_client import NotFoundError, NotSupportedError

    try:
        now = session.client.get_pause()
    except (NotFoundError, NotSupportedError):
        return words
    return Group(told(now, session.clock), words) if now.paused else words
