"""What the rows share: sizes, a folder, and servers that are started when a row first asks for them."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.bench import busy, documents, load, servers
from tests.bench.servers import Address, Server
from tests.bench.sizes import Size


class Loaded:
    """Our server with many jobs; created at once, and measured on the way."""

    def __init__(self, folder: Path, size: Size, compiled: Path) -> None:
        self.folder = folder
        self._compiled = compiled
        servers.kala(folder, compiled).stop()  # what a first start compiles would count as memory of its own
        self.server = servers.kala(folder, compiled)
        self.server.address.call("GET", "/stats/")
        self.memory_empty = self.server.memory()
        self.ids: list[str] = []
        self.batch_seconds: list[float] = []
        self.batch_body = b""
        for begin in range(0, size.jobs, size.batch):
            self._create(range(begin, min(begin + size.batch, size.jobs)))
        self.memory_filled = self.server.memory()

    @property
    def address(self) -> Address:
        return self.server.address

    @property
    def journal(self) -> Path:
        return self.folder / "data" / "journal.jsonl"

    def again(self) -> float:
        """Stop the server and start it; return how many seconds it took to the first answer."""
        self.server.stop()
        self.server = servers.kala(self.folder, self._compiled)
        self.server.address.call("GET", f"/job/{self.ids[-1]}/")
        return perf_counter() - self.server.began

    def _create(self, numbers: range) -> None:
        self.batch_body = documents.to_bytes({"jobs": [documents.waiting(number) for number in numbers]})
        began = perf_counter()
        answer = self.address.fetch("POST", f"{servers.API}/job/batch/", self.batch_body)
        self.batch_seconds.append(perf_counter() - began)
        self.ids += json.loads(answer)["ids"]


@dataclass
class Bench:
    """One run of the suite."""

    size: Size
    folder: Path
    exit: ExitStack
    live: Address | None = None
    say: Callable[[str], None] = field(default=lambda _: None)
    _number: int = 0

    @property
    def compiled(self) -> Path:
        """Where the modules of all processes are compiled to."""
        return self.folder / "compiled"

    def new_server(self) -> Server:
        """Start a server of ours without any jobs."""
        self._number += 1
        server = servers.kala(self.folder / f"server-{self._number}", self.compiled)
        self.exit.callback(server.stop)
        return server

    @cached_property
    def bare(self) -> Address:
        server = servers.bare(self.folder, self.compiled)
        self.exit.callback(server.stop)
        return server.address

    @cached_property
    def empty(self) -> Address:
        return self.new_server().address

    @cached_property
    def busy(self) -> Address:
        """A server with many jobs of many schedules, and what became of them in the last day."""
        self.say(f"going through a day of {self.size.jobs:,} jobs")
        folder = self.folder / "busy"
        busy.write(folder / "data", self.size.jobs)
        server = servers.kala(folder, self.compiled)
        self.exit.callback(server.stop)
        return server.address

    @cached_property
    def loaded(self) -> Loaded:
        self.say(f"creating {self.size.jobs:,} jobs")
        loaded = Loaded(self.folder / "loaded", self.size, self.compiled)
        self.exit.callback(lambda: loaded.server.stop())  # noqa: PLW0108 - the server may be another by then
        return loaded

    @cached_property
    def live_ids(self) -> list[str]:
        """Jobs of the live Kala, as many as a loaded server has; they are deleted at the end."""
        assert self.live is not None
        self.say(f"creating {self.size.jobs:,} jobs in the live Kala")
        self.exit.callback(self._clean_up)
        body = documents.to_bytes(documents.waiting(0))
        load.drive(
            load.request(self.live, "POST", servers.API + "/job/", body, most=self.size.jobs, seconds=3600)
        )
        return self._live_jobs()

    def _live_jobs(self) -> list[str]:
        assert self.live is not None
        jobs = self.live.call("GET", "/job/")["jobs"]
        return [job_id for job_id, job in jobs.items() if job["owner"] == documents.OWNER]

    def _clean_up(self) -> None:
        assert self.live is not None
        for job_id in self._live_jobs():
            self.live.fetch("DELETE", f"{servers.API}/job/{job_id}/")

    def in_turns(self, plans: dict[str, load.Plan]) -> dict[str, float]:
        """Drive each of the plans for a while, in turns, and return the median of its rates.

        A machine that is busy with something else then is so for all of them.
        """
        rates: dict[str, list[float]] = {name: [] for name in plans}
        for _ in range(self.size.rounds):
            for name, plan in plans.items():
                rates[name].append(load.drive(plan).rate)
        return {name: median(each) for name, each in rates.items()}
