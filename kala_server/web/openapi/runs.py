"""Operations on ledgers, runs and times: what each takes, and what it answers when all is well."""

from http import HTTPStatus

from kala_server.core.model.job import RunState
from kala_server.core.questions.explain import MOST
from kala_server.web.openapi.operation import (
    Answer,
    Operation,
    always,
    done,
    header,
    number,
    ok,
    query,
)
from kala_server.web.openapi.schemas import TEXT, TIME, Schema, array, nullable, ref
from kala_server.web.openapi.shared import API, NEXT, OFFSET, READS, WRITES, YES
from kala_server.web.pages import MOST_RUNS
from kala_server.web.routes.across import MOST_SLOTS
from kala_server.web.routes.overview import MOST_PARTS, WIDTHS
from kala_server.web.routes.overview import MOST_ROWS as MOST_TIMELINE_ROWS
from kala_server.web.routes.runs import MOST_PREVIEWED

_PRINTED = "text/plain"
_STATES: Schema = {
    "type": "string",
    "pattern": "^({0})(,({0}))*$".format("|".join(RunState)),
    "examples": ["failed,timed_out"],
}
_ZONE = query("zone", "The zone whose clock sentences tell; without it the job's own.", TEXT)
_OF_RUNS = (
    query("state", "Only runs in this state, or in these, with commas between them.", _STATES),
    query("limit", "At most so many runs.", number(most=MOST_RUNS, default=100)),
    query("before", "The `next` of an earlier answer: what comes after it.", TEXT),
    query("from", "Only what was not over before this time.", TIME),
    query("to", "Only what was due before this time.", TIME),
    query("explain", "Whether each is told with a sentence about it.", YES),
    _ZONE,
)
_OF_JOBS = (
    query("job", "Only of the job with this id.", TEXT),
    query("tag", "Only of jobs with this tag.", TEXT),
)
_WINDOW = (
    query("from", "Where the time begins; without it 24 hours ago.", TIME),
    query("to", "Where it ends, at most 31 days later; without it in 12 hours.", TIME),
)
_WIDTH: Schema = {"type": "integer", "minimum": WIDTHS[0], "maximum": WIDTHS[-1], "default": 1_200}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{API}/job/{{id}}/runs/"): Operation(
        id="get_runs",
        tag="runs",
        summary="Get a page of a job's ledger, newest first",
        answers=ok("The runs, and where the next page begins.", runs=array(ref("Run")), next=NEXT),
        parameters=_OF_RUNS,
        problems=READS,
    ),
    ("GET", f"{API}/job/{{id}}/explain/"): Operation(
        id="explain",
        tag="runs",
        summary="Say what became of a job's slots, and why",
        answers={
            HTTPStatus.OK: Answer(
                means="The slots. Of a time, `next` is there: from when on there is more, null where that was all.",
                schema={
                    "type": "object",
                    "properties": {"slots": array(ref("SlotExplanation")), "next": nullable(TIME)},
                    "required": ["slots"],
                },
            )
        },
        parameters=(
            query(
                "at",
                "The slots in the minute of this time, or in its second where it names one; "
                "without it the last and the next one.",
                TIME,
            ),
            query("from", "The slots from this time on, in their order, …", TIME),
            query("to", "… to before this one; both are said, or none.", TIME),
            query("limit", "At most so many slots of a time.", number(most=MOST, default=MOST)),
            _ZONE,
        ),
        problems=READS,
    ),
    ("GET", f"{API}/run/{{id}}/"): Operation(
        id="get_run",
        tag="runs",
        summary="Get a run",
        answers=ok("The run.", run=ref("Run")),
        problems=READS,
    ),
    ("GET", f"{API}/run/{{id}}/output/"): Operation(
        id="output",
        tag="runs",
        summary="Get what a run has printed",
        answers={
            HTTPStatus.OK: Answer(
                means="The output as it is kept, or as it comes.",
                schema=TEXT,
                kind=_PRINTED,
                headers={
                    "Accept-Ranges": {"description": "`bytes`, where it is not followed.", "schema": TEXT}
                },
            ),
            HTTPStatus.PARTIAL_CONTENT: Answer(
                means="The bytes that were asked for.",
                schema=TEXT,
                kind=_PRINTED,
                headers={
                    "Accept-Ranges": always("`bytes`."),
                    "Content-Range": always("Which bytes these are, of how many."),
                },
            ),
        },
        parameters=(
            query("follow", "Whether more is sent as it comes, until the run is over.", YES),
            header("Range", "One range of bytes, such as `bytes=-1000` (RFC 9110).", TEXT),
        ),
        problems=(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, *READS),
    ),
    ("POST", f"{API}/run/{{id}}/cancel/"): Operation(
        id="cancel",
        tag="runs",
        summary="End a run that waits or runs",
        answers=done("It is decided; the command is about to end."),
        problems=(HTTPStatus.CONFLICT, *WRITES),
    ),
    ("GET", f"{API}/runs/"): Operation(
        id="get_all_runs",
        tag="runs",
        summary="Get a page of the ledgers of all jobs, newest first",
        answers=ok("The runs, and where the next page begins.", runs=array(ref("Run")), next=NEXT),
        parameters=(
            *_OF_RUNS,
            *_OF_JOBS,
        ),
        problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, *READS),
    ),
    ("GET", f"{API}/upcoming/"): Operation(
        id="upcoming",
        tag="runs",
        summary="Get the slots that are to come, of all jobs, the earliest first",
        answers=ok("The slots, and where the next page begins.", slots=array(ref("UpcomingSlot")), next=NEXT),
        parameters=(
            *_OF_JOBS,
            query("from", "Only slots that are not before this time; else from now on.", TIME),
            query("to", "Only slots that are not after this time.", TIME),
            query("limit", "At most so many slots.", number(most=MOST_SLOTS, default=100)),
            query("after", "The `next` of an earlier answer: what comes after it.", TEXT),
        ),
        problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, *READS),
    ),
    ("GET", f"{API}/timeline/"): Operation(
        id="timeline",
        tag="runs",
        summary="Get what was of jobs and what is to come of them on one axis, a row for each",
        answers={HTTPStatus.OK: Answer(means="Rows, and how many there are in all.", schema=ref("Timeline"))},
        parameters=(
            *_WINDOW,
            query("width", "How many pixels the time has: what is nearer than one is one mark.", _WIDTH),
            query("q", "Only jobs with this in their name, command, owner or id, in any letter case.", TEXT),
            query("tag", "Only of jobs with this tag.", TEXT),
            query(
                "job",
                "Exactly the jobs with these ids, in this order; it may be said several times.",
                array(TEXT),
            ),
            OFFSET,
            query("limit", "At most so many rows.", number(most=MOST_TIMELINE_ROWS, default=100)),
        ),
        problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, *READS),
    ),
    ("GET", f"{API}/summary/"): Operation(
        id="summary",
        tag="runs",
        summary="Say how all jobs went in each part of a time, what fails, and what is to come",
        answers={HTTPStatus.OK: Answer(means="Figures.", schema=ref("Summary"))},
        parameters=(
            *_WINDOW,
            query(
                "step",
                f"How long a part is, in seconds: a multiple of 900, so that there are at most {MOST_PARTS:,} parts.",
                {
                    "type": "integer",
                    "multipleOf": 900,
                    "minimum": 900,
                    "maximum": 2_678_400,
                    "default": 1_800,
                },
            ),
        ),
        problems=(HTTPStatus.BAD_REQUEST, *READS),
    ),
    ("GET", f"{API}/preview/"): Operation(
        id="preview",
        tag="runs",
        summary="Say when a schedule would be due, without creating anything",
        answers=ok("The next times, and the schedule in words.", next=array(TIME), words=TEXT),
        parameters=(
            query("schedule", "As that of a job.", TEXT, required=True),
            query("timezone", "As that of a job.", TEXT),
            query("from", "The times after this one; without it after now.", TIME),
            query("count", "How many times.", number(most=MOST_PREVIEWED, default=5)),
        ),
        problems=(HTTPStatus.BAD_REQUEST,),
    ),
}
"""By method and path."""
