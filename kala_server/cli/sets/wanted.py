"""What `kala plan` and `kala apply` ask for: a set and how it is applied, from its files or a plan that was kept."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from kala_server.cli.remote import Session
from kala_server.cli.sets.files import read_set, refuse
from kala_server.cli.text.plain import printable

if TYPE_CHECKING:
    from kala_client import SetApplied, SetPlan

F = TypeVar("F", bound=Callable[..., Any])

FORMAT = 1
CHANGED_MEANWHILE = 3
"""The exit code where the set is not what it was when the plan was made."""
IN_OPTIONS = {
    "would go as well": "--prune-children lets it go",
    "it stays there unless it is taken": "--take takes it",
}
"""What a server says of what it does not do unasked, and how it is asked for; a test holds that it says so."""


def says_how(command: F) -> F:
    """Give the command the options that say how a set is applied."""
    options = (
        click.option(
            "--prune", is_flag=True, help="Delete jobs of the set that its files do not name any more."
        ),
        click.option(
            "--prune-children",
            is_flag=True,
            help="Let jobs of others go, too, that follow only deleted ones.",
        ),
        click.option("--take", is_flag=True, help="Take jobs that it adopts out of other sets."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A set, and how it is to be applied. Of a plan that was kept, `etag` is what it was made from."""

    set: str
    jobs: list[dict[str, Any]]
    source: str = ""
    etag: str = ""
    how: dict[str, bool] = field(default_factory=dict)
    placed: Callable[[str, str], str] = lambda where, what: f"{where}: {what}"

    def planned(self, session: Session, hours: int) -> "SetPlan":
        """Ask what would come of it."""
        with self._in_words():
            return session.client.plan_set(self.set, self.jobs, hours=hours, **self.how)

    def applied(self, session: Session, etag: str) -> "SetApplied":
        """Apply it, if the set is as it was."""
        with self._in_words():
            return session.client.apply_set(
                self.set, self.jobs, if_match=etag, source=self.source, **self.how
            )

    def keep(self, file: str, etag: str) -> None:
        """Keep what was planned, for `kala apply FILE`."""
        told = {
            "kala_plan": FORMAT,
            "set": self.set,
            "jobs": self.jobs,
            "source": self.source,
            "etag": etag,
            "how": self.how,
        }
        try:
            Path(file).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(printable(f"{file}: {error.strerror}")) from None

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say of a refusal where in the files it has its reason, and by which option it is none."""
        from kala_client import ConflictError, InvalidRequestError

        try:
            yield
        except InvalidRequestError as error:
            if not error.errors:
                raise
            refuse(self.placed(one.field, one.message) for one in error.errors)
        except ConflictError as error:
            if error.status == 412:
                refuse_old(self.set)
            hint = "".join(f"; {option}" for words, option in IN_OPTIONS.items() if words in error.message)
            raise click.ClickException(printable(f"nothing is changed: {error.message}{hint}")) from error


def wanted_of(files: tuple[str, ...], given: dict[str, str], how: dict[str, bool]) -> Wanted:
    """Read the files of a set, or the one of a plan that was kept."""
    from kala_server.cli.sets.source import source_of

    if len(files) == 1 and (kept := _kept(files[0])) is not None:
        if given or any(how.values()):
            raise click.UsageError(
                "a plan that was kept says how it is applied: make another one to say otherwise"
            )
        return kept
    found = read_set(files, given)
    return Wanted(set=found.name, jobs=found.jobs, source=source_of(files), how=how, placed=found.placed)


def refuse_old(name: str) -> NoReturn:
    """Say that the set is not what the plan was made from, and end with an exit code of its own."""
    click.echo(f"nothing is changed: {printable(name)} was changed since the plan was made", err=True)
    click.echo("see what would come of it now, and keep it anew: kala plan -o plan.json FILE...", err=True)
    raise click.exceptions.Exit(CHANGED_MEANWHILE)


def _kept(file: str) -> Wanted | None:
    """Return the plan that a file keeps; None where it is another file."""
    if not file.endswith(".json"):
        return None
    try:
        said = json.loads(Path(file).read_bytes())
    except (OSError, ValueError):
        return None  # whoever reads it as a set says what is wrong
    if not isinstance(said, Mapping) or said.get("kala_plan") != FORMAT:
        return None
    try:
        return Wanted(**{name: value for name, value in said.items() if name != "kala_plan"})
    except TypeError:
        raise click.ClickException(f"{printable(file)}: this is no plan that kala plan -o has kept") from None
