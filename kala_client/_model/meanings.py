"""What each field on the wire means, in a sentence: for the models, OpenAPI and the help of commands alike.

By model and by the field's name on the wire. No types and no rules.
"""

_ID = "Its id, a UUID."
_NEVER = "`0001-01-01T00:00:00Z` is never."

JOB_FIELDS = {
    "name": "For people; need not be unique.",
    "command": "What a job of type 0 runs, split into words as a shell would, with `$VAR`, `${VAR}` and backticks.",
    "owner": "An e-mail address or any other name; the server may have a default.",
    "disabled": "Whether its slots pass without a run.",
    "schedule": "When it is due: an ISO 8601 repeating interval `R[n]/START/PERIOD`, a cron expression of five fields, "
    "or `never`. Empty: at once, or after its parents.",
    "timezone": "The IANA name of the zone of which START and cron are wall time. Empty: the offset in START, or UTC.",
    "retries": "How many further attempts a failed run gets.",
    "epsilon": "How long after its time a failed run may still be retried, an ISO 8601 duration. Empty: for ever.",
    "parent_jobs": "The ids of the jobs after which it runs.",
    "on_failure_job": "The id of a job that runs when a run of this one has failed.",
    "resume_at_next_scheduled_time": "Kala's way to say `catch_up: none`, for a job that names no `catch_up`.",
    "type": "0 is a command, 1 an HTTP call.",
    "remote_properties": "The HTTP call of a job of type 1.",
    "TemplateDelimiters": "What stands around fields of the job that are filled in at each run, such as `{{ }}`.",
    "overlap": "What a due slot does while an earlier run is still there.",
    "catch_up": "What becomes of slots that were missed while the server was down or the job disabled.",
    "misfire_grace": "How late a run may start, an ISO 8601 duration; a later one is skipped. Empty: at any time.",
    "timeout": "How long an attempt may take before it is ended, an ISO 8601 duration. Empty: as long as it likes.",
    "retry_delay": "How long after a failure the next attempt starts, an ISO 8601 duration. Empty: at once.",
    "retry_backoff": "The factor by which the delay grows with each attempt.",
    "wait_for": "Whether it runs after any of its parents, or after one run of each.",
    "shell": "Whether the command is run by `/bin/sh -c`.",
    "argv": "The words of the command as they are, in place of `command`.",
    "cwd": "The absolute path of the directory in which the command runs. Empty: the server's own.",
    "env": "Variables for the command, beside those that it inherits.",
    "user": "The user as whom the command runs. Empty: the server's own.",
    "tags": "For people and filters.",
    "description": "For people.",
    "keep_runs": "How many finished runs are kept.",
    "rerun_interrupted": "Whether a run that the end of the server cut off is run again at the next start.",
}
"""What the owner of a job says."""

CALL_FIELDS = {
    "url": "Where to, with `http://` or `https://`.",
    "method": "An HTTP method; GET where it is empty.",
    "body": "What is sent.",
    "headers": "The values of each header.",
    "timeout": "In whole seconds, for the whole call; 0 leaves it to the server.",
    "expected_response_codes": "The statuses that count as a success; none: any 2xx.",
}

_COUNTERS = {
    "success_count": "How many runs have succeeded.",
    "error_count": "How many attempts have failed.",
    "last_success": f"When a run last succeeded; {_NEVER}",
    "last_error": f"When an attempt last failed; {_NEVER}",
    "last_attempted_run": f"When a run was last attempted; {_NEVER}",
    "number_of_finished_runs": "How many runs are over.",
}

MEANINGS: dict[str, dict[str, str]] = {
    "NewJob": JOB_FIELDS,
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
    "RemoteCall": CALL_FIELDS,
    "RemoteProperties": CALL_FIELDS,
    "Metadata": _COUNTERS,
    "Job": {
        **JOB_FIELDS,
        **_COUNTERS,
        "id": _ID,
        "created_at": "When it was created.",
        "next_run_at": f"The next slot; {_NEVER}",
        "is_done": "Whether nothing more is due.",
        "last_error_reason": "Why an attempt last failed, in words.",
        "stuck": "Why nothing can be decided about it, such as when it is due; empty where nothing is in the way.",
        "dependent_jobs": "The ids of the jobs that have it as a parent.",
        "stats": "Its finished runs; empty in a list of jobs without `stats=true`.",
        "metadata": "The counters again, where Kala's own clients look for them.",
    },
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
    },
    "SlotExplanation": {
        "at": "The slot; the first of them where several are told together.",
        "state": "That of its run; without one `upcoming`, `disabled`, `stuck`, `unknown` (no longer kept) or `none`.",
        "sentence": "What became of it, and why, for people.",
        "run_id": "The id of its run.",
    },
    "Pause": {
        "paused": "Whether no job starts by itself.",
        "since": "When the pause began.",
        "reason": "Why, in the words of whoever paused it.",
    },
    "PauseRequest": {
        "reason": "Why, and who says so: one line for whoever wonders. Empty leaves what an earlier pause says.",
    },
    "Preview": {
        "next": "The next times, in order.",
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
    },
}
"""By schema and field."""
