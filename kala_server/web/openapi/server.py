"""Operations on the server as a whole: what each takes, and what it answers when all is well."""

from http import HTTPStatus

from kala_server.metrics import CONTENT_TYPE as FIGURES
from kala_server.web.openapi.operation import (
    Answer,
    Operation,
    done,
    header,
    ok,
    query,
)
from kala_server.web.openapi.schemas import TEXT, array, ref
from kala_server.web.openapi.shared import API, READS, WRITES

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{API}/events/"): Operation(
        id="events",
        tag="server",
        summary="Follow what happens, as server-sent events",
        answers={
            HTTPStatus.OK: Answer(
                means="Events without an end, each with an id after which a later stream can take up again.",
                schema=TEXT,
                kind="text/event-stream",
            )
        },
        parameters=(
            header("Last-Event-ID", "The id of an event: what comes after it.", TEXT),
            query("after", "The same, for those who cannot set a header.", TEXT),
        ),
        problems=(HTTPStatus.BAD_REQUEST, *READS),
    ),
    ("GET", f"{API}/stats/"): Operation(
        id="get_kala_stats",
        tag="server",
        summary="Get what the whole server did",
        answers=ok("The figures.", Stats=ref("KalaStats")),
        problems=READS,
    ),
    ("GET", f"{API}/session/"): Operation(
        id="session",
        tag="server",
        summary="Say what the token allows, and what kind of server this is",
        answers=ok("What a page has to know first.", session=ref("Session")),
        problems=READS,
    ),
    ("GET", f"{API}/workers/"): Operation(
        id="workers",
        tag="server",
        summary="List the workers on other machines",
        answers=ok("Each that was ever there, by its name.", workers=array(ref("Worker"))),
        problems=READS,
    ),
    ("POST", f"{API}/workers/{{name}}/drain/"): Operation(
        id="drain_worker",
        tag="server",
        summary="Let a worker take nothing more until it is started anew; what it runs goes on",
        answers=done("It takes nothing more."),
        problems=(HTTPStatus.NOT_FOUND, *WRITES),
    ),
    ("GET", f"{API}/pause/"): Operation(
        id="get_pause",
        tag="server",
        summary="Say whether the server is paused",
        answers=ok("Whether it is.", pause=ref("Pause")),
        problems=READS,
    ),
    ("POST", f"{API}/pause/"): Operation(
        id="pause",
        tag="server",
        summary="Let no job start by itself until the server is resumed",
        answers=ok("It is paused, or was already.", pause=ref("Pause")),
        body=ref("PauseRequest"),
        body_required=False,
        problems=WRITES,
    ),
    ("POST", f"{API}/resume/"): Operation(
        id="resume",
        tag="server",
        summary="Let jobs start by themselves again",
        answers=ok("It is not paused, or was not.", pause=ref("Pause")),
        problems=WRITES,
    ),
    ("GET", f"{API}/openapi.json"): Operation(
        id="openapi",
        tag="server",
        summary="Get this description",
        answers={
            HTTPStatus.OK: Answer(
                means="An OpenAPI document.", schema={"type": "object", "required": ["openapi"]}
            )
        },
    ),
    ("GET", "/healthz"): Operation(
        id="healthz",
        tag="server",
        summary="Ask whether the server answers",
        answers=ok("It does.", status=TEXT),
        for_everybody=True,
    ),
    ("GET", "/readyz"): Operation(
        id="readyz",
        tag="server",
        summary="Ask whether jobs can be created and are run",
        answers={
            HTTPStatus.OK: Answer(
                means="They are. `notes` says in words what ails the server all the same, if anything does; `cluster` "
                "is there where several servers have one store: its role, epoch, lag and lease.",
                schema={
                    "type": "object",
                    "properties": {"status": TEXT, "notes": array(TEXT), "cluster": {"type": "object"}},
                    "required": ["status"],
                },
            )
        },
        problems=READS,
        for_everybody=True,
    ),
    ("GET", "/metrics"): Operation(
        id="metrics",
        tag="server",
        summary="Get figures for Prometheus",
        answers={HTTPStatus.OK: Answer(means="In its text format.", schema=TEXT, kind=FIGURES)},
    ),
}
"""By method and path."""
