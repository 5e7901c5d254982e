"""`kala plan`: what would come of applying the files of a set."""

from typing import TYPE_CHECKING, Any

import click

from kala_server.cli.remote import Session, plain, say_json, talks_to_kala
from kala_server.cli.sets.files import says_a_set
from kala_server.cli.sets.wanted import says_how, wanted_of
from kala_server.cli.text.plain import printable
from kala_server.cli.text.typed_text import Whole

if TYPE_CHECKING:
    from kala_client import SetPlan

_CHANGES = 2
"""The exit code where there is something to do, for whoever asks for it."""
_LONGEST_LOOK = 24 * 366


@click.command(short_help="Say what would come of applying the files of a set.")
@says_a_set
@says_how
@click.option(
    "--hours", type=Whole(1, _LONGEST_LOOK), default=24, show_default=True, help="How far to look ahead."
)
@click.option("--exit-code", is_flag=True, help="Exit with 2 where there is something to do.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Keep the plan for kala apply FILE.")
@talks_to_kala
def plan(
    session: Session,
    *,
    files: tuple[str, ...],
    given: dict[str, str],
    hours: int,
    exit_code: bool,
    output: str | None,
    **how: Any,
) -> None:
    """Say what would come of applying the files of a set; nothing changes.

    It is the decision itself, taken back: which jobs would be created, changed and deleted, which slots would go and
    come, and what would run at once.

    \b
    kala plan jobs.toml --prune
    kala plan jobs.toml -o plan.json && kala apply plan.json
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    wanted = wanted_of(files, given, how)
    found = wanted.planned(session, hours)
    if output is not None:
        wanted.keep(output, found.etag)
    tell(session, found)
    if wanted.etag not in {"", found.etag} and not found.empty:
        click.echo("the set was changed since this plan was kept: it cannot be applied any more", err=True)
    if exit_code and not found.empty:
        raise click.exceptions.Exit(_CHANGES)


def tell(session: Session, plan: "SetPlan") -> None:
    """Answer with the plan as JSON, or with a line for each thing that would be otherwise."""
    from kala_server.cli.sets.shown import lines_of

    if session.as_json:
        say_json(plain(plan))
        return
    answer = session.client.last_answer
    where = answer.url.partition("/api/v1/")[0] if answer else ""
    for line in lines_of(plan, session.clock, where):
        click.echo(printable(line))
