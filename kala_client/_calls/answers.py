"""From an answer to an error of the tree; `_envelopes` makes values of the good ones. No I/O, no models."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from kala_client import errors

E = TypeVar("E", bound=errors.KalaError)

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_JSON_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_SMALL = 65_536  # bytes, in which no values can be too many
_LEAST_BYTES = 8  # for each value, on average
_BY_STATUS: dict[int, type[errors.KalaError]] = {
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    409: errors.ConflictError,
    412: errors.ConflictError,
    429: errors.RateLimitError,
}
_WITHOUT_WORDS = {
    401: "the server wants a token, or refused this one",
    403: "the server does not allow this",
    404: "not found",
    409: "the state of the job does not allow this",
    412: "the job was changed meanwhile",
    429: "too many requests",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer of a server, and what it answers; `headers` are found by their names in lower case."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    proxy: str | None = None

    @property
    def from_kala_server(self) -> bool:
        """Whether kala_server gave it: real Kala does not send this header."""
        return self.headers.get("kala-server", "").startswith("kala-python/")

    @property
    def retry_after(self) -> float:
        """For how many seconds the server asks to be left alone (RFC 9110 section 10.2.3); 0 without a wish."""
        wish = self.headers.get("retry-after", "")
        if wish.isascii() and wish.isdigit():
            return float(wish[:9])
        try:
            until, now = parsedate_to_datetime(wish), parsedate_to_datetime(self.headers.get("date", ""))
            return max(0.0, (until - now).total_seconds())
        except (ValueError, TypeError):
            return 0.0

    def error(self, kind: type[E], message: str) -> E:
        """Build an error that says which call it was."""
        error = kind(message, method=self.method, url=self.url, status=self.status)
        error.proxy = self.proxy
        return error


def is_heap(body: bytes) -> bool:
    """Whether JSON is a heap of tiny values: 15 MB of `[]` take 2 GB to read; a job has 20 for each."""
    if len(body) <= _SMALL or body.count(b",") * _LEAST_BYTES <= len(body):
        return False
    return _JSON_TEXT.sub(b"", body).count(b",") * _LEAST_BYTES > len(body)


def check_empty(answer: Answer) -> None:
    """Accept an answer that carries nothing; raises where a web page came instead."""
    if answer.body and _problem(answer) is None:
        raise answer.error(errors.UnexpectedResponseError, "this is not an answer of a Kala: a body of text")


def refusal(
    answer: Answer, *, missing: type[errors.NotFoundError], job: bool, keyed: bool
) -> errors.KalaError:
    """Turn any answer outside 2xx into its error; `missing` is what a 404 means, `job` that a job was sent."""
    status, problem = answer.status, _problem(answer)
    words = _words(answer, problem)
    if status == 404 and not words and (problem is not None or not answer.body):
        return answer.error(
            missing, "there is no such job" if missing is errors.JobNotFoundError else "not found"
        )
    if status == 404:
        return _not_found(answer, problem, words, missing)
    message = words or _WITHOUT_WORDS.get(status, f"the server answered {status}")
    if kind := _BY_STATUS.get(status):
        return answer.error(kind, message)
    if status == 422 and keyed:
        return answer.error(errors.IdempotencyError, message)
    if 400 <= status < 500:
        return _invalid(
            answer, problem or {}, message, errors.InvalidJobError if job else errors.InvalidRequestError
        )
    if status >= 500:
        return not_leading(answer) or answer.error(errors.ServerError, message)
    return answer.error(errors.UnexpectedResponseError, _strange(answer))


def not_leading(answer: Answer) -> errors.NotLeaderError | None:
    """Return the error of a server that follows, and so has done nothing for certain; None for any other answer.

    It says so by naming the leader, or by saying that it knows of none. Who else answers 503 may have done something.
    """
    if answer.status != 503 or not answer.from_kala_server:
        return None
    problem = _problem(answer) or {}
    leader = answer.headers.get("kala-leader") or problem.get("leader")
    if leader is None and "leader" not in problem:
        return None
    leader = _UNPRINTABLE.sub("", safe_url(str(leader)))[:200] if leader else None
    leads = f"{leader} does" if leader else "no other one does at the moment"
    error = answer.error(
        errors.NotLeaderError, f"this server does not lead, and {leads}; nothing was changed"
    )
    error.leader = leader
    return error


def safe_url(url: str) -> str:
    """Return the URL without user, password, query and fragment, so that it may be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _not_found(
    answer: Answer, problem: Mapping[str, Any] | None, words: str, missing: type[errors.NotFoundError]
) -> errors.KalaError:
    if problem is not None:
        return answer.error(missing, words)
    return answer.error(
        errors.UnexpectedResponseError, f"no Kala answers here, is the base URL right? ({words})"
    )


def _invalid(
    answer: Answer, problem: Mapping[str, Any], message: str, kind: type[errors.InvalidRequestError]
) -> errors.KalaError:
    error = answer.error(kind, message)
    fields = problem.get("errors")
    if isinstance(fields, list):
        error.errors = [_field_error(field) for field in fields if isinstance(field, dict)]
    return error


def _field_error(field: Mapping[str, Any]) -> errors.FieldError:
    example = field.get("example")
    return errors.FieldError(
        field=str(field.get("field", "")),
        message=str(field.get("message", "")),
        example=example if example is None or isinstance(example, str) else json.dumps(example),
    )


def _strange(answer: Answer) -> str:
    if location := answer.headers.get("location"):
        return (
            f"the server redirects to {safe_url(location)}; use its address as the base URL if that is right"
        )
    return f"a Kala does not answer {answer.status}"


def _problem(answer: Answer) -> Mapping[str, Any] | None:
    """Return the members of a JSON error (RFC 9457, or Kala's own); None where the answer is something else."""
    # The content type does not tell: real Kala sends its JSON errors as text/plain.
    try:
        problem = None if is_heap(answer.body) else json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return problem if isinstance(problem, dict) else None


def _words(answer: Answer, problem: Mapping[str, Any] | None) -> str:
    """Return what the server says in words, on one line and not too long; empty where it is silent or HTML."""
    if problem is not None:
        words = next(
            (problem[key] for key in ("detail", "error", "title") if isinstance(problem.get(key), str)), ""
        )
    elif answer.headers.get("content-type", "").startswith("text/html"):
        words = "an HTML page"
    else:
        words = answer.body[:400].decode("utf-8", "replace")
    return _UNPRINTABLE.sub(" ", words)[:400].strip()
