"""`--dry-run` of `kala job create|edit`: what a job would be, and when it would be due, as the server says it."""

from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kala_server.cli.remote import Session, plain

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kala_client import Trial

F = TypeVar("F", bound=Callable[..., Any])


def tries_it_out(command: F) -> F:
    """Give a command the option."""
    told = "Only say what the job would be and when it would be due; nothing is stored."
    return click.option("--dry-run", is_flag=True, help=told)(command)


def tell_of_trial(session: Session, trial: "Trial") -> None:
    """Tell what a job would be."""
    session.answer({**plain(trial), "job": plain(trial.job)}, lambda: _words(session, trial))
    session.notes.append("nothing is stored: this was a dry run")


def _words(session: Session, trial: "Trial") -> "RenderableType":
    from rich.console import Group

    from kala_server.cli.text.describe import job_facts

    facts, words, times = job_facts(trial.job, session.clock), trial.words, _times(session, trial)
    return Group(facts, "", words, times) if words else Group(facts, "", times)


def _times(session: Session, trial: "Trial") -> "RenderableType":
    """Tell the next times, beside those as they are where there are some."""
    from kala_server.cli.text.show import Column, table, whole_moment

    told = {"would be due": trial.next, "is due": trial.before}
    shown = {title: times for title, times in told.items() if times}
    rows = zip_longest(*shown.values())
    zone = session.clock.zone
    return table([Column(title) for title in shown], [[whole_moment(at, zone) for at in row] for row in rows])
