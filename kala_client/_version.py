"""Which version of the distribution this is. It must not be computed at import."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Return the version, or `0+unknown` where the sources run without being installed."""
    try:
        return metadata.version("kala-client")
    except metadata.PackageNotFoundError:
        return "0+unknown"
