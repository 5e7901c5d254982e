"""Operations on jobs: what each method of each route takes, and what it answers when all is well."""

from http import HTTPStatus

from kala_server.core.questions.jobs import JobOrder, JobState
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
from kala_server.web.openapi.schemas import TEXT, Schema, array, record, ref
from kala_server.web.openapi.shared import API, NEXT, OFFSET, READS, WRITES, YES
from kala_server.web.routes.family import MOST_MEMBERS
from kala_server.web.routes.jobs import LONGEST_KEY
from kala_server.web.routes.rows import MOST_ROWS, View
from kala_server.web.routes.taking import MOST_SLOTS as MOST_TRIED

_CREATES = (HTTPStatus.UNPROCESSABLE_ENTITY, *WRITES)
_COUNT: Schema = {"type": "integer"}
_KEY = header(
    "Idempotency-Key",
    "Makes it safe to send the request again: for 24 hours the same key with the same body creates nothing new.",
    {"type": "string", "maxLength": LONGEST_KEY},
)
_FINDING = (
    query("q", "Only jobs with this in their name, command, owner or id, in any letter case.", TEXT),
    query("name", "Only jobs of this name.", TEXT),
    query("owner", "Only jobs of this owner.", TEXT),
    query("tag", "Only jobs with this tag.", TEXT),
    query("state", "Only jobs that are so.", {"type": "string", "enum": list(JobState)}),
    query("limit", "At most so many jobs.", number(most=MOST_JOBS, default=MOST_JOBS)),
    query("after", "The `next` of an earlier answer: what comes after it.", TEXT),
    query("stats", "Whether each job comes with its finished runs.", YES),
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
    OFFSET,
)
_DRY_RUN = (
    query("dry_run", "Whether it is only said what the job would be; nothing is stored.", YES),
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
_CHANGES = (HTTPStatus.PRECONDITION_FAILED, *WRITES)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{API}/job/"): Operation(
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
                                "next": NEXT,
                            },
                            "required": ["jobs"],
                        },
                        record(rows=array(ref("JobRow")), total=_COUNT, offset=_COUNT),
                    ]
                },
            )
        },
        parameters=_FINDING,
        problems=(HTTPStatus.BAD_REQUEST, *READS),
    ),
    ("POST", f"{API}/job/"): Operation(
        id="create_job",
        tag="jobs",
        summary="Create a job",
        answers=_TRIED | warned(created("The job is stored.", id=TEXT)),
        parameters=(_KEY, *_DRY_RUN),
        body=ref("NewJob"),
        problems=_CREATES,
    ),
    ("POST", f"{API}/job/batch/"): Operation(
        id="create_jobs",
        tag="jobs",
        summary="Create many jobs, all or none",
        answers=warned(created("Every job is stored; the ids in the order of the request.", ids=array(TEXT))),
        parameters=(_KEY,),
        body=record(jobs=array(ref("NewJob"))),
        problems=_CREATES,
    ),
    ("POST", f"{API}/job/bulk/"): Operation(
        id="bulk",
        tag="jobs",
        summary="Do the same to many jobs, all or none, and to none that was not seen",
        answers=ok("The jobs that it was done to, or with `dry_run` would be.", jobs=array(ref("BulkJob"))),
        body=ref("Bulk"),
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, *WRITES),
    ),
    ("DELETE", f"{API}/job/all/"): Operation(
        id="delete_all_jobs",
        tag="jobs",
        summary="Delete every job",
        answers=done("There is no job any more."),
        problems=WRITES,
    ),
    ("GET", f"{API}/job/{{id}}/"): Operation(
        id="get_job",
        tag="jobs",
        summary="Get a job with its finished runs",
        answers={
            HTTPStatus.OK: Answer(means="The job.", schema=record(job=ref("Job")), headers=_TAGGED),
        },
        problems=READS,
    ),
    ("PUT", f"{API}/job/{{id}}/"): Operation(
        id="replace_job",
        tag="jobs",
        summary="Let a job say what the request says, and nothing else; it keeps its id and its history",
        answers=_CHANGED,
        parameters=(_IF_MATCH, *_DRY_RUN),
        body=ref("NewJob"),
        problems=_CHANGES,
    ),
    ("PATCH", f"{API}/job/{{id}}/"): Operation(
        id="update_job",
        tag="jobs",
        summary="Change the fields that the request names",
        answers=_CHANGED,
        parameters=(_IF_MATCH, *_DRY_RUN),
        body=ref("JobChanges"),
        problems=_CHANGES,
    ),
    ("DELETE", f"{API}/job/{{id}}/"): Operation(
        id="delete_job",
        tag="jobs",
        summary="Delete a job, and children that have no other parent",
        answers=done("The job is gone."),
        problems=WRITES,
    ),
    ("GET", f"{API}/job/stats/{{id}}/"): Operation(
        id="get_job_stats",
        tag="jobs",
        summary="Get a job's finished runs as Kala counts them",
        answers=ok("The runs, oldest first.", job_stats=array(ref("JobStat"))),
        problems=READS,
    ),
    ("POST", f"{API}/job/start/{{id}}/"): Operation(
        id="start_job",
        tag="jobs",
        summary="Start a job now",
        answers=done(
            "The start is stored; the command has not ended.",
            {"Kala-Run-Id": always("The id of the new run.")},
        ),
        problems=(HTTPStatus.CONFLICT, *WRITES),
    ),
    ("POST", f"{API}/job/enable/{{id}}/"): Operation(
        id="enable_job",
        tag="jobs",
        summary="Let a job's slots count again",
        answers=done("The job is enabled."),
        problems=WRITES,
    ),
    ("POST", f"{API}/job/disable/{{id}}/"): Operation(
        id="disable_job",
        tag="jobs",
        summary="Let a job's slots pass without a run",
        answers=done("The job is disabled."),
        problems=WRITES,
    ),
    ("GET", f"{API}/job/{{id}}/family/"): Operation(
        id="family",
        tag="jobs",
        summary="Get the jobs that lead to a job, and those to which it leads",
        answers={HTTPStatus.OK: Answer(means="The jobs, the nearest first.", schema=ref("Family"))},
        parameters=(query("limit", "At most so many jobs.", number(most=MOST_MEMBERS, default=200)),),
        problems=READS,
    ),
}
"""By method and path."""
