"""What the handlers work with, put together once by the composition root."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from kala_server.core.questions.crowd import Crowd
from kala_server.metrics import Metrics
from kala_server.ports.machines import Machines
from kala_server.presence import Presence
from kala_server.service.executor import Executor
from kala_server.service.garbage import Garbage
from kala_server.service.role import ALONE, Role
from kala_server.service.service import Service
from kala_server.service.slices import Turns
from kala_server.tokens import Tokens
from kala_server.web.files import Files
from kala_server.web.guard import Guard
from kala_server.web.ids import Ids
from kala_server.web.written_once import WrittenOnce
from kala_server.wire.listing import Listing
from kala_server.wire.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The parts of the server that handlers speak to."""

    service: Service
    executor: Executor
    guard: Guard
    tokens: Tokens
    metrics: Metrics
    role: Callable[[], Role] = lambda: ALONE
    """What this server is among those of its store."""
    notes: Callable[[], list[str]]
    """What ails the server and does not keep it from its work, in words for everybody."""
    shape: Shape
    """What Kala's own routes say."""
    listing: Listing
    ids: Ids
    """Of new jobs, and of runs that are asked for."""
    crowd: Crowd = field(default_factory=Crowd)
    turns: Turns = field(default_factory=Turns)
    """For requests that compute."""
    events: WrittenOnce = field(default_factory=WrittenOnce)
    streams: set[asyncio.Task[None]] = field(default_factory=set)
    """The answers that are being streamed."""
    garbage: Garbage
    files: Files = field(default_factory=Files)
    """Of the web page."""
    default_owner: str = ""
    presence: Presence = field(default_factory=lambda: Presence(None))
    """When there was no server."""
    zone: str = "UTC"
    """The name of the machine's time zone."""
    max_running: int = 64
    machines: Machines | None = None
    """The workers on other machines; None where there can be none."""
