"""The typed client for the Kala job scheduler. It must not import the server."""

from kala_client.schedule import Period, Schedule

__all__ = ["Period", "Schedule"]
