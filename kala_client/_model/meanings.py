"""What each field on the wire means, in a sentence: for the models and OpenAPI alike.

By model and by the field's name on the wire; what is said of a job stands in `fields.py`. No types and no rules.
"""

from kala_client.fields import COUNTERS, FIELDS, OF_A_CALL, OF_THE_SERVER, Field

_ID = "Its id, a UUID."
_NEVER = "`0001-01-01T00:00:00Z` is never."


def _of(*rows: Field) -> dict[str, str]:
    return {row.wire: row.meaning for row in rows}


_BRIEF = {
    "id": _ID,
    "name": "Its name.",
    "schedule": "When it is due, as its owner said it.",
    "timezone": "The zone whose clock the schedule means.",
    "state": "How it is in a word, trouble first.",
    "disabled": "Whether its slots pass without a run.",
    "stuck": "Why nothing can be decided about it; empty where that is not so.",
    "next_at": "Its next slot; null where there is none.",
}
_WINDOW = {
    "from": "Where the time begins.",
    "to": "Where it ends.",
    "now": "What time it is.",
}
_SET_TAG = "A tag of what the jobs of the set say, for `If-Match`: runs do not change it."
_SET = {
    "name": "The name of the set.",
    "applied_at": "When it was applied last, and something changed.",
    "source": "Where that came from, for people.",
    "count": "How many jobs it has.",
    "changed_by_hand": "How many of them somebody has changed by hand since.",
}

MEANINGS: dict[str, dict[str, str]] = {
    "NewJob": _of(*FIELDS),
    "Bulk": {
        "action": "What is done to each job.",
        "ids": "The jobs by their ids; either these, or a filter.",
        "filter": "The jobs to which all of it applies; an empty one is every job.",
        "expect": "How many jobs are meant: any other number is a 409. A filter needs it, unless it is a dry run.",
        "dry_run": "Whether it is only said which jobs are meant.",
    },
    "Filter": {
        "q": "What is in the name, the command, the owner or the id, in any letter case.",
        "name": "The name.",
        "owner": "The owner.",
        "tag": "One of the tags.",
        "state": "How the job is: `active`, `disabled`, `done`, `running` or `failing`.",
    },
    "BulkJob": {
        "id": _ID,
        "name": "Its name.",
        "run_id": "The id of the run that was started.",
    },
    "RemoteCall": _of(*OF_A_CALL),
    "RemoteProperties": _of(*OF_A_CALL),
    "Metadata": _of(*COUNTERS),
    "Job": _of(*FIELDS, *COUNTERS, *OF_THE_SERVER),
    "JobStat": {
        "job_id": "The id of its job.",
        "ran_at": "When it started.",
        "number_of_retries": "How many attempts there were beside the first one.",
        "success": "Whether it succeeded.",
        "execution_duration": "How long it took, in nanoseconds.",
    },
    "KalaStats": {
        "active_jobs": "How many jobs are not disabled.",
        "disabled_jobs": "How many jobs are disabled.",
        "jobs": "How many jobs there are.",
        "error_count": "How many attempts have failed.",
        "success_count": "How many runs have succeeded.",
        "next_run_at": f"The next slot of any job; {_NEVER}",
        "last_attempted_run": f"When a run was last attempted; {_NEVER}",
        "created": "When these figures were taken.",
        "up_since": "When the server started.",
        "outages": "The latest times without a server, up to 100, each from the last sign of life to the next start.",
        "cluster": "What it is among the servers of its store; null where there can be no other.",
    },
    "ClusterRole": {
        "role": "Whether it leads, or follows the one that does.",
        "epoch": "Of the one that leads: it is higher for each; 0 where none ever did.",
        "leader": "The address of the one that leads; empty where none is known to.",
        "lag": "What it shows was so at most so many seconds ago; 0 where it leads.",
        "lease": "For so many seconds the leader is one if nothing more is heard of it; negative where that is over.",
    },
    "SetSummary": _SET,
    "StoredSet": _SET
    | {
        "jobs": "What its jobs say, each with its `key`: what is otherwise than by default, other jobs by their keys.",
        "etag": _SET_TAG,
    },
    "FieldChange": {
        "field": "Its name in JSON.",
        "before": "What it says now.",
        "after": "What it would say.",
    },
    "SetChange": {
        "what": "What would become of it.",
        "id": "Its id, also where it would be created.",
        "name": "Its name, as it would be.",
        "set": "The set that it is of; empty where it was made by hand and would go as it follows nothing else.",
        "key": "Its name in the set.",
        "fields": "What it would say otherwise.",
        "by_hand": "Whether somebody has changed it by hand since its set was applied last.",
        "slots_gone": "How many of the slots that it has now would not be.",
        "slots_new": "How many slots there would be that are not now.",
        "gone": "The first ten of the slots that would go.",
        "new": "The first ten of those that would come.",
        "at_once": "Whether it would run right away.",
        "under_way": "How many of its runs wait or run; they go on, and end as they were begun.",
        "kept_runs": "How many finished runs would go with it.",
    },
    "SetPlan": {
        "set": "The name of the set.",
        "changes": "What would become of each job, in the order in which it would be decided.",
        "create": "How many jobs would be created.",
        "change": "How many would be changed.",
        "delete": "How many would be deleted.",
        "unchanged": "How many say already what the set does.",
        "left": "The keys of jobs of the set that are not named, and stay as nothing is pruned.",
        "until": "Up to when slots were looked at.",
        "etag": _SET_TAG,
    },
    "SetApplied": {
        "set": "The name of the set.",
        "created": "The ids of the jobs that were created, by their keys.",
        "changed": "The keys of those that were changed.",
        "deleted": "The ids of those that were deleted.",
        "unchanged": "How many said it already.",
        "etag": _SET_TAG,
    },
    "Run": {
        "id": "Its id, a UUID; the command knows it as `KALA_RUN_ID`.",
        "job_id": "The id of its job.",
        "job_name": "The name of its job.",
        "scheduled_at": "The slot: when it was due.",
        "queued_at": "When it came to be, which is its place in the ledger.",
        "started_at": "When its first attempt started.",
        "finished_at": "When it was over.",
        "state": "Where it is in its life; all but the first two are final.",
        "reason": "Why it was skipped or failed, or what it waits for, in words.",
        "cause": "The id of the run that it waits for, was skipped for, or follows.",
        "trigger": "Why it exists.",
        "attempts": "How many attempts have started.",
        "retry_at": "When the next attempt is due.",
        "exit_code": "What the command ended with.",
        "signal": "The number of the signal that ended the command.",
        "duration": "How long it took from the first start to the end, in seconds.",
        "output_size": "How many bytes it has printed.",
        "output_cut": "Whether some of the output was not kept.",
        "count": "How many slots this entry stands for.",
        "last_scheduled_at": "The last of the slots, where it stands for many.",
        "parent_runs": "The ids of the parents' runs that led to it.",
        "sentence": "What became of it, for people; only where it is asked for.",
    },
    "SlotExplanation": {
        "at": "The slot; the first of them where several are told together.",
        "state": "That of its run; without one `upcoming`, `disabled`, `stuck`, `unknown` (no longer kept) or `none`.",
        "sentence": "What became of it, and why, for people.",
        "run_id": "The id of its run.",
    },
    "Session": {
        "scope": "What the token allows: `read` to look, `full` everything; without tokens everybody has the full one.",
        "tokens": "Whether the server wants a token at all.",
        "version": "The version of the server.",
        "now": "What time it is there.",
        "timezone": "The time zone that the server's machine is set to.",
        "max_running": "How many commands may run at the same time.",
        "up_since": "When the server started.",
        "pause": "Whether the server is paused.",
        "trouble": "What keeps jobs from being stored and run at all, in words; empty where nothing does.",
        "notes": "What ails the server all the same, as `/readyz` tells it; and that it leads, where others follow.",
        "cluster": "What it is among the servers of its store; null where there can be no other.",
    },
    "JobBrief": _BRIEF,
    "JobRow": _BRIEF
    | {
        "owner": "Whose it is.",
        "tags": "Its tags.",
        "type": "0 for a command, 1 for an HTTP call.",
        "running": "How many runs of it are running.",
        "waiting": "How many runs of it wait.",
        "parents": "How many jobs it follows.",
        "followers": "How many jobs follow it.",
        "recent": "The latest entries of its ledger, oldest first, up to 16.",
    },
    "JobName": {"id": _ID, "name": "Its name."},
    "Behind": {
        "total": "How many jobs these are.",
        "jobs": "The first of them, the nearest first.",
    },
    "TimelineRow": _BRIEF
    | {
        "counts": "How many slots the entries of its ledger in the time stand for, by their states.",
        "behind": "Who waits behind it; nobody where it does not fail.",
        "marks": "The entries of its ledger, those that are nearer than a pixel as one, in the order of their begin.",
        "slots": "The slots that are to come in the time, in milliseconds since 1970, where these are 48 at the most.",
        "dense": "How far the slots to come are apart, about, in seconds, where they are more; else null.",
    },
    "Timeline": _WINDOW
    | {
        "total": "How many jobs are meant in all.",
        "offset": "How many of them come before the first row.",
        "rows": "The rows.",
    },
    "FamilyMember": _BRIEF
    | {
        "distance": "How far it is from the job that was asked about: negative where it leads to that.",
        "parents": "How many jobs it follows.",
        "followers": "How many jobs follow it.",
        "last": "The latest entry of its ledger.",
    },
    "FamilyEdge": {
        "from": "The id of the job that comes first.",
        "to": "The id of the job that comes then.",
        "kind": "Whether it comes after a success (`parent`) or a failure (`failure`).",
    },
    "Family": {
        "nodes": "The jobs, the nearest first; the first is the one that was asked about.",
        "edges": "How they lead to each other.",
        "cut": "Whether there are more jobs than were asked for.",
    },
    "SummaryPart": {
        "at": "When it begins.",
        "jobs": "How many jobs had slots in it that are over, each job once, by the worst of their states.",
        "ahead": "How many jobs that are not disabled have slots to come in it, each job once.",
    },
    "FailingJob": {
        "id": _ID,
        "name": "Its name.",
        "since": "When its last attempt failed.",
        "run_id": "The id of the run that failed last, as far as it is kept.",
        "reason": "Why it failed, in words.",
        "behind": "Who waits behind it.",
    },
    "FailingJobs": {
        "total": "How many jobs fail.",
        "jobs": "The worst of them, up to 10: those first behind which the most wait, of equal ones the latest.",
    },
    "Summary": _WINDOW
    | {
        "step": "How long a part is, in seconds.",
        "parts": "The parts of the time, in order.",
        "slots": "What became of how many slots of the time.",
        "jobs": "How many jobs there are.",
        "disabled": "How many of them are disabled.",
        "running": "How many runs are running.",
        "waiting": "How many runs wait.",
        "failing": "The jobs of which the last attempt failed.",
        "next": "The next slot of all.",
        "pause": "Whether the server is paused.",
        "outages": "The times without a server that touch this one.",
    },
    "JobRows": {
        "rows": "The rows, in the order that was asked for.",
        "total": "How many jobs are meant in all.",
        "offset": "How many of them come before the first row.",
    },
    "Pause": {
        "paused": "Whether no job starts by itself.",
        "since": "When the pause began.",
        "reason": "Why, in the words of whoever paused it.",
    },
    "Worker": {
        "name": "Its name; of each there is one.",
        "queues": "From which queues it takes.",
        "state": "Whether it is there, takes nothing more, has said that it ends, or is not heard of.",
        "running": "How many attempts it runs.",
        "free": "How many more it takes.",
        "seen_at": "When it was heard of last.",
        "version": "Its release.",
    },
    "PauseRequest": {
        "reason": "Why, and who says so: one line for whoever wonders. Empty leaves what an earlier pause says.",
    },
    "Preview": {
        "next": "The next times, in order.",
        "words": "The schedule as one would say it; empty where there is no short way.",
    },
    "Trial": {
        "job": "What the job would be; one that is not created has no id.",
        "next": "When it would be due next, in order; never where it is disabled.",
        "before": "When it is due next as it is now.",
        "words": "Its schedule as one would say it; empty where there is no short way.",
        "warnings": "What would be passed over, each in a sentence.",
    },
    "Event": {
        "id": "Where a later stream can take up again.",
        "event": "What kind of event it is.",
        "data": "What the server says of it.",
    },
    "UpcomingSlot": {
        "at": "When it is due.",
        "job_id": "The id of its job.",
        "job_name": "The name of its job.",
    },
    "FieldProblem": {
        "field": "Which field or parameter is wrong; of a batch with its place.",
        "message": "What is wrong with it.",
        "example": "What would be right.",
    },
    "Problem": {
        "type": "Always `about:blank`: the status says which kind of problem it is.",
        "title": "The name of the status.",
        "status": "The status.",
        "detail": "What was wrong, for people.",
        "errors": "Each field or parameter at fault.",
        "error": "The detail again, where Kala's own clients look for it.",
        "leader": "Only of a server that follows, and has changed nothing: the address of the one that leads, or null.",
    },
}
"""By schema and field."""
