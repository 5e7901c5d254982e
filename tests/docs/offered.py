"""What the server offers over HTTP: every method of every route."""

from kala_server.web.app import ROUTES

Operation = tuple[str, str]


def operations() -> set[Operation]:
    """Return each method with its route below /api/v1, which ends with a slash unless it names a file."""
    return {
        (method, path if "." in path else f"{path}/")
        for path, handler in ROUTES
        for method in handler.methods()
    }
