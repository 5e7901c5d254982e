"""The options of `kala serve` and `kala run`, each also in the environment, and the settings that they make."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kala_server.cli.server.database import DATABASE_OPTIONS, database_of
from kala_server.cli.server.kalas_flags import kalas_flags, keep_days
from kala_server.cli.server.option import FILE, option
from kala_server.cli.text.typed_text import Number, Whole

if TYPE_CHECKING:
    from kala_server.config import Settings

F = TypeVar("F", bound=Callable[..., Any])


class _Port(Whole):
    """A port, also as Kala writes it: `:8000`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number: Any = value.removeprefix(":") if isinstance(value, str) else value
        return super().convert(number, param, ctx)


SERVER_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    option(
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
    option(
        "-p",
        "--port",
        type=_Port(0, 65535),
        default=8000,
        show_default=True,
        help="0 takes any free port.",
    ),
    option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("kala-data"),
        show_default="./kala-data",
        help="Where jobs and runs are kept.",
    ),
    option(
        "--no-persist",
        "-n",
        "--np",
        "-np",
        is_flag=True,
        help="Keep everything in memory; it is gone at the end.",
    ),
    option(
        "--answers",
        type=click.Choice(["both", "latest", "2015"]),
        default="both",
        show_default=True,
        help="Answer with all fields in both of Kala's spellings, or with exactly those of one Kala.",
    ),
    option("--no-web", is_flag=True, help="Have no web page at /webui/."),
    option(
        "--default-owner",
        "-o",
        "--do",
        "-do",
        metavar="EMAIL",
        default="",
        help="The owner of jobs that are created without one.",
    ),
    option(
        "--grace",
        type=Number(min=0),
        metavar="SECONDS",
        default=10.0,
        show_default="10",
        help="How long running commands may go on when the server is asked to stop.",
    ),
    option(
        "--max-running",
        type=Whole(min=1),
        default=64,
        show_default=True,
        help="How many commands run at the same time.",
    ),
    option(
        "--pass-env",
        multiple=True,
        metavar="PATTERN",
        help="Pass these variables on to commands, too, such as 'APP_*' ('*' for all); may be repeated.",
    ),
    option(
        "--http-allow",
        multiple=True,
        metavar="HOST",
        help="Let HTTP jobs call this host or network, and no other that is not named so; may be repeated.",
    ),
    option(
        "--http-deny",
        multiple=True,
        metavar="HOST",
        help="Do not let HTTP jobs call this host or network, such as 127.0.0.0/8; may be repeated.",
    ),
    option(
        "--keep-days",
        type=Number(min=0, min_open=True),
        metavar="N",
        help="Drop finished runs after so many days, not only by each job's keep_runs.",
    ),
    option(
        "--output-limit",
        type=Whole(min=0),
        metavar="BYTES",
        default=128 * 1024,
        show_default=True,
        help="How much of a run's output is kept: half from its beginning, half from its end.",
    ),
    option(
        "--survivors",
        type=click.Choice(["end", "wait"]),
        default="end",
        show_default=True,
        help="What becomes of commands that outlived a crash of the server.",
    ),
    option(
        "--allowed-host",
        multiple=True,
        metavar="NAME",
        help="Another name under which the server may be spoken to, or * for any; may be repeated.",
    ),
    option(
        "--token-file",
        type=FILE,
        metavar="FILE",
        help="Let in only who shows a token of this file (kala token).",
    ),
    option("--tls-cert", type=FILE, metavar="FILE", help="Encrypt connections, with this certificate (PEM)."),
    option("--tls-key", type=FILE, metavar="FILE", help="Its key, where it is not in the same file."),
    option(
        "--tls-client-ca",
        type=FILE,
        metavar="FILE",
        help="Let in only who has a certificate of this authority.",
    ),
    option(
        "--unix-socket", type=FILE, metavar="PATH", help="Listen on this socket of yours, and on no port."
    ),
    option(
        "--max-connections",
        type=Whole(min=1),
        default=512,
        show_default=True,
        help="How many connections may be open at the same time.",
    ),
    option(
        "--insecure-open-to-network",
        is_flag=True,
        help="Listen beyond this machine although whoever reaches the port can run commands.",
    ),
    *DATABASE_OPTIONS,
    option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="A line of text for each message on stderr, or a JSON object.",
    ),
    option("-v", "--verbose", is_flag=True, help="Log everything that happens."),
)


def server_options(command: F) -> F:
    """Give the command every option of a server."""
    for give in reversed((*SERVER_OPTIONS, *kalas_flags())):
        command = give(command)
    return command


def settings_of(options: dict[str, Any]) -> "Settings":
    """Make settings of the options' values."""
    from kala_server.config import Settings
    from kala_server.wire.shapes import Answers

    database = database_of(options)
    in_memory = options["no_persist"] or options["job_db"] == "memory"
    head = options["output_limit"] // 2
    return Settings(
        host=options["host"],
        port=options["port"],
        data_dir=None if in_memory or database else options["data_dir"],
        database=database,
        lease=timedelta(seconds=options["lease"]),
        default_queue=options["default_queue"],
        public_url=options["public_url"],
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
