"""`kala export`: a set as the file that says it."""

from pathlib import Path

import click

from kala_server.cli.remote import Session, plain, say_json, talks_to_kala
from kala_server.cli.text.plain import printable


@click.command(short_help="Write a set of jobs as a file.")
@click.argument("name", metavar="NAME")
@click.argument("file", required=False, type=click.Path())
@talks_to_kala
def export(session: Session, *, name: str, file: str | None) -> None:
    """Write the set NAME as the TOML file that says it, to FILE or to stdout.

    To apply it as it is changes nothing. A FILE that is there is left as it is.

    \b
    kala export billing > jobs.toml
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    from kala_client.set_files.writing import written
    from kala_server.cli.sets.shown import counted

    found = session.client.get_set(name)
    text = written(found.name, found.jobs)
    if file is not None:
        _create(Path(file), text)
    if session.as_json:
        say_json(plain(found))
    elif file is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"{printable(file)}: {counted(len(found.jobs), 'job')} of {printable(found.name)}")


def _create(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{printable(str(path))} is there already, and is left as it is") from None
    except OSError as error:
        raise click.ClickException(f"{printable(str(path))}: {error.strerror}") from None
