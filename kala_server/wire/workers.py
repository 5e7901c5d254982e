"""Workers on other machines as they are told of. Pure."""

from typing import Any

from kala_server.ports.machines import Machine, WorkerState


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
