"""Where our server answers otherwise than a recorded Kala, one by one, and why. Held exact by test_server_answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deliberate:
    """The differences in the answer to one call, as `differences.py` words them, and why they are meant."""

    what: tuple[str, ...]
    because: str


NONE = Deliberate((), "")

_DIRECTLY = "a redirect turns a POST into a GET in most clients: the route answers with and without its slash"
_WRONG_METHOD = "a method that a route does not take is 405 with Allow, as in the newest Kala"
_CHANGES = (
    "PUT and PATCH change a job here, and the recorded request says nothing that it could be changed to"
)
_DONE = "a start by hand uses up no slot: the job has its whole schedule before it"
_OF_BOTH = {
    "get without the trailing slash": Deliberate(("301 → 200",), _DIRECTLY),
    "list without the trailing slash": Deliberate(("301 → 200",), _DIRECTLY),
    "create without the trailing slash": Deliberate(("301 → 201",), _DIRECTLY),
    "create: body over 1 MiB": Deliberate(
        ("400 → 413",), "Kala cuts the body and then complains of its JSON; 413 says what is wrong"
    ),
    "root": Deliberate(
        ("404 → 302",), "here there is a web page, and who types the address alone is led to it"
    ),
    "start a disabled job": Deliberate(("204 → 409",), "Kala says yes and runs nothing"),
    "create: repeat without R (the last calls: it wedges some servers)": Deliberate(
        ("no answer → 400",), "this one call ends the whole process of a real Kala"
    ),
    "application stats after that": Deliberate(("no answer → 200",), "ours is still there"),
    "list after that": Deliberate(("no answer → 200",), "ours is still there"),
}

DELIBERATE: dict[str, dict[str, Deliberate]] = {
    "2015": _OF_BOTH
    | {
        "create: empty interval P": Deliberate(
            ("201 → 400",), "a period of zero would be due for ever at once; the newest Kala refuses it too"
        ),
        "create: R0 and no interval": Deliberate(
            ("400 → 201",), "a single run needs no period; the newest Kala takes it too"
        ),
        "PUT on a job": Deliberate(("404 → 400",), _CHANGES),
        "PATCH on a job": Deliberate(("404 → 400",), _CHANGES),
        "HEAD on a job": Deliberate(("404 → 405",), _WRONG_METHOD),
        "OPTIONS on a job": Deliberate(("404 → 405",), _WRONG_METHOD),
        "start: GET instead of POST": Deliberate(("404 → 405",), _WRONG_METHOD),
        "enable: GET instead of POST": Deliberate(("404 → 405",), _WRONG_METHOD),
        "disable: GET instead of POST": Deliberate(("404 → 405",), _WRONG_METHOD),
        "application stats after all that": Deliberate(
            (
                "Stats.success_count: 8 → 1",
                "Stats.next_run_at: 2035-06-05T02:25:16 → 2035-06-04T19:25:16",
            ),
            "Kala takes the 7 successes that a client claimed for its new job, and a next run that is not the next",
        ),
        "delete all": Deliberate(("404 → 204",), "a route that the newest Kala added"),
        "list after delete all": Deliberate(("jobs: 15 items → nothing",), "they were deleted"),
    },
    "latest": _OF_BOTH
    | {
        "PUT on a job": Deliberate(("405 → 400",), _CHANGES),
        "PATCH on a job": Deliberate(("405 → 400",), _CHANGES),
        "create: fractional seconds in the interval": Deliberate(
            ("400 → 201",), "half a second is a period like any other"
        ),
        "get, enabled": Deliberate(
            (
                "job.metadata.last_attempted_run: some str → never",
                "job.is_done: True → False",
            ),
            "the start of the disabled job was refused, so there was no attempt and nothing is done",
        ),
        "get after a run": Deliberate(("job.is_done: True → False",), _DONE),
        "child of both stays": Deliberate(
            ("job.is_done: True → False",), "it runs again whenever its parent does"
        ),
        "application stats after all that": Deliberate(
            ("Stats.active_jobs: 14 → 15", "Stats.jobs: 15 → 16", "Stats.success_count: 8 → 1"),
            "one more job (the create without its slash, PT0.5S; no orphan of an unknown parent), "
            "and none of the 7 successes that a client claimed for its new job",
        ),
    },
}

ONE_MORE = {
    "list, one job": Deliberate(
        ("jobs: one more",), "the create without its slash was not redirected, and made a job"
    )
}
"""What differs besides where a server answers as one of the Kalas, and each member counts."""
