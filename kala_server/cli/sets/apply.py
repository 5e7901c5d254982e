"""`kala apply`: the files of a set come true, after it was shown what that means."""

import sys
from typing import TYPE_CHECKING, Any

import click

from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.sets.files import says_a_set
from kala_server.cli.sets.plan import tell
from kala_server.cli.sets.wanted import refuse_old, says_how, wanted_of
from kala_server.cli.text.plain import printable

if TYPE_CHECKING:
    from kala_client import SetPlan

_FEW = 5
"""Jobs of a set of which any number may go unasked."""


@click.command("apply", short_help="Let a set be just what its files say.")
@says_a_set
@says_how
@click.option("--prune-most", is_flag=True, help=f"Delete more than half of a set of {_FEW} jobs or more.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talks_to_kala
def apply_files(
    session: Session,
    *,
    files: tuple[str, ...],
    given: dict[str, str],
    prune_most: bool,
    yes: bool,
    **how: Any,
) -> None:
    """Let a set be just what its files say, all of it or nothing.

    It shows what would come of it and asks. Where the set is changed meanwhile, or since the plan was made that
    FILE keeps, nothing is changed and the exit code is 3.

    \b
    kala apply jobs.toml --prune
    kala apply plan.json --yes
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    from kala_server.cli.sets.shown import applied

    wanted = wanted_of(files, given, how)
    plan = wanted.planned(session, hours=24)
    if not plan.empty:
        if wanted.etag not in {"", plan.etag}:
            refuse_old(wanted.set)
        if not session.as_json:
            tell(session, plan)
        _check_what_goes(plan, prune_most=prune_most)
        _ask(yes=yes)
    done = wanted.applied(session, plan.etag)
    session.answer(plain(done), lambda: printable(applied(done)))


def _check_what_goes(plan: "SetPlan", *, prune_most: bool) -> None:
    """Refuse to delete most of a set unasked: its file may have been cut short."""
    gone = sum(change.what == "delete" and change.set == plan.set for change in plan.changes)
    there = plan.unchanged + plan.change + gone + len(plan.left)
    if there >= _FEW and gone * 2 > there and not prune_most:
        raise click.ClickException(
            f"nothing is changed: {gone} of the {there} jobs of {plan.set} would be deleted; "
            "if that is meant, say --prune-most"
        )


def _ask(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException(
            "nothing is changed: there is no terminal to ask on; --yes applies it unasked"
        )
    click.confirm("Apply it?", abort=True, err=True)
