"""The composition root: the one place where concrete stores, runners and clocks are named and put together."""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from datetime import timedelta
from os import urandom
from typing import Any

from tornado.netutil import bind_sockets

from kala_server.access import check_settings, reach_of, tls_of, tokens_of
from kala_server.clock import Clock, LoopClock
from kala_server.config import Settings
from kala_server.core.decide.transaction import Limits
from kala_server.core.model.inputs import EndEverything
from kala_server.keeping import given, keeping_of
from kala_server.machine_zone import machine_zone
from kala_server.metrics import Metrics
from kala_server.ports.machines import WorkerState, unattended
from kala_server.ports.runner import Runner
from kala_server.ports.store import SharedStore, Store, StoreBrokenError
from kala_server.presence import Presence
from kala_server.runners.dispatch import Runners
from kala_server.runners.http.calls import HttpRunner
from kala_server.runners.local.environment import Surroundings, surroundings
from kala_server.runners.local.notes import Notes
from kala_server.runners.local.worker_runner import WorkerRunner
from kala_server.service import condition, zone_watch
from kala_server.service.executor import Executor
from kala_server.service.garbage import Garbage
from kala_server.service.member import Member
from kala_server.service.role import ALONE, Role
from kala_server.service.service import Policy, Service
from kala_server.stores.journal.journal import JOURNAL
from kala_server.tokens import Tokens
from kala_server.unix_socket import UnixSocket
from kala_server.web.accepting import fitting
from kala_server.web.app import App
from kala_server.web.connections import BoundedServer, Bounds
from kala_server.web.context import Context
from kala_server.web.guard import Guard
from kala_server.web.ids import Ids
from kala_server.wire.listing import Listing
from kala_server.wire.shapes import SHAPES

_log = logging.getLogger("kala.server")

_LAST_WORDS = 2.0
_BACKLOG = 1024
"""Connections that wait to be accepted. Those beyond Tornado's 128 would be dropped, and tried again a second later."""
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens on it by this
"""How this machine itself is reached where the server listens on all its addresses."""
_LARGEST_BODY = 1 << 40
"""Handlers have limits of their own, and answer 413; Tornado's would be a bare 400."""


class Server:
    """A whole server on the running event loop: `start`, then `stop` (or wait until it `ended` by itself)."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        runner: Runner | None = None,
        store: Store | None = None,
        cluster: Callable[[Callable[[], str]], SharedStore] | None = None,
        random: Callable[[int], bytes] = urandom,
        garbage: Garbage | None = None,
    ) -> None:
        """Put it together; by default it goes by the wall clock, carries out real commands and calls, and draws ids.

        A store that is given takes the place of the one that the settings name; so does one that several servers are
        of (`cluster`), which is made of what tells the address of this one.
        A server whose clock, runner and ids are those of a test does the same in every process.
        """
        garbage = garbage or Garbage()
        tokens = tokens_of(settings)
        check_settings(settings, tokens)
        tls = tls_of(settings)
        self._settings = settings
        self._exit = ExitStack()
        self._background: list[asyncio.Task[None]] = []
        """Kept, as the loop itself does not keep its tasks."""
        self._removed = ExitStack()
        """What is to be gone before others may listen where we do."""
        self.port = settings.port
        self.ended: asyncio.Future[StoreBrokenError] = asyncio.get_running_loop().create_future()
        """Done with the reason when the server cannot go on."""
        shared = cluster(lambda: self.public_url) if cluster else None
        kept = given(store, shared, settings, self._exit)
        self._kept = kept or keeping_of(settings, lambda: self.public_url, self._exit)
        self.store = self._kept.store
        self._commands = WorkerRunner(
            kill_grace=settings.kill_grace.total_seconds(),
            found=self._what_commands_find,
            held=self._kept.held,
            notes=Notes(self._kept.folder and self._kept.folder / "commands"),
            leaves_commands=self._kept.cluster is None,
        )
        ours = Runners(
            shell=self._commands,
            http=HttpRunner(reach=reach_of(settings)),
            queues=self._kept.queues,
            default_queue=settings.default_queue,
        )
        self._carries_out_commands = runner is None
        self._runner = runner or ours
        self.executor = Executor(
            runner=self._runner,
            outputs=self._kept.outputs,
            output_limits=(settings.output_head, settings.output_tail),
        )
        self._metrics = Metrics(self._gauges)
        self._presence = Presence(self._kept.folder and self._kept.folder / JOURNAL)
        self.service = self._make_service(clock or LoopClock(), garbage)
        shared = self._kept.cluster
        self._member = Member(shared, self.service, self.service.clock) if shared else None
        self._context = self._make_context(tokens, Ids(random), garbage)
        self._http = BoundedServer(
            App(self._context, with_page=settings.with_page),
            ssl_options=tls,
            max_body_size=_LARGEST_BODY,
            bounds=_bounds(settings),
        )

    @property
    def url(self) -> str:
        """Where the server answers."""
        if self._settings.unix_socket is not None:
            return f"unix:{self._settings.unix_socket}"
        return self._url_at(self._settings.host)

    @property
    def public_url(self) -> str:
        """Where others reach the server."""
        return self._settings.public_url or self.url

    def _url_at(self, host: str) -> str:
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self._settings.tls_cert else 'http'}://{host}:{self.port}"

    def _what_commands_find(self) -> Surroundings:
        """Return what every command finds; a client takes no address of a Unix socket, so commands get none then."""
        settings = self._settings
        here = "" if settings.unix_socket else self._url_at(_EVERYWHERE.get(settings.host, settings.host))
        return surroundings(pass_env=settings.pass_env, url=here, open_files=settings.command_open_files)

    async def start(self) -> None:
        """Load the store, listen, and run what is due. Raises StoreError, and OSError where the port is taken."""
        sockets = []
        try:
            sockets = self._listen()
            if self._settings.unix_socket is None:
                self.port = sockets[0].getsockname()[1]
            self._presence.look()
            await (self._member or self.service).start()
            self._presence.begin(self.service.up_since)
            if self._carries_out_commands:
                self._commands.get_ready()
        except BaseException:
            self._removed.close()
            self._exit.close()
            for listening in sockets:
                listening.close()
            raise
        self._http.add_sockets(sockets)
        self._in_background(zone_watch.follow_changes(self.service))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside the rest until the server stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.append(task)
        self._exit.callback(task.cancel)

    async def stop(self, grace: timedelta | None = None) -> None:
        """Stop accepting, let commands finish for a while, end the others, record everything."""
        grace = self._settings.grace if grace is None else grace
        await self._end((self._member or self.service).stop(grace))

    @property
    def role(self) -> Role:
        """What this server is among those of its store."""
        return self._member.role if self._member else ALONE

    async def leave(self) -> None:
        """End as if it was killed, in a process that goes on: nothing more is recorded, and commands are ended."""
        await self._end((self._member or self.service).leave())

    async def _end(self, service_ends: Coroutine[Any, Any, None]) -> None:
        self._removed.close()
        self._http.stop()
        await service_ends
        self._presence.end(self.service.clock.now())
        await self._streams_to_end()
        await self._http.close_all_connections()
        self._exit.close()

    async def _streams_to_end(self) -> None:
        """Let followers get the last words: what they follow is over, and those that do not read are not waited for."""
        if streams := list(self._context.streams):
            await asyncio.wait(streams, timeout=_LAST_WORDS)

    @property
    def is_new(self) -> bool:
        """Whether nothing was there when the server started."""
        return self.store.is_new

    @property
    def database(self) -> str:
        """Where all is kept, as it may be shown; empty where that is no database."""
        return self._kept.database

    def end_everything(self) -> None:
        """End every command at once; a `stop` that lets them finish need not wait any longer."""
        self.service.tell(EndEverything())
        self._runner.kill_all()

    def _notes(self) -> list[str]:
        service, pause = self.service, self.service.state.pause
        return condition.notes(
            paused_since=pause.at if pause else None,
            stuck=len(service.state.stuck),
            now=service.clock.now(),
            last_step=service.last_step,
            open_connections=self._http.open_connections,
            max_connections=self._http.bounds.max_connections,
            follows=self.role if service.follows else None,
            unattended=len(self._unattended),
        )

    @property
    def _unattended(self) -> frozenset[str]:
        """The queues of which no worker is there, while this server leads."""
        machines = self._kept.machines
        return frozenset() if machines is None or self.service.follows else unattended(machines)

    def _gauges(self) -> dict[str, tuple[str, float]]:
        state, step = self.service.state, self.service.last_step
        return {
            "kala_jobs": ("Jobs", len(state.jobs)),
            "kala_jobs_disabled": ("Disabled jobs", len(state.jobs.disabled)),
            "kala_paused": ("1 while the server is paused, else 0", int(state.pause is not None)),
            "kala_jobs_stuck": ("Jobs about which nothing can be decided", len(state.stuck)),
            "kala_runs_running": ("Runs whose command is running", state.counts["running"]),
            "kala_runs_ready": ("Runs that wait for a free place", len(state.ready)),
            "kala_events_waiting": ("Events that wait to be decided on", self.service.waiting_events),
            "kala_journal_bytes": ("Size of the journal", self.store.size),
            **self._gauges_of_a_cluster(),
            "kala_connections": ("Open connections", self._http.open_connections),
            "kala_clock_step_seconds": (
                "By how much the clock was put on, or back where it is negative, the last time; 0 where it never was",
                step[1].total_seconds() if step else 0,
            ),
        }

    def _gauges_of_a_cluster(self) -> dict[str, tuple[str, float]]:
        role = self.role
        if role is ALONE:
            return {}
        return {
            **self._gauges_of_workers(),
            "kala_leader": ("1 while the server leads, 0 while it follows", int(role.name == "leader")),
            "kala_epoch": ("Of the server that leads: it is higher for each", role.epoch),
            "kala_lag_seconds": ("What the server shows was so at most so long ago", role.lag),
            "kala_lease_seconds": (
                "For how long the leader is one if nothing more is heard of it",
                role.lease,
            ),
        }

    def _gauges_of_workers(self) -> dict[str, tuple[str, float]]:
        if self._kept.machines is None or self.service.follows:
            return {}
        there = [one for one in self._kept.machines.seen if one.state is WorkerState.THERE]
        return {
            "kala_workers": ("Workers that are there, and take attempts", len(there)),
            "kala_worker_places": (
                "Attempts that they can carry out at the same time",
                sum(one.concurrency for one in there),
            ),
            "kala_worker_running": ("Attempts that they carry out", sum(one.running for one in there)),
            "kala_queues_unattended": (
                "Queues in which attempts wait, while no worker takes from them",
                len(self._unattended),
            ),
        }

    def _listen(self) -> list[socket.socket]:
        path = self._settings.unix_socket
        if path is None:
            return bind_sockets(self._settings.port, self._settings.host, backlog=_BACKLOG)
        made = UnixSocket(path, _BACKLOG)
        self._removed.callback(made.remove)
        return [made.listening]

    def _on_broken(self, error: StoreBrokenError) -> None:
        if not self.ended.done():
            _log.critical("the store can no longer be trusted, the server ends: %s", error)
            self.ended.set_result(error)

    def _make_context(self, tokens: Tokens, ids: Ids, garbage: Garbage) -> Context:
        settings, shape = self._settings, SHAPES[self._settings.answers]
        hosts = {name.lower() for name in {*settings.allowed_hosts, settings.host}}
        return Context(
            service=self.service,
            executor=self.executor,
            guard=Guard(allowed_hosts=frozenset(hosts)),
            tokens=tokens,
            metrics=self._metrics,
            role=lambda: self.role,
            notes=self._notes,
            shape=shape,
            listing=Listing(shape),
            ids=ids,
            garbage=garbage,
            default_owner=settings.default_owner,
            zone=machine_zone(),
            presence=self._presence,
            max_running=settings.max_running,
            machines=self._kept.machines,
        )

    def _make_service(self, clock: Clock, garbage: Garbage) -> Service:
        settings = self._settings
        return Service(
            store=self.store,
            executor=self.executor,
            clock=clock,
            policy=Policy(
                limits=Limits(max_running=settings.max_running),
                keep_days=settings.keep_days,
                wait_for_survivors=settings.wait_for_survivors,
                longest_ending=2 * settings.kill_grace,
            ),
            on_broken=self._on_broken,
            meter=self._metrics,
            garbage=garbage,
        )


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        max_connections=_connections(settings),
        header_timeout=settings.header_timeout,
        body_timeout=settings.body_timeout,
        unread_timeout=settings.unread_timeout,
    )


def _connections(settings: Settings) -> int:
    """Return how many connections there may be: fewer than was said where there are not so many descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections
    fitted = fitting(wanted, descriptors=descriptors, running=settings.max_running)
    if fitted < wanted:
        _log.warning(
            "there will be up to %d connections, not %d as --max-connections says: this process may have %d files open "
            "(ulimit -n), and some are needed for the store and for %d jobs",
            *(fitted, wanted, descriptors, settings.max_running),
        )
    return fitted
