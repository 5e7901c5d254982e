"""What operations of several tables take, and what can keep them from their answers. Pure."""

from http import HTTPStatus

from kala_server.web.openapi.operation import (
    query,
)
from kala_server.web.openapi.schemas import TEXT, Schema, nullable
from kala_server.web.routes.rows import MOST_OFFSET

API = "/api/v1"
READS = (HTTPStatus.SERVICE_UNAVAILABLE,)
"""What can keep a server from saying what is so."""
WRITES = (*READS, HTTPStatus.INSUFFICIENT_STORAGE)
YES: Schema = {"type": "boolean", "default": False}
NEXT = nullable(TEXT)
OFFSET = query(
    "offset",
    "How many rows are left out before the first one.",
    {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0},
)
