"""How the server logs: to stderr, a line or a JSON object for each message. What is logged is not decided here."""

import json
import logging
from datetime import UTC, datetime

from kala_server.cli.text.plain import printable


class OneLine(logging.Formatter):
    """Escapes control characters: what comes from outside cannot write lines or colours of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line; a traceback comes after it, on lines of its own."""
        return printable(super().formatMessage(record))


class OneObject(logging.Formatter):
    """A JSON object on a line, for programs that gather logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object: time, level, logger, message, and a traceback where there is one."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)


def log_to_stderr(*, verbose: bool, as_json: bool) -> None:
    """Log what matters; with `verbose`, everything that happens."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneObject() if as_json else OneLine())
    # Libraries say at INFO what must not be told: httpx the addresses of HTTP jobs, Tornado malformed headers.
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("kala").setLevel(logging.DEBUG if verbose else logging.INFO)
