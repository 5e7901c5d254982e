"""Servers under a load and a schedule, and whether all that was said meanwhile is so in the end."""

from contextlib import AbstractContextManager
from pathlib import Path

from tests.faults.cluster.load import Load, client_of, whole
from tests.faults.cluster.marks import Marks
from tests.faults.cluster.members import Cluster


class Busy:
    """Clients, and a schedule."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._marks = Marks(folder / "marks")
        self.load = Load(self._marks)
        with client_of(cluster.urls) as kala:
            self._marks.fill(kala)

    def going_on(self) -> AbstractContextManager[None]:
        return self.load.going_on(self._cluster.urls)

    def broken(self) -> list[str]:
        """Kill who has led all the time, and hold the one who has only heard of it to all that was said."""
        self._cluster.leader().kill()
        return whole(self.load, self._marks, self._cluster)
