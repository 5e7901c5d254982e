"""The composition root: the one place where concrete stores, runners and clocks are named and put together."""

import asyncio
import logging
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from kala_server.clock import LoopClock
from kala_server.config import ConfigError, Settings
from kala_server.core.events import EndEverything
from kala_server.core.turn import Limits
from kala_server.executor import Executor
from kala_server.outputs import OutputFolder
from kala_server.runner.dispatch import Runners
from kala_server.runner.http import HttpRunner
from kala_server.runner.shell import ShellRunner
from kala_server.service import Policy, Service
from kala_server.store.journal import JournalStore
from kala_server.store.memory import MemoryStore
from kala_server.store.protocol import Store, StoreBrokenError
from kala_server.web.app import make_app
from kala_server.web.context import Context
from kala_server.web.guard import Guard, is_loopback

_log = logging.getLogger("kala.server")

_LARGEST_BODY = 64 << 20
_HEADER_TIMEOUT = 20.0
_BODY_TIMEOUT = 60.0


class Server:
    """A whole server on the running event loop: `start`, then `stop` (or wait until it `ended` by itself)."""

    def __init__(self, settings: Settings) -> None:
        check(settings)
        self._settings = settings
        self._exit = ExitStack()
        self.port = settings.port
        self.ended: asyncio.Future[StoreBrokenError] = asyncio.get_running_loop().create_future()
        """Done with the reason when the server cannot go on."""
        self.store = self._make_store()
        self._runners = Runners(
            shell=ShellRunner(kill_grace=settings.kill_grace.total_seconds()), http=HttpRunner()
        )
        self.executor = Executor(
            runner=self._runners,
            outputs=OutputFolder(self._output_folder()),
            output_limits=(settings.output_head, settings.output_tail),
        )
        self.service = Service(
            store=self.store,
            executor=self.executor,
            clock=LoopClock(),
            policy=Policy(
                limits=Limits(max_running=settings.max_running),
                keep_days=settings.keep_days,
                wait_for_survivors=settings.wait_for_survivors,
            ),
            on_broken=self._on_broken,
        )
        hosts = settings.allowed_hosts | {settings.host.lower()}
        context = Context(
            service=self.service,
            executor=self.executor,
            guard=Guard(allowed_hosts=frozenset(hosts)),
            default_owner=settings.default_owner,
        )
        self._http = HTTPServer(
            make_app(context),
            max_body_size=_LARGEST_BODY,
            idle_connection_timeout=_HEADER_TIMEOUT,
            body_timeout=_BODY_TIMEOUT,
        )

    @property
    def url(self) -> str:
        """Where the server answers."""
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """Load the store, listen, and run what is due. Raises StoreError, and OSError where the port is taken."""
        sockets = []
        try:
            sockets = bind_sockets(self._settings.port, self._settings.host)
            await self.service.start()
        except BaseException:
            for socket in sockets:
                socket.close()
            self._exit.close()
            raise
        self.port = sockets[0].getsockname()[1]
        self._http.add_sockets(sockets)

    async def stop(self, grace: timedelta | None = None) -> None:
        """Stop accepting, let commands finish for a while, end the others, record everything."""
        self._http.stop()
        await self.service.stop(self._settings.grace if grace is None else grace)
        await self._http.close_all_connections()
        self._exit.close()

    def end_everything(self) -> None:
        """End every command at once; a `stop` that lets them finish need not wait any longer."""
        self.service.tell(EndEverything())
        self._runners.kill_all()

    def _on_broken(self, error: StoreBrokenError) -> None:
        _log.critical("the store can no longer be trusted, the server ends: %s", error)
        if not self.ended.done():
            self.ended.set_result(error)

    def _make_store(self) -> Store:
        folder = self._settings.data_dir
        return MemoryStore() if folder is None else JournalStore(folder)

    def _output_folder(self) -> Path:
        if (folder := self._settings.data_dir) is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return folder / "output"
        return Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="kala-output-")))


def check(settings: Settings) -> None:
    """Raise ConfigError where the settings would let strangers run commands."""
    local = settings.host == "localhost" or is_loopback(settings.host)
    if not local and not settings.insecure_open_to_network:
        raise ConfigError(
            f"whoever reaches {settings.host} could run commands on this machine: listen on 127.0.0.1 and put "
            "a proxy with authentication before it, or say --insecure-open-to-network where the network is yours alone"
        )
