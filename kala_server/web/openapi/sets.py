"""Operations on sets of jobs: what each takes, and what it answers when all is well."""

from http import HTTPStatus

from kala_server.web.openapi.operation import Answer, Operation, always, done, header, number, ok, query
from kala_server.web.openapi.schemas import TEXT, array, record, ref
from kala_server.web.openapi.shared import API, READS, WRITES
from kala_server.wire.sets import MOST_HOURS

_YES = {"type": "boolean", "default": False}
_TAGGED = {"ETag": always("A tag of what the jobs of the set say.")}
_SET_JOB = {
    "type": "object",
    "description": "A job of a set: the fields of a job, but for these.",
    "properties": {
        "key": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_.-]{1,128}$",
            "description": "Its name in the set.",
        },
        "was": {"type": "string", "description": "The key that it had before."},
        "adopt": {"type": "string", "description": "The id of the job by hand that it is to become."},
    },
    "required": ["key"],
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{API}/set/"): Operation(
        id="sets",
        tag="jobs",
        summary="List the sets of jobs that were applied",
        answers=ok("The sets.", sets=array(ref("SetSummary"))),
        problems=READS,
    ),
    ("GET", f"{API}/set/{{name}}/"): Operation(
        id="get_set",
        tag="jobs",
        summary="Get a set with its jobs as it says them",
        answers={
            HTTPStatus.OK: Answer(means="The set.", schema=record(set=ref("StoredSet")), headers=_TAGGED)
        },
        problems=READS,
    ),
    ("PUT", f"{API}/set/{{name}}/"): Operation(
        id="apply_set",
        tag="jobs",
        summary="Let a set be just these jobs, all or nothing; or say what would come of it",
        answers={
            HTTPStatus.OK: Answer(
                means="What has come of it, or with `dry_run` what would.",
                schema={
                    "type": "object",
                    "properties": {"applied": ref("SetApplied"), "plan": ref("SetPlan")},
                },
                headers=_TAGGED,
            )
        },
        parameters=(
            header(
                "If-Match", "The tag of a plan: nothing is changed where the set was changed since.", TEXT
            ),
            query("dry_run", "Whether it is only said what would come of it.", _YES),
            query("prune", "Whether jobs of the set go that are not named.", _YES),
            query("prune_children", "Whether what follows them alone goes, too.", _YES),
            query("take", "Whether jobs may be adopted out of other sets.", _YES),
            query(
                "hours",
                "For how long a plan looks at slots.",
                number(most=MOST_HOURS, default=24),
            ),
        ),
        body=record(jobs={"type": "array", "items": _SET_JOB}),
        problems=(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, *WRITES),
    ),
    ("DELETE", f"{API}/set/{{name}}/"): Operation(
        id="delete_set",
        tag="jobs",
        summary="Delete a set with its jobs, or let them go on as jobs of no set",
        answers=done("There is no such set any more."),
        parameters=(query("keep_jobs", "Whether its jobs stay.", _YES),),
        problems=(HTTPStatus.CONFLICT, *WRITES),
    ),
}
"""By method and path."""
