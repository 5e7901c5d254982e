"""What a server is among those of its store, and the machines of its workers, as they are told of. Pure."""

from typing import Any

from kala_server.ports.machines import Machine, WorkerState
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


def worker(machine: Machine) -> dict[str, Any]:
    """Return what is told of one: one that takes nothing has no place free."""
    takes = machine.state is WorkerState.THERE
    return {
        "name": machine.name,
        "queues": list(machine.queues),
        "state": machine.state.value,
        "running": machine.running,
        "free": max(0, machine.concurrency - machine.running) if takes else 0,
        "seen_at": machine.seen_at,
        "version": machine.version,
    }
