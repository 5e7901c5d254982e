"""What is said of a job: ONE row for each field.

From here come what a client may send, the members of each Kala's answers, OpenAPI, the options of the command line,
examples in errors, and what may have been meant by a typo. Types stand in `_model/fields.py`, `models.py` and the
server's `core/model/job.py`, and what a field does in the code that does it; tests hold them to this table. It checks
and computes nothing, and imports next to nothing. The order is that of docs/jobs.md, of help and of answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Any

from kala_client.schedules.cron_line import LONGEST


class Since(IntEnum):
    """The oldest Kala that knows a field."""

    KALA_2015 = auto()
    LATEST = auto()
    OURS = auto()
    """Only kala_server: a real Kala drops it without a word."""


class Kind(Enum):
    """What a value is, which is how it is read, checked and typed."""

    TEXT = auto()
    FLAG = auto()
    WHOLE = auto()
    NUMBER = auto()
    CHOICE = auto()
    TEXTS = auto()
    VARIABLES = auto()
    DURATION = auto()
    SCHEDULE = auto()
    ZONE = auto()
    JOB = auto()
    JOBS = auto()
    TYPE = auto()
    CALL = auto()
    HEADERS = auto()
    STATUSES = auto()
    TOLD = auto()
    """What only the server says."""


KALA_2015, LATEST, OURS = Since
_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
_NEVER = "`0001-01-01T00:00:00Z` is never."


@dataclass(frozen=True, slots=True)
class Field:
    """A field, by its name in programs, and what is said of it wherever it is told of."""

    name: str
    since: Since
    kind: Kind
    meaning: str
    """In a sentence, for models and OpenAPI."""
    help: str = field(default="", kw_only=True)
    """In a few words, for the option; without them there is no such option."""
    example: Any = field(default=None, kw_only=True)
    """A value that is right."""
    spelled: str = field(default="", kw_only=True)
    """Its name in JSON, where that is another one."""
    choices: tuple[str, ...] = field(default=(), kw_only=True)
    bounds: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    """What the type does not say, as JSON Schema says it. The server holds numbers to it."""
    refusal: str = field(default="", kw_only=True)
    """What is said to a number out of its bounds; of a duration, what one of zero would do, where that is no use."""
    option: str = field(default="", kw_only=True)
    """Its option, where that is not its name."""
    metavar: str = field(default="", kw_only=True)
    """What stands for its value in help, where its kind does not say it."""

    @property
    def wire(self) -> str:
        """Its name in JSON, the same for every Kala."""
        return self.spelled or self.name


FIELDS = (
    # What runs
    Field(
        "name", KALA_2015, Kind.TEXT, "For people; need not be unique.",
        help="What people call it.", metavar="NAME", bounds={"pattern": r"\S"}, example="nightly-report",
    ),
    Field(
        "command", KALA_2015, Kind.TEXT,
        "What a job of type 0 runs, split into words as a shell would, with `$VAR`, `${VAR}` and backticks.",
        help="What it runs.", metavar="COMMAND", example="bash -c 'date >> /tmp/dates'",
    ),
    # When
    Field(
        "schedule", KALA_2015, Kind.SCHEDULE,
        "When it is due: an ISO 8601 repeating interval `R[n]/START/PERIOD`, a cron expression of five fields, "
        "or `never`. Empty: at once, or after its parents.",
        help="R[n]/START/PERIOD, five fields of cron, or never.", metavar="S",
        bounds={"maxLength": LONGEST}, example="R5/2035-06-04T19:25:16Z/PT10S",
    ),
    Field(
        "timezone", OURS, Kind.ZONE,
        "The IANA name of the zone of which START and cron are wall time. Empty: the offset in START, or UTC.",
        help="Whose clock START, cron and --at mean, such as Europe/Berlin; yours unless said.",
        example="Europe/Berlin",
    ),
    Field(
        "disabled", KALA_2015, Kind.FLAG, "Whether its slots pass without a run.",
        help="Do not run it until it is enabled.", option="--disabled/--enabled", example=False,
    ),
    # How it runs
    Field(
        "argv", OURS, Kind.TEXTS, "The words of the command as they are, in place of `command`.",
        help="In place of COMMAND, its words as they are: one for each --argv.", metavar="WORD",
        example=["date", "-u"],
    ),
    Field(
        "shell", OURS, Kind.FLAG, "Whether the command is run by `/bin/sh -c`.",
        help="Run COMMAND by /bin/sh, so that | and > work.", example=False,
    ),
    Field(
        "cwd", OURS, Kind.TEXT,
        "The absolute path of the directory in which the command runs. Empty: the server's own.",
        help="The folder to run in.", metavar="FOLDER", bounds={"pattern": "^(/|$)"}, example="/srv/reports",
    ),
    Field(
        "env", OURS, Kind.VARIABLES, "Variables for the command, beside those that it inherits.",
        help="A variable; may be repeated.", bounds={"propertyNames": {"pattern": "^[^=]+$"}},
        example={"LANG": "C.UTF-8"},
    ),
    Field(
        "user", OURS, Kind.TEXT, "The user as whom the command runs. Empty: the server's own.",
        help="Whose rights the command gets.", metavar="USER", example="nobody",
    ),
    Field(
        "queue", OURS, Kind.TEXT,
        "The queue whose workers run it, on machines of their own. Empty: the server's own machine.",
        help="Run it on the machine of a worker of this queue.", metavar="QUEUE",
        bounds={"pattern": "^[A-Za-z0-9._-]{0,40}$"}, example="db",
    ),
    Field(
        "on_lost", OURS, Kind.CHOICE,
        "What becomes of its command where the worker that runs it cannot reach the database any more.",
        help="What to do where its worker cannot reach the database.", choices=("go_on", "end"), example="end",
    ),
    Field(
        "type", LATEST, Kind.TYPE, "0 is a command, 1 an HTTP call.", bounds={"enum": [0, 1]}, example=0,
    ),
    Field(
        "remote_properties", LATEST, Kind.CALL, "The HTTP call of a job of type 1.",
        example={"url": "https://example.com/hook", "method": "POST"},
    ),
    # If it fails
    Field(
        "retries", KALA_2015, Kind.WHOLE, "How many further attempts a failed run gets.",
        help="How many more attempts it gets.", bounds={"minimum": 0}, example=2,
        refusal="the number of further attempts cannot be negative",
    ),
    Field(
        "epsilon", KALA_2015, Kind.DURATION,
        "How long after its time a failed run may still be retried, an ISO 8601 duration. Empty: for ever.",
        help="How long after its due time a failed run may be retried.", example="PT5S",
    ),
    Field(
        "retry_delay", OURS, Kind.DURATION,
        "How long after a failure the next attempt starts, an ISO 8601 duration. Empty: at once.",
        help="How long to wait before a retry.", example="PT30S",
    ),
    Field(
        "retry_backoff", OURS, Kind.NUMBER, "The factor by which the delay grows with each attempt.",
        help="By what that delay grows each time.", metavar="FACTOR", bounds={"minimum": 1}, example=2.0,
        refusal="the factor is 1 (always the same delay) or more",
    ),
    Field(
        "timeout", OURS, Kind.DURATION,
        "How long an attempt may take before it is ended, an ISO 8601 duration. Empty: as long as it likes.",
        help="End an attempt where it takes longer.", example="PT5S",
        refusal="would end every attempt at once",
    ),
    Field(
        "on_failure_job", LATEST, Kind.JOB, "The id of a job that runs when a run of this one has failed.",
        help="The job to run where this one fails.", option="--on-failure", example=_ID,
    ),
    Field(
        "rerun_interrupted", OURS, Kind.FLAG,
        "Whether a run that the end of the server cut off is run again at the next start.",
        help="Run again what the end of the server cut off.", example=False,
    ),
    # Overlap and catch-up
    Field(
        "overlap", OURS, Kind.CHOICE, "What a due slot does while an earlier run is still there.",
        help="What to do where the run before still runs.", choices=("queue", "skip", "allow", "replace"),
        example="queue",
    ),
    Field(
        "catch_up", OURS, Kind.CHOICE,
        "What becomes of slots that were missed while the server was down or the job disabled.",
        help="What to do about runs that were missed.", choices=("one", "none", "all"), example="one",
    ),
    Field(
        "misfire_grace", OURS, Kind.DURATION,
        "How late a run may start, an ISO 8601 duration; a later one is skipped. Empty: at any time.",
        help="How late it may still be run.", example="PT1H",
        refusal="would skip every slot, as none is noticed in the very instant",
    ),
    Field(
        "resume_at_next_scheduled_time", LATEST, Kind.FLAG,
        "Kala's way to say `catch_up: none`, for a job that names no `catch_up`.",
        help="Kala's name for --catch-up none.", example=False,
    ),
    # Who follows whom
    Field(
        "parent_jobs", KALA_2015, Kind.JOBS, "The ids of the jobs after which it runs.",
        help="Run after this job succeeded; may be repeated.", option="--parent", example=[_ID],
    ),
    Field(
        "wait_for", OURS, Kind.CHOICE, "Whether it runs after any of its parents, or after one run of each.",
        help="Run after any of the parents, or all.", choices=("any", "all"), example="all",
    ),
    # For people, and how long
    Field(
        "owner", KALA_2015, Kind.TEXT, "An e-mail address or any other name; the server may have a default.",
        help="Whose job it is.", metavar="EMAIL", example="ada@example.com",
    ),
    Field(
        "tags", OURS, Kind.TEXTS, "For people and filters.",
        help="For filters; may be repeated.", option="--tag", metavar="TAG", example=["night"],
    ),
    Field(
        "description", OURS, Kind.TEXT, "For people.",
        help="For people.", metavar="TEXT", example="what the night was like",
    ),
    Field(
        "keep_runs", OURS, Kind.WHOLE, "How many finished runs are kept.",
        help="How many finished runs are kept.", bounds={"minimum": 1, "maximum": 100_000}, example=100,
        refusal="between 1 and 100000 runs can be kept",
    ),
    Field(
        "template_delimiters", LATEST, Kind.TEXT,
        "What stands around fields of the job that are filled in at each run, such as `{{ }}`.",
        help="The signs around fields of the job in its command or call, such as '{{ }}'.", metavar="TEXT",
        spelled="TemplateDelimiters", bounds={"pattern": "^([^ ]+ [^ ]+)?$"}, example="{{ }}",
    ),
)  # fmt: skip
"""What the owner of a job says."""

OF_A_CALL = (
    Field(
        "url", LATEST, Kind.TEXT, "Where to, with `http://` or `https://`.",
        help="Call this address, in place of a COMMAND.", option="--http", metavar="URL",
    ),
    Field(
        "method", LATEST, Kind.TEXT, "An HTTP method; GET where it is empty.",
        help="How to call it: GET unless said.", metavar="METHOD",
    ),
    Field(
        "headers", LATEST, Kind.HEADERS, "The values of each header.",
        help="A header of the call; may be repeated.", option="--header",
    ),
    Field("body", LATEST, Kind.TEXT, "What is sent.", help="What the call sends.", metavar="TEXT"),
    Field(
        "timeout", LATEST, Kind.WHOLE, "In whole seconds, for the whole call; 0 leaves it to the server.",
        help="How long the call may take; 0 is 30.", option="--http-timeout", metavar="SECONDS",
        bounds={"minimum": 0},
    ),
    Field(
        "expected_response_codes", LATEST, Kind.STATUSES,
        "The statuses that count as a success; none: any 2xx.",
        help="A status that is a success, such as 202; any 2xx unless said; may be repeated.",
        option="--expect",
    ),
)  # fmt: skip
"""The members of `remote_properties`."""

COUNTERS = (
    Field("success_count", KALA_2015, Kind.TOLD, "How many runs have succeeded."),
    Field("last_success", KALA_2015, Kind.TOLD, f"When a run last succeeded; {_NEVER}"),
    Field("error_count", KALA_2015, Kind.TOLD, "How many attempts have failed."),
    Field("last_error", KALA_2015, Kind.TOLD, f"When an attempt last failed; {_NEVER}"),
    Field("last_attempted_run", KALA_2015, Kind.TOLD, f"When a run was last attempted; {_NEVER}"),
    Field("number_of_finished_runs", LATEST, Kind.TOLD, "How many runs are over."),
)
"""What the server counts, in `metadata`; the first five are documented beside it."""

OF_THE_SERVER = (
    Field("id", KALA_2015, Kind.TOLD, "Its id, a UUID."),
    Field("dependent_jobs", KALA_2015, Kind.TOLD, "The ids of the jobs that have it as a parent."),
    Field("next_run_at", KALA_2015, Kind.TOLD, f"The next slot; {_NEVER}"),
    Field("metadata", KALA_2015, Kind.TOLD, "The counters again, where Kala's own clients look for them."),
    Field("is_done", LATEST, Kind.TOLD, "Whether nothing more is due."),
    Field("created_at", OURS, Kind.TOLD, "When it was created."),
    Field("set", OURS, Kind.TOLD, "The set of jobs that says it; empty where it was made by hand."),
    Field("key", OURS, Kind.TOLD, "Its name in that set."),
    Field("last_error_reason", OURS, Kind.TOLD, "Why an attempt last failed, in words."),
    Field(
        "stuck", OURS, Kind.TOLD,
        "Why nothing can be decided about it, such as when it is due; empty where nothing is in the way.",
    ),
    Field(
        "stats", KALA_2015, Kind.TOLD, "Its finished runs; empty in a list of jobs without `stats=true`."
    ),
)  # fmt: skip
"""What the server says of a job beside that; its runs come last, as there may be many."""

FIELD: Mapping[str, Field] = {row.name: row for row in FIELDS}
"""What the owner says, by its name in programs."""


def of_kind(*kinds: Kind) -> frozenset[str]:
    """Return the names of what the owner says that is of these kinds."""
    return frozenset(row.name for row in FIELDS if row.kind in kinds)
