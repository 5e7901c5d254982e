"""The table of routes. Every one answers with and without its trailing slash, directly."""

from typing import Any

from tornado.web import Application, RequestHandler

from kala_server.web import health, jobs, output, runs
from kala_server.web.base import Handler, NoSuchRoute
from kala_server.web.context import Context
from kala_server.web.events import Events
from kala_server.web.openapi.handler import OpenApi

PREFIX = "/api/v1"

_ID = "([^/]+)"  # looked up as it stands: what is not known is a 404 that names it

ROUTES: list[tuple[str, type[Handler]]] = [
    ("/job", jobs.Jobs),
    ("/job/all", jobs.AllJobs),
    ("/job/batch", jobs.Batch),
    ("/job/stats/{id}", jobs.JobStats),
    ("/job/start/{id}", jobs.Start),
    ("/job/enable/{id}", jobs.Enable),
    ("/job/disable/{id}", jobs.Disable),
    ("/job/{id}", jobs.OneJob),
    ("/job/{id}/runs", runs.JobRuns),
    ("/job/{id}/explain", runs.Explain),
    ("/run/{id}", runs.OneRun),
    ("/run/{id}/output", output.Output),
    ("/run/{id}/cancel", runs.Cancel),
    ("/preview", runs.Preview),
    ("/events", Events),
    ("/stats", jobs.ServerStats),
    ("/openapi.json", OpenApi),
]
"""Below `/api/v1`."""

WATCHING: list[tuple[str, type[Handler]]] = [
    ("/healthz", health.Alive),
    ("/readyz", health.Ready),
    ("/metrics", health.Figures),
]
"""Where those who watch the server look for them."""


def make_app(context: Context) -> Application:
    """Return the web application over a service."""
    options: dict[str, Any] = {"context": context}
    every = [*((PREFIX + path, handler) for path, handler in ROUTES), *WATCHING]
    return Application(
        [(f"{path.replace('{id}', _ID)}/?", handler, options) for path, handler in every],
        default_handler_class=NoSuchRoute,
        default_handler_args=options,
        log_function=_say_nothing,
    )


def _say_nothing(_handler: RequestHandler) -> None:
    """Keep requests out of the log: their paths may hold what is nobody else's business."""
