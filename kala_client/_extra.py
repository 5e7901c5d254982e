"""What to say where the server extra is missing. It must not import the server, nor anything that it needs."""

_EXTRA = frozenset({"click", "prometheus_client", "rich", "tornado", "kala_server"})


def hint(error: ModuleNotFoundError, what: str) -> str | None:
    """Say how to install what `what` needs; None where it is all there, and the fault is the server's own."""
    if (error.name or "").partition(".")[0] not in _EXTRA:
        return None
    return f'{what} needs the server extra: pip install "kala-client[server]"'
