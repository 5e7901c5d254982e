"""The options of `kala serve` and `kala run`, each also in the environment, and the settings that they make."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kala_server.cli.server.kalas_flags import STORES, kalas_flags, keep_days
from kala_server.cli.text.typed_text import Number, Whole

if TYPE_CHECKING:
    from kala_server.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(dir_okay=False, path_type=Path)


class _Port(Whole):
    """A port, also as Kala writes it: `:8000`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number: Any = value.removeprefix(":") if isinstance(value, str) else value
        return super().convert(number, param, ctx)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Make an option that `KALA_…` in the environment sets too."""
    longest = max(names, key=len)
    variable = "KALA_" + longest.lstrip("-").replace("-", "_").upper()
    return click.option(*names, **{"envvar": variable, "show_envvar": True, **attributes})


SERVER_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _option(
        "-i",
        "--interface",
        "--host",
        "host",
        metavar="ADDRESS",
        envvar="KALA_HOST",
        default="127.0.0.1",
        show_default=True,
        help="Where to listen.",
    ),
    _option(
        "-p",
        "--port",
        type=_Port(0, 65535),
        default=8000,
        show_default=True,
        help="0 takes any free port.",
    ),
    _option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("kala-data"),
        show_default="./kala-data",
        help="Where jobs and runs are kept.",
    ),
    _option(
        "--no-persist",
        "-n",
        "--np",
        "-np",
        is_flag=True,
        help="Keep everything in memory; it is gone at the end.",
    ),
    _option(
        "--answers",
        type=click.Choice(["both", "latest", "2015"]),
        default="both",
        show_default=True,
        help="Answer with all fields in both of Kala's spellings, or with exactly those of one Kala.",
    ),
    _option("--no-web", is_flag=True, help="Have no web page at /webui/."),
    _option(
        "--default-owner",
        "-o",
        "--do",
        "-do",
        metavar="EMAIL",
        default="",
        help="The owner of jobs that are created without one.",
    ),
    _option(
        "--grace",
        type=Number(min=0),
        metavar="SECONDS",
        default=10.0,
        show_default="10",
        help="How long running commands may go on when the server is asked to stop.",
    ),
    _option(
        "--max-running",
        type=Whole(min=1),
        default=64,
        show_default=True,
        help="How many commands run at the same time.",
    ),
    _option(
        "--pass-env",
        multiple=True,
        metavar="PATTERN",
        help="Pass these variables on to commands, too, such as 'APP_*' ('*' for all); may be repeated.",
    ),
    _option(
        "--http-allow",
        multiple=True,
        metavar="HOST",
        help="Let HTTP jobs call this host or network, and no other that is not named so; may be repeated.",
    ),
    _option(
        "--http-deny",
        multiple=True,
        metavar="HOST",
        help="Do not let HTTP jobs call this host or network, such as 127.0.0.0/8; may be repeated.",
    ),
    _option(
        "--keep-days",
        type=Number(min=0, min_open=True),
        metavar="N",
        help="Drop finished runs after so many days, not only by each job's keep_runs.",
    ),
    _option(
        "--output-limit",
        type=Whole(min=0),
        metavar="BYTES",
        default=128 * 1024,
        show_default=True,
        help="How much of a run's output is kept: half from its beginning, half from its end.",
    ),
    _option(
        "--survivors",
        type=click.Choice(["end", "wait"]),
        default="end",
        show_default=True,
        help="What becomes of commands that outlived a crash of the server.",
    ),
    _option(
        "--allowed-host",
        multiple=True,
        metavar="NAME",
        help="Another name under which the server may be spoken to, or * for any; may be repeated.",
    ),
    _option(
        "--token-file",
        type=_FILE,
        metavar="FILE",
        help="Let in only who shows a token of this file (kala token).",
    ),
    _option(
        "--tls-cert", type=_FILE, metavar="FILE", help="Encrypt connections, with this certificate (PEM)."
    ),
    _option("--tls-key", type=_FILE, metavar="FILE", help="Its key, where it is not in the same file."),
    _option(
        "--tls-client-ca",
        type=_FILE,
        metavar="FILE",
        help="Let in only who has a certificate of this authority.",
    ),
    _option(
        "--unix-socket", type=_FILE, metavar="PATH", help="Listen on this socket of yours, and on no port."
    ),
    _option(
        "--max-connections",
        type=Whole(min=1),
        default=512,
        show_default=True,
        help="How many connections may be open at the same time.",
    ),
    _option(
        "--insecure-open-to-network",
        is_flag=True,
        help="Listen beyond this machine although whoever reaches the port can run commands.",
    ),
    _option(
        "--jobDB",
        "--jobdb",
        "job_db",
        metavar="NAME",
        envvar="KALA_JOBDB",
        callback=lambda _ctx, _option, name: _known_store(name),
        help="Kala's name for the kind of store: journal (which boltdb means, too) or memory.  [default: journal]",
    ),
    _option(
        "--jobDBAddress",
        "--jobdb-address",
        "job_db_address",
        metavar="ADDRESS",
        envvar="KALA_JOBDB_ADDRESS",
        callback=lambda _ctx, _option, address: _no_address(address),
        help="Kala's option for stores behind an address; there is none of these here.",
    ),
    _option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="A line of text for each message on stderr, or a JSON object.",
    ),
    _option("-v", "--verbose", is_flag=True, help="Log everything that happens."),
)


def server_options(command: F) -> F:
    """Give the command every option of a server."""
    for option in reversed((*SERVER_OPTIONS, *kalas_flags())):
        command = option(command)
    return command


def settings_of(options: dict[str, Any]) -> "Settings":
    """Make settings of the options' values."""
    from kala_server.config import Settings
    from kala_server.wire.shapes import Answers

    in_memory = options["no_persist"] or options["job_db"] == "memory"
    head = options["output_limit"] // 2
    return Settings(
        host=options["host"],
        port=options["port"],
        data_dir=None if in_memory else options["data_dir"],
        answers=Answers(options["answers"]),
        with_page=not options["no_web"],
        default_owner=options["default_owner"],
        grace=timedelta(seconds=options["grace"]),
        max_running=options["max_running"],
        pass_env=tuple(options["pass_env"]),
        http_allow=tuple(options["http_allow"]),
        http_deny=tuple(options["http_deny"]),
        keep_days=keep_days(options),
        output_head=head,
        output_tail=options["output_limit"] - head,
        wait_for_survivors=options["survivors"] == "wait",
        allowed_hosts=frozenset(name.lower() for name in options["allowed_host"]),
        # Not an option: what stands on a command line can be read by every user of the machine.
        token=os.environ.get("KALA_TOKEN", ""),
        token_file=options["token_file"],
        tls_cert=options["tls_cert"],
        tls_key=options["tls_key"],
        tls_client_ca=options["tls_client_ca"],
        unix_socket=options["unix_socket"],
        max_connections=options["max_connections"],
        insecure_open_to_network=options["insecure_open_to_network"],
    )


def _known_store(name: str | None) -> str | None:
    if name is None or name.lower() in {"journal", "memory", "boltdb"}:
        return name and name.lower()
    raise click.BadParameter(f"there is no store {name!r} here; there are {STORES}")


def _no_address(address: str | None) -> None:
    if address:
        raise click.BadParameter(f"no store here has an address; there are {STORES}")
