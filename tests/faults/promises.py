"""What a server has acknowledged to many clients at once, and whether the next one on the same folder keeps it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Lock

import httpx

from kala_client import KalaClient, KalaConnectionError, RetryPolicy
from tests.eventually import PATIENCE
from tests.faults import planted
from tests.faults.server_child import Plant

CLIENTS = 6
DELETED = 5
"""Every so many jobs one is deleted again."""
_IN_2035 = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)
_ONCE = RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A creation that was asked for, by its name, which is its idempotency key, too."""

    name: str
    start: datetime

    def send(self, kala: KalaClient) -> str:
        schedule = f"R/{self.start.isoformat()}/P1D"
        return kala.create_job(name=self.name, command="true", schedule=schedule, idempotency_key=self.name)


LIFE = 10
"""Ends of servers on one folder; then a new one, so that comparing stays quick."""


class Promises:
    """What is known of the jobs in one folder."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.acknowledged = 0
        self._there: dict[str, Asked] = {}
        self._perhaps_gone: set[str] = set()
        self._gone: set[str] = set()
        self._unanswered: set[Asked] = set()
        self._numbers = count()
        self._lock = Lock()

    @contextmanager
    def asked_for(self, url: str) -> Iterator[None]:
        """Let clients create and delete jobs until the server is gone; the block begins with the first answer."""
        answered = Event()
        with client(url, retry=_ONCE) as kala, ThreadPoolExecutor(CLIENTS) as threads:
            asking = [threads.submit(self._ask, kala, answered) for _ in range(CLIENTS)]
            try:
                assert answered.wait(PATIENCE)
                yield
            finally:
                for each in asking:
                    each.result(PATIENCE)

    def check(self, url: str) -> None:
        """Hold a new server against what was promised. What was not answered is asked again: it must be there once."""
        with client(url) as kala:
            for asked in self._unanswered:
                self._there[asked.send(kala)] = asked
            self._unanswered.clear()
            jobs = kala.get_all_jobs()
        for job_id, asked in self._there.items():
            job = jobs.get(job_id)
            if job is None and job_id not in self._perhaps_gone:
                self.broken.append(f"{asked.name} is lost")
            elif job is not None and (job.name, job.next_run_at) != (asked.name, asked.start):
                self.broken.append(f"{asked.name} is {job.name} now, next at {job.next_run_at}")
        self.broken += [f"{self._there[job_id].name} is back" for job_id in self._gone & jobs.keys()]
        self.broken += [
            f"{job.name} is there, which nobody has heard of"
            for job_id, job in jobs.items()
            if job_id not in self._there
        ]
        self._there = {job_id: asked for job_id, asked in self._there.items() if job_id in jobs}
        self._perhaps_gone -= jobs.keys()

    def _ask(self, kala: KalaClient, answered: Event) -> None:
        try:
            while True:
                number = next(self._numbers)
                asked = Asked(f"job-{number}", _IN_2035 + timedelta(seconds=number))
                with self._lock:
                    self._unanswered.add(asked)
                job_id = asked.send(kala)
                with self._lock:
                    self._unanswered.remove(asked)
                    self._there[job_id] = asked
                    self.acknowledged += 1
                answered.set()
                if number % DELETED == 0:
                    self._delete(kala, job_id)
        except KalaConnectionError:
            pass

    def _delete(self, kala: KalaClient, job_id: str) -> None:
        with self._lock:
            self._perhaps_gone.add(job_id)
        kala.delete_job(job_id)
        with self._lock:
            self._gone.add(job_id)
            self.acknowledged += 1


def client(url: str, retry: RetryPolicy | None = None) -> KalaClient:
    """Open a client, without reading the machine's certificates for it: that takes longer than to start a server."""
    return KalaClient(url, retry=retry, transport=httpx.HTTPTransport(verify=False))


def a_moment(seconds: float) -> None:
    """Let the clients go on for so long."""
    time.sleep(seconds)


def kept_over(ends: Callable[[Path, int, Plant, Random], Promises], folder: Path, number: int) -> int:
    """Return how much was acknowledged by servers that come to an end so often; none of it may be lost."""
    dice = Random(4)
    acknowledged = 0
    for begun in range(0, number, LIFE):
        promises = ends(folder / str(begun), min(LIFE, number - begun), planted.small_journal, dice)
        assert promises.broken == []
        acknowledged += promises.acknowledged
    return acknowledged
