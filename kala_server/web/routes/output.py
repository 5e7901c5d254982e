"""What a run has printed, over HTTP: as it is kept, a range of it, or as it comes.

A follower that reads slowly holds up nobody: it misses what has fallen out of the run's bounded buffer.
"""

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

from kala_server.core.model.job import Run, RunState
from kala_server.core.state.state import State
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.store import StoreAwayError
from kala_server.web.routes.runs import existing_run
from kala_server.web.streaming import StreamingHandler

_log = logging.getLogger("kala.web")

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII | re.IGNORECASE)
"""One range. What is more, or none, is passed over, and all of the output is sent."""


class Output(StreamingHandler):
    """`/run/{id}/output/`."""

    async def get(self, run_id: str) -> None:
        """Return the output; with `follow=true` until the run is over."""
        follow = self.query.yes("follow")
        run = await self.ask(lambda state: existing_run(state, run_id))
        self.headers["Content-Type"] = "text/plain; charset=utf-8"
        if follow:
            await self.stream(self._chunks(run))
        else:
            live = self.context.executor.live_output(run.id)
            self._send(live.text() if live else await self._kept(run.id))

    async def _kept(self, run_id: str) -> bytes:
        """Return what is kept. Raises StoreAwayError where it is out of reach, as in a database that is away."""
        try:
            return await self.context.executor.kept_output(run_id)
        except OSError as error:
            _log.error("what run %s has printed cannot be read: %s", run_id, error)
            raise StoreAwayError("what the run has printed cannot be read for now") from error

    def _send(self, text: bytes) -> None:
        """Answer with all of it, or with the one range that is asked for (RFC 9110 section 14)."""
        self.headers["Accept-Ranges"] = "bytes"
        bounds = _bounds(self.request.headers.get("Range", ""), len(text))
        if bounds is None:
            self.send(text)
            return
        first, last = bounds
        if first > last:
            self.refuse(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                f"the output has {len(text)} bytes, none in this range",
                {"Content-Range": f"bytes */{len(text)}"},
            )
        self.headers["Content-Range"] = f"bytes {first}-{last}/{len(text)}"
        self.send(text[first : last + 1], HTTPStatus.PARTIAL_CONTENT)

    async def _chunks(self, run: Run) -> AsyncGenerator[bytes, None]:
        yield b""  # the headers, as the first word may be long in coming
        live = await self._once_it_runs(run)
        if live is None:
            yield await self._kept(run.id)
            return
        async for chunk in live.follow():
            yield chunk

    async def _once_it_runs(self, run: Run) -> BoundedOutput | None:
        """Wait until there is live output, and return it; None where the run is over."""

        def goes_on(state: State) -> bool:
            now = state.runs.get(run.id)
            return now is not None and now.state in {RunState.WAITING, RunState.RUNNING}

        feed = self.context.service.feed
        async with aclosing(feed.follow(feed.latest)) as news:
            while await self.ask(goes_on):
                if live := self.context.executor.live_output(run.id):
                    return live
                if await anext(news, None) is None:
                    return None
        return None


def _bounds(said: str, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte, the first beyond the last where there is none; None for what is no range."""
    wanted = _RANGE.fullmatch(said)
    first, last = wanted.groups() if wanted else ("", "")
    if not first:
        return (max(0, size - int(last)), size - 1) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last), size - 1) if last else size - 1
