"""The table of operations: what each method of each route takes, and what it answers when all is well.

What every operation shares, such as its errors, is added in `document.py`. Paths are those that the clients use.
"""

from http import HTTPStatus

from kala_server.core.model.job import RunState
from kala_server.core.questions.explain import MOST
from kala_server.core.questions.jobs import JobOrder, JobState
from kala_server.metrics import CONTENT_TYPE as FIGURES
from kala_server.web.finding import MOST_JOBS
from kala_server.web.openapi.operation import (
    WARNING_HEADER,
    Answer,
    Operation,
    always,
    created,
    done,
    header,
    number,
    ok,
    query,
    record_with_warnings,
    warned,
)
from kala_server.web.openapi.schemas import TEXT, TIME, Schema, array, nullable, record, ref
from kala_server.web.pages import MOST_RUNS
from kala_server.web.routes.across import MOST_SLOTS
from kala_server.web.routes.family import MOST_MEMBERS
from kala_server.web.routes.jobs import LONGEST_KEY
from kala_server.web.routes.overview import MOST_PARTS, WIDTHS
from kala_server.web.routes.overview import MOST_ROWS as MOST_TIMELINE_ROWS
from kala_server.web.routes.rows import MOST_OFFSET, MOST_ROWS, View
from kala_server.web.routes.runs import MOST_PREVIEWED
from kala_server.web.routes.taking import MOST_SLOTS as MOST_TRIED

_API = "/api/v1"
_PRINTED = "text/plain"

_READS = (HTTPStatus.SERVICE_UNAVAILABLE,)
"""What can keep a server from saying what is so."""
_WRITES = (*_READS, HTTPStatus.INSUFFICIENT_STORAGE)
_CREATES = (HTTPStatus.UNPROCESSABLE_ENTITY, *_WRITES)

_YES: Schema = {"type": "boolean", "default": False}
_NEXT = nullable(TEXT)
_COUNT: Schema = {"type": "integer"}
_KEY = header(
    "Idempotency-Key",
    "Makes it safe to send the request again: for 24 hours the same key with the same body creates nothing new.",
    {"type": "string", "maxLength": LONGEST_KEY},
)
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
    query("explain", "Whether each is told with a sentence about it.", _YES),
    _ZONE,
)
_OF_JOBS = (
    query("job", "Only of the job with this id.", TEXT),
    query("tag", "Only of jobs with this tag.", TEXT),
)
_OFFSET = query(
    "offset",
    "How many rows are left out before the first one.",
    {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0},
)
_FINDING = (
    query("q", "Only jobs with this in their name, command, owner or id, in any letter case.", TEXT),
    query("name", "Only jobs of this name.", TEXT),
    query("owner", "Only jobs of this owner.", TEXT),
    query("tag", "Only jobs with this tag.", TEXT),
    query("state", "Only jobs that are so.", {"type": "string", "enum": list(JobState)}),
    query("limit", "At most so many jobs.", number(most=MOST_JOBS, default=MOST_JOBS)),
    query("after", "The `next` of an earlier answer: what comes after it.", TEXT),
    query("stats", "Whether each job comes with its finished runs.", _YES),
    query(
        "view",
        "`row`: rows in an order take the place of the jobs, and `sort` and `offset` that of `after` and `stats`. "
        f"Of rows, `limit` is up to {MOST_ROWS:,}, and 100 where it is not said.",
        {"type": "string", "enum": list(View)},
    ),
    query(
        "sort",
        "What comes first: the oldest job, the first name, what is in trouble, what is due next, or what ran last.",
        {"type": "string", "enum": list(JobOrder), "default": JobOrder.CREATED},
    ),
    _OFFSET,
)
_WINDOW = (
    query("from", "Where the time begins; without it 24 hours ago.", TIME),
    query("to", "Where it ends, at most 31 days later; without it in 12 hours.", TIME),
)
_WIDTH: Schema = {"type": "integer", "minimum": WIDTHS[0], "maximum": WIDTHS[-1], "default": 1_200}

_DRY_RUN = (
    query("dry_run", "Whether it is only said what the job would be; nothing is stored.", _YES),
    query(
        "count",
        "Of a dry run: how many of its next times are told.",
        number(most=MOST_TRIED, default=5),
    ),
)
_WARNED = {"Kala-Warning": WARNING_HEADER}
_IF_MATCH = header(
    "If-Match",
    "Changes the job only while its `ETag` is this one: whoever looked at it before somebody else changed it is told.",
    TEXT,
)
_TAGGED = {
    "ETag": {"description": "What the job says, as a tag; runs and counters are not in it.", "schema": TEXT}
}
_TRIED = {
    HTTPStatus.OK: Answer(means="Of a dry run: what the job would be.", schema=ref("Trial"), headers=_WARNED)
}
_CHANGED = {
    HTTPStatus.OK: Answer(
        means="The job as it is now; of a dry run what it would be, and when it would be due.",
        schema={"anyOf": [record_with_warnings(job=ref("Job")), ref("Trial")]},
        headers={**_WARNED, **_TAGGED},
    )
}
_CHANGES = (HTTPStatus.PRECONDITION_FAILED, *_WRITES)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{_API}/job/"): Operation(
        id="find_jobs",
        tag="jobs",
        summary="List every job, or those to which all that is said applies",
        answers={
            HTTPStatus.OK: Answer(
                means="The jobs by their ids; `next` is there where the query says which, null on the last page. "
                "Or rows, and how many there are in all.",
                schema={
                    "anyOf": [
                        {
                            "type": "object",
                            "properties": {
                                "jobs": {"type": "object", "additionalProperties": ref("Job")},
                                "next": _NEXT,
                            },
                            "required": ["jobs"],
                        },
                        record(rows=array(ref("JobRow")), total=_COUNT, offset=_COUNT),
                    ]
                },
            )
        },
        parameters=_FINDING,
        problems=(HTTPStatus.BAD_REQUEST, *_READS),
    ),
    ("POST", f"{_API}/job/"): Operation(
        id="create_job",
        tag="jobs",
        summary="Create a job",
        answers=_TRIED | warned(created("The job is stored.", id=TEXT)),
        parameters=(_KEY, *_DRY_RUN),
        body=ref("NewJob"),
        problems=_CREATES,
    ),
    ("POST", f"{_API}/job/batch/"): Operation(
        id="create_jobs",
        tag="jobs",
        summary="Create many jobs, all or none",
        answers=warned(created("Every job is stored; the ids in the order of the request.", ids=array(TEXT))),
        parameters=(_KEY,),
        body=record(jobs=array(ref("NewJob"))),
        problems=_CREATES,
    ),
    ("POST", f"{_API}/job/bulk/"): Operation(
        id="bulk",
        tag="jobs",
        summary="Do the same to many jobs, all or none, and to none that was not seen",
        answers=ok("The jobs that it was done to, or with `dry_run` would be.", jobs=array(ref("BulkJob"))),
        body=ref("Bulk"),
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, *_WRITES),
    ),
    ("DELETE", f"{_API}/job/all/"): Operation(
        id="delete_all_jobs",
        tag="jobs",
        summary="Delete every job",
        answers=done("There is no job any more."),
        problems=_WRITES,
    ),
    ("GET", f"{_API}/job/{{id}}/"): Operation(
        id="get_job",
        tag="jobs",
        summary="Get a job with its finished runs",
        answers={
            HTTPStatus.OK: Answer(means="The job.", schema=record(job=ref("Job")), headers=_TAGGED),
        },
        problems=_READS,
    ),
    ("PUT", f"{_API}/job/{{id}}/"): Operation(
        id="replace_job",
        tag="jobs",
        summary="Let a job say what the request says, and nothing else; it keeps its id and its history",
        answers=_CHANGED,
        parameters=(_IF_MATCH, *_DRY_RUN),
        body=ref("NewJob"),
        problems=_CHANGES,
    ),
    ("PATCH", f"{_API}/job/{{id}}/"): Operation(
        id="update_job",
        tag="jobs",
        summary="Change the fields that the request names",
        answers=_CHANGED,
        parameters=(_IF_MATCH, *_DRY_RUN),
        body=ref("JobChanges"),
        problems=_CHANGES,
    ),
    ("DELETE", f"{_API}/job/{{id}}/"): Operation(
        id="delete_job",
        tag="jobs",
        summary="Delete a job, and children that have no other parent",
        answers=done("The job is gone."),
        problems=_WRITES,
    ),
    ("GET", f"{_API}/job/stats/{{id}}/"): Operation(
        id="get_job_stats",
        tag="jobs",
        summary="Get a job's finished runs as Kala counts them",
        answers=ok("The runs, oldest first.", job_stats=array(ref("JobStat"))),
        problems=_READS,
    ),
    ("POST", f"{_API}/job/start/{{id}}/"): Operation(
        id="start_job",
        tag="jobs",
        summary="Start a job now",
        answers=done(
            "The start is stored; the command has not ended.",
            {"Kala-Run-Id": always("The id of the new run.")},
        ),
        problems=(HTTPStatus.CONFLICT, *_WRITES),
    ),
    ("POST", f"{_API}/job/enable/{{id}}/"): Operation(
        id="enable_job",
        tag="jobs",
        summary="Let a job's slots count again",
        answers=done("The job is enabled."),
        problems=_WRITES,
    ),
    ("POST", f"{_API}/job/disable/{{id}}/"): Operation(
        id="disable_job",
        tag="jobs",
        summary="Let a job's slots pass without a run",
        answers=done("The job is disabled."),
        problems=_WRITES,
    ),
    ("GET", f"{_API}/job/{{id}}/runs/"): Operation(
        id="get_runs",
        tag="runs",
        summary="Get a page of a job's ledger, newest first",
        answers=ok("The runs, and where the next page begins.", runs=array(ref("Run")), next=_NEXT),
        parameters=_OF_RUNS,
        problems=_READS,
    ),
    ("GET", f"{_API}/job/{{id}}/explain/"): Operation(
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
        problems=_READS,
    ),
    ("GET", f"{_API}/job/{{id}}/family/"): Operation(
        id="family",
        tag="jobs",
        summary="Get the jobs that lead to a job, and those to which it leads",
        answers={HTTPStatus.OK: Answer(means="The jobs, the nearest first.", schema=ref("Family"))},
        parameters=(query("limit", "At most so many jobs.", number(most=MOST_MEMBERS, default=200)),),
        problems=_READS,
    ),
    ("GET", f"{_API}/run/{{id}}/"): Operation(
        id="get_run",
        tag="runs",
        summary="Get a run",
        answers=ok("The run.", run=ref("Run")),
        problems=_READS,
    ),
    ("GET", f"{_API}/run/{{id}}/output/"): Operation(
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
            query("follow", "Whether more is sent as it comes, until the run is over.", _YES),
            header("Range", "One range of bytes, such as `bytes=-1000` (RFC 9110).", TEXT),
        ),
        problems=(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, *_READS),
    ),
    ("POST", f"{_API}/run/{{id}}/cancel/"): Operation(
        id="cancel",
        tag="runs",
        summary="End a run that waits or runs",
        answers=done("It is decided; the command is about to end."),
        problems=(HTTPStatus.CONFLICT, *_WRITES),
    ),
    ("GET", f"{_API}/runs/"): Operation(
        id="get_all_runs",
        tag="runs",
        summary="Get a page of the ledgers of all jobs, newest first",
        answers=ok("The runs, and where the next page begins.", runs=array(ref("Run")), next=_NEXT),
        parameters=(
            *_OF_RUNS,
            *_OF_JOBS,
        ),
        problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, *_READS),
    ),
    ("GET", f"{_API}/upcoming/"): Operation(
        id="upcoming",
        tag="runs",
        summary="Get the slots that are to come, of all jobs, the earliest first",
        answers=ok(
            "The slots, and where the next page begins.", slots=array(ref("UpcomingSlot")), next=_NEXT
        ),
        parameters=(
            *_OF_JOBS,
            query("from", "Only slots that are not before this time; else from now on.", TIME),
            query("to", "Only slots that are not after this time.", TIME),
            query("limit", "At most so many slots.", number(most=MOST_SLOTS, default=100)),
            query("after", "The `next` of an earlier answer: what comes after it.", TEXT),
        ),
        problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, *_READS),
    ),
    ("GET", f"{_API}/timeline/"): Operation(
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
            _OFFSET,
            query("limit", "At most so many rows.", number(most=MOST_TIMELINE_ROWS, default=100)),
        ),
        problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, *_READS),
    ),
    ("GET", f"{_API}/summary/"): Operation(
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
        problems=(HTTPStatus.BAD_REQUEST, *_READS),
    ),
    ("GET", f"{_API}/preview/"): Operation(
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
    ("GET", f"{_API}/events/"): Operation(
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
        problems=(HTTPStatus.BAD_REQUEST, *_READS),
    ),
    ("GET", f"{_API}/stats/"): Operation(
        id="get_kala_stats",
        tag="server",
        summary="Get what the whole server did",
        answers=ok("The figures.", Stats=ref("KalaStats")),
        problems=_READS,
    ),
    ("GET", f"{_API}/session/"): Operation(
        id="session",
        tag="server",
        summary="Say what the token allows, and what kind of server this is",
        answers=ok("What a page has to know first.", session=ref("Session")),
        problems=_READS,
    ),
    ("GET", f"{_API}/pause/"): Operation(
        id="get_pause",
        tag="server",
        summary="Say whether the server is paused",
        answers=ok("Whether it is.", pause=ref("Pause")),
        problems=_READS,
    ),
    ("POST", f"{_API}/pause/"): Operation(
        id="pause",
        tag="server",
        summary="Let no job start by itself until the server is resumed",
        answers=ok("It is paused, or was already.", pause=ref("Pause")),
        body=ref("PauseRequest"),
        body_required=False,
        problems=_WRITES,
    ),
    ("POST", f"{_API}/resume/"): Operation(
        id="resume",
        tag="server",
        summary="Let jobs start by themselves again",
        answers=ok("It is not paused, or was not.", pause=ref("Pause")),
        problems=_WRITES,
    ),
    ("GET", f"{_API}/openapi.json"): Operation(
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
                means="They are. `notes` says in words what ails the server all the same, if anything does.",
                schema={
                    "type": "object",
                    "properties": {"status": TEXT, "notes": array(TEXT)},
                    "required": ["status"],
                },
            )
        },
        problems=_READS,
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
