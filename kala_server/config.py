"""The server's settings: frozen, checked once. Where they come from is the command line's business."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from kala_server.wire.shapes import Answers


class ConfigError(Exception):
    """The settings do not go together; the message says which would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where a database is, and how to get in. What may hold a password is not shown."""

    kind: Literal["postgres", "redis"]
    address: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be said about a server."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 = any free port."""
    data_dir: Path | None = Path("kala-data")
    """None = all in memory, gone at the end, or in a database."""
    database: Database | None = None
    """Where jobs are kept in place of a folder."""
    lease: timedelta = timedelta(seconds=3)
    """After so long without a word of the server that leads, another one may."""
    default_queue: str = ""
    """Of jobs that name no queue; empty = they run on this machine."""
    public_url: str = ""
    """Where others reach this server; empty = where it listens."""
    answers: Answers = Answers.BOTH
    """As which Kala its own routes answer."""
    with_page: bool = True
    """Whether there is the web page at /webui/; without it nothing but the API and what watchers ask."""
    default_owner: str = ""
    grace: timedelta = timedelta(seconds=10)
    """How long running commands may go on when the server is asked to stop."""
    kill_grace: timedelta = timedelta(seconds=5)
    """How long a command that was asked to end (TERM) may take before it is made to (KILL)."""
    max_running: int = 64
    pass_env: tuple[str, ...] = ()
    """Patterns of variables that commands get of the server's environment, beside `runner.environment.PASSED_ON`."""
    http_allow: tuple[str, ...] = ()
    """Hosts and networks that HTTP jobs may call, and no others; empty = all, …"""
    http_deny: tuple[str, ...] = ()
    """… but for these."""
    command_open_files: int | None = None
    """The soft limit on descriptors that commands get, where the server's own was raised; None = the server's own."""
    keep_days: float | None = None
    output_head: int = 64 * 1024
    output_tail: int = 64 * 1024
    """How many bytes of a run's output are kept, from its beginning and from its end."""
    wait_for_survivors: bool = False
    allowed_hosts: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)
    """A secret with the full scope, beside those of `token_file`. Without any token everybody has it."""
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """None = the key is in the file of the certificate."""
    tls_client_ca: Path | None = None
    """Clients must show a certificate of this authority."""
    unix_socket: Path | None = None
    """Listen on this socket, which only the server's user can open, and on no port."""
    max_connections: int = 512
    header_timeout: timedelta = timedelta(seconds=20)
    """How long the head of a request may take, from when the connection is open or its last answer is sent."""
    body_timeout: timedelta = timedelta(seconds=60)
    unread_timeout: timedelta = timedelta(seconds=30)
    """How long a client may take nothing in of what is sent to it."""
    insecure_open_to_network: bool = False
    """Listen beyond loopback without any authentication: whoever reaches the port can run commands."""
