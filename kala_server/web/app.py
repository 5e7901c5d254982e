"""The table of routes. Every one answers with and without its trailing slash, directly."""

import re
from itertools import chain
from typing import Any
from urllib.parse import unquote

from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from kala_server.web.base import Handler, NoSuchRoute
from kala_server.web.context import Context
from kala_server.web.openapi.handler import OpenApi
from kala_server.web.routes import (
    across,
    bulk,
    family,
    health,
    jobs,
    output,
    overview,
    pause,
    runs,
    session,
    sets,
    workers,
)
from kala_server.web.routes.events import Events
from kala_server.web.routes.page import PageFile, Shell

PREFIX = "/api/v1"

_PLACE = re.compile(r"\{\w+\}")
_ID = "([^/]+)"  # looked up as it stands: what is not known is a 404 that names it

ROUTES: list[tuple[str, type[Handler]]] = [
    ("/job", jobs.Jobs),
    ("/job/all", jobs.AllJobs),
    ("/job/batch", jobs.Batch),
    ("/job/bulk", bulk.Bulk),
    ("/job/stats/{id}", jobs.JobStats),
    ("/job/start/{id}", jobs.Start),
    ("/job/enable/{id}", jobs.Enable),
    ("/job/disable/{id}", jobs.Disable),
    ("/job/{id}", jobs.OneJob),
    ("/job/{id}/runs", runs.JobRuns),
    ("/job/{id}/explain", runs.Explain),
    ("/job/{id}/family", family.Family),
    ("/run/{id}", runs.OneRun),
    ("/run/{id}/output", output.Output),
    ("/run/{id}/cancel", runs.Cancel),
    ("/runs", across.Runs),
    ("/set", sets.Sets),
    ("/set/{name}", sets.OneSet),
    ("/upcoming", across.Upcoming),
    ("/timeline", overview.Timeline),
    ("/summary", overview.Summary),
    ("/preview", runs.Preview),
    ("/workers", workers.Workers),
    ("/workers/{name}/drain", workers.Drain),
    ("/pause", pause.Pause),
    ("/resume", pause.Resume),
    ("/events", Events),
    ("/stats", jobs.ServerStats),
    ("/session", session.Session),
    ("/openapi.json", OpenApi),
]
"""Below `/api/v1`."""

WATCHING: list[tuple[str, type[Handler]]] = [
    ("/healthz", health.Alive),
    ("/readyz", health.Ready),
    ("/metrics", health.Figures),
]
"""Where those who watch the server look for them."""

PAGE: list[tuple[str, type[Handler]]] = [
    ("/", Shell),
    ("/webui", Shell),
    ("/webui/(.*)", PageFile),
]
"""The web page, for people."""


class App(Router):
    """The web application: finds the handler for a request."""

    def __init__(self, context: Context, *, with_page: bool = True) -> None:
        self._context = context
        every = [*((PREFIX + path, handler) for path, handler in ROUTES), *WATCHING]
        self._routes = [(re.compile(f"{_PLACE.sub(_ID, path)}/?"), handler) for path, handler in every]
        self._page = [(re.compile(path), handler) for path, handler in PAGE if with_page]

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> Handler:
        """Return the handler of the first route that the path is of."""
        for route, handler in chain(self._routes, self._page):
            if found := route.fullmatch(request.path):
                return handler(self._context, request, *map(unquote, found.groups()))
        return NoSuchRoute(self._context, request, self._hint(request.path))

    def _hint(self, path: str) -> str:
        """Say which route may be meant by a path that is none."""
        before, prefix, after = path.rpartition(PREFIX + "/")
        if prefix and before and self._is_route(prefix + after):
            return f"the address of this server ends before {before}"
        if not prefix and self._is_route(PREFIX + path):
            return f"{PREFIX}{path} is one"
        return f"{PREFIX}/openapi.json tells which there are"

    def _is_route(self, path: str) -> bool:
        return any(route.fullmatch(path) for route, _ in self._routes)
