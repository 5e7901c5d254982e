"""What a server is among those of its store, as JSON."""

from typing import Any

from kala_server.service.role import ALONE, Role


def role(told: Role) -> dict[str, Any] | None:
    """Return it as it is answered; null where there can be no other server."""
    if told is ALONE:
        return None
    return {
        "role": told.name,
        "epoch": told.epoch,
        "leader": told.leader,
        "lag": round(told.lag, 3),
        "lease": round(told.lease, 3),
    }
