"""What the clients tell the `kala` logger, without secrets: each attempt (INFO), what was sent and what came (DEBUG).

It must not show what `repr` of a model hides, what a run has printed, or who asks.
"""

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kala_client._calls.answers import Answer, safe_url
from kala_client._calls.call import Call

if TYPE_CHECKING:
    from kala_client._http.request import CallAttempt

LOGGER = logging.getLogger("kala")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}
_HIDDEN = "***"
_HARMLESS_HEADERS = frozenset(
    [
        "accept",
        "accept-encoding",
        "allow",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "kala-lag",
        "kala-run-id",
        "kala-server",
        "kala-warning",
        "retry-after",
        "server",
        "transfer-encoding",
        "user-agent",
    ]
)
"""Those whose values are shown: of any other one a proxy or a redirect may have put a secret there."""
_LONGEST = 65_536
"""Bytes of a body that are shown."""


def set_up(environment: Mapping[str, str]) -> None:
    """Have KALA_LOG=debug or info written to stderr, unless the program has told logging where to write."""
    wish = environment.get("KALA_LOG", "")
    if not wish:
        return
    if wish.lower() not in _LEVELS:
        LOGGER.warning("KALA_LOG is debug or info, not %r", wish)
        return
    LOGGER.setLevel(_LEVELS[wish.lower()])
    if not LOGGER.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        LOGGER.addHandler(handler)


def listens() -> bool:
    """Whether anybody wants to know."""
    return LOGGER.isEnabledFor(logging.INFO)


def tell(call: Call[Any], headers: Mapping[str, str], attempt: "CallAttempt", answer: Answer | None) -> None:
    """Log one attempt of a call; `headers` are what the client sends with every call."""
    result = (
        attempt.status
        if attempt.error is None
        else f"{type(attempt.error).__name__}: {attempt.error.message}"
    )
    milliseconds = attempt.elapsed * 1000
    LOGGER.info(
        "%s %s: %s (attempt %d, %.0f ms)", attempt.method, attempt.url, result, attempt.attempt, milliseconds
    )
    if not LOGGER.isEnabledFor(logging.DEBUG):
        return
    LOGGER.debug("sent %s %s", _headers({**headers, **call.headers}), _body(call.body or b""))
    if answer is not None:
        LOGGER.debug("got %s %s", _headers(answer.headers), _body(answer.body))


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value if name.lower() in _HARMLESS_HEADERS else _HIDDEN for name, value in headers.items()}


def _body(body: bytes) -> str:
    """Return JSON with its secrets masked; of anything else, such as the output of a run, only its size."""
    try:
        return (
            json.dumps(_masked(json.loads(body)), ensure_ascii=False)
            if len(body) <= _LONGEST
            else _size(body)
        )
    except (ValueError, RecursionError):
        return _size(body)


def _size(body: bytes) -> str:
    return f"({len(body):,} bytes)"


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _MASKS[name](one) if name in _MASKS and one else _masked(one) for name, one in value.items()
    }


def _names(value: Any) -> Any:
    """Variables and headers keep their names."""
    return dict.fromkeys(value, _HIDDEN) if isinstance(value, dict) else _HIDDEN


def _address(value: Any) -> str:
    return safe_url(value) if isinstance(value, str) else _HIDDEN


_MASKS = {"env": _names, "headers": _names, "body": lambda _: _HIDDEN, "url": _address}
"""What may hold a secret, by its name on the wire, and how much of it is shown."""
