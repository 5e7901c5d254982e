"""Clients that change something all the time through whichever server leads, and hold the last one to what was said."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import Event, Lock
from time import monotonic

from kala_client import JobNotFoundError, KalaClient, KalaConnectionError, KalaTimeoutError, ServerError
from tests.eventually import PATIENCE, eventually
from tests.faults.cluster.marks import Marks
from tests.faults.cluster.members import Cluster
from tests.faults.promises import client

CLIENTS = 8
BETWEEN = 0.05
"""Seconds between two changes of a client: two cores are for the servers, too."""
_TIMEOUT = 2.0
_PASSING = KalaConnectionError, KalaTimeoutError, ServerError
LATER = "R/2035-06-04T19:25:16Z/P1D"


class Load:
    """What was asked for, and what of it was acknowledged."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._there: dict[str, str] = {}
        self._gone: set[str] = set()
        self._once: set[str] = set()
        self._answers: list[tuple[float, float]] = []
        """When each change that was acknowledged was asked for, and when that was."""
        self._numbers = count()
        self._lock = Lock()

    @property
    def acknowledged(self) -> int:
        return len(self._answers)

    @contextmanager
    def going_on(self, urls: str) -> Iterator[None]:
        """Let the clients ask; at the end each has an answer to all that it has asked for."""
        enough = Event()
        with ThreadPoolExecutor(CLIENTS) as threads:
            asking = [threads.submit(self._ask, urls, enough) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                enough.set()
                for each in asking:
                    each.result(PATIENCE)

    def first_after(self, moment: float) -> float:
        """Return how many seconds after a moment something that was asked for since then was acknowledged."""
        return eventually(lambda: self._first_after(moment)) - moment

    def _first_after(self, moment: float) -> float:
        with self._lock:
            return min((answered for asked, answered in self._answers if asked >= moment), default=0.0)

    def _ask(self, urls: str, enough: Event) -> None:
        with client(urls) as patient:
            kala = patient.with_options(timeout=_TIMEOUT)
            while not enough.wait(BETWEEN):
                number = next(self._numbers)
                job_id = self._create(kala, number)
                with self._lock:
                    self._there[job_id] = f"job-{number}"
                if number % 3:
                    self._delete(kala, job_id)

    def _create(self, kala: KalaClient, number: int) -> str:
        """Create a job, with the same key until that is acknowledged; some run at once."""
        name = f"job-{number}"
        once = number % 6 == 0
        while True:
            asked = monotonic()
            try:
                job_id = kala.create_job(
                    name=name,
                    command=self._marks.command,
                    shell=True,
                    schedule="" if once else LATER,
                    idempotency_key=name,
                )
            except _PASSING:
                continue
            with self._lock:
                self._answers.append((asked, monotonic()))
                if once:
                    self._once.add(job_id)
            return job_id

    def _delete(self, kala: KalaClient, job_id: str) -> None:
        while True:
            asked = monotonic()
            try:
                kala.delete_job(job_id)
            except _PASSING:
                continue
            except JobNotFoundError:
                pass  # whoever was asked before has done it, and could not say so
            with self._lock:
                self._answers.append((asked, monotonic()))
                self._gone.add(job_id)
            return

    def broken(self, kala: KalaClient) -> list[str]:
        """Say what of it is not so."""
        jobs = kala.get_all_jobs()
        ours = {job_id: job.name for job_id, job in jobs.items() if job.name.startswith("job-")}
        there = {job_id: name for job_id, name in self._there.items() if job_id not in self._gone}
        return [
            *(f"{name} is lost" for job_id, name in there.items() if job_id not in ours),
            *(
                f"{name} is back, or was never asked for"
                for job_id, name in ours.items()
                if there.get(job_id) != name
            ),
            *(
                f"{there[job_id]} has {len(runs)} runs"
                for job_id in self._once & ours.keys()
                if len(runs := list(kala.runs(job_id))) != 1
            ),
        ]


def whole(load: Load, marks: Marks, cluster: Cluster) -> list[str]:
    """Return what of all that was promised is not so, by the word of who leads: others may be a moment behind."""
    try:
        with client_of(cluster.urls) as kala:
            kala.create_job(
                name="the last one", command="true", schedule=LATER, idempotency_key="the last one"
            )
        with client_of(cluster.leader().url) as kala:
            return [*load.broken(kala), *marks.broken(kala)]
    except KalaConnectionError as error:
        return [f"no server is left: {error}"]


def client_of(urls: str) -> KalaClient:
    """Open a client of a whole cluster, which waits for a take-over."""
    return client(urls)
