"""All operations: what each method of each route takes, and what it answers when all is well.

What every operation shares, such as its errors, is added in `document.py`. Paths are those that the clients use.
"""

from kala_server.web.openapi import jobs, runs, server, sets
from kala_server.web.openapi.operation import Operation

OPERATIONS: dict[tuple[str, str], Operation] = {
    **jobs.OPERATIONS,
    **runs.OPERATIONS,
    **server.OPERATIONS,
    **sets.OPERATIONS,
}
"""By method and path."""
