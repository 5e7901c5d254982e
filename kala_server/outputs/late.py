"""What runs have printed that ended when it could not be kept, as a database was away: held, and tried again.

It is bounded, as it is in memory: where that is too much the oldest is lost. It knows no attempts and no disks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from kala_server.outputs.bounded import BoundedOutput

_log = logging.getLogger("kala.outputs")

FAILED = (OSError, RuntimeError)
"""What cannot be kept raises one of these, the second where there is no thread."""
_AGAIN = 1.0
"""Seconds from one try to the next."""
_MOST = 100


class LateOutputs:
    """Outputs that wait to be kept, by their runs."""

    def __init__(self, keep: Callable[[str, BoundedOutput], Awaitable[None]]) -> None:
        """`keep` raises one of `FAILED` where it cannot be."""
        self._keep = keep
        self._waiting: dict[str, BoundedOutput] = {}
        self._due: asyncio.TimerHandle | None = None
        self._trying: asyncio.Task[None] | None = None

    def get(self, run_id: str) -> BoundedOutput | None:
        """Return what waits of a run."""
        return self._waiting.get(run_id)

    def put(self, run_id: str, output: BoundedOutput) -> None:
        """Keep it as soon as that is possible."""
        self._waiting[run_id] = output
        if len(self._waiting) > _MOST:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            _log.error("the output of run %s is lost: so many others wait to be kept", oldest)
        self._try_later()

    def drop(self, run_ids: Iterable[str]) -> None:
        """Let go of these."""
        for run_id in run_ids:
            self._waiting.pop(run_id, None)

    async def close(self) -> None:
        """Try for the last time, and tell what is lost."""
        if self._due is not None:
            self._due.cancel()
        if self._trying is not None:
            await self._trying
        await self._try_all()
        for run_id in self._waiting:
            _log.error("the output of run %s is lost: it could not be kept before the end", run_id)
        self._waiting.clear()

    def _try_later(self) -> None:
        if self._waiting and self._due is None and self._trying is None:
            self._due = asyncio.get_running_loop().call_later(_AGAIN, self._try)

    def _try(self) -> None:
        self._due = None
        self._trying = asyncio.get_running_loop().create_task(self._try_again())

    async def _try_again(self) -> None:
        await self._try_all()
        self._trying = None
        self._try_later()

    async def _try_all(self) -> None:
        """Keep one after the other, until one cannot be."""
        for run_id, output in list(self._waiting.items()):
            if self._waiting.get(run_id) is not output:
                continue
            try:
                await self._keep(run_id, output)
            except FAILED:
                return
            self.drop([run_id])
