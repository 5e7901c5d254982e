"""AsyncKalaClient, for asyncio: `client.KalaClient` with awaits, held equal by a test; nothing is decided here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NoReturn, Self, Unpack

import httpx

from kala_client._calls.answers import Answer
from kala_client._calls.retry import RetryPolicy
from kala_client._http import log
from kala_client._http.aio_connections import Connections
from kala_client._http.aio_engine import AsyncEngine
from kala_client._http.network import Network
from kala_client._http.request import DEFAULT_MAX_BODY, NOT_PICKLED, CallAttempt, Rules, Wire, expect
from kala_client._http.route import Routes
from kala_client._http.target import Target
from kala_client._lazy import _calls, _fields, _follow, _jobs, _ledger, _pages, _sets, job_sets, models, views
from kala_client.errors import KalaConnectionError, KalaError, KalaTimeoutError, ServerError


class AsyncKalaClient:
    """A client of one Kala, ours or any real one, for tasks of asyncio.

    `url` and `token` default to KALA_URL and KALA_TOKEN, the URL then to http://127.0.0.1:8000; a user and
    password in the URL are sent as Basic authentication and shown nowhere. Where a Kala has several servers, `url`
    names each of them, as a text with commas in between or a sequence of texts; the token is for all of these, and for
    nobody else. `timeout` is for a whole call
    with its retries, in seconds; `max_body` bounds a decoded answer, in bytes. `http_client` or `transport`
    take the place of our own connections; a given `http_client` is not closed by us. `on_attempt` is told
    about each attempt of a call. `sleep` and `monotonic` are for tests.

    Every method raises errors of the tree in `kala_client.errors`, and nothing else but ValueErrors of its
    arguments.
    """

    def __init__(
        self,
        url: str | Sequence[str] | None = None,
        *,
        token: str | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy | None = None,
        max_body: int = DEFAULT_MAX_BODY,
        http_client: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_attempt: Callable[[CallAttempt], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        expect(str, token=token)
        expect(RetryPolicy, retry=retry)
        expect(int, max_body=max_body)
        expect(httpx.AsyncClient, http_client=http_client)
        expect(httpx.AsyncBaseTransport, transport=transport)
        log.set_up(os.environ)
        targets = Target.choose(url, token, os.environ)
        connections = Connections(
            Routes(Network.read(os.environ)), transport=transport, http_client=http_client
        )
        rules = Rules(timeout, retry or RetryPolicy(), max_body, on_attempt, monotonic)
        wires = [
            Wire(each, connections.way(each), each.headers if http_client else {}, rules) for each in targets
        ]
        self._engine = AsyncEngine(wires, connections, sleep)

    def __repr__(self) -> str:
        return f"AsyncKalaClient(url={','.join(self._engine.servers.urls)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(NOT_PICKLED.format(type(self).__name__))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def with_options(self, *, timeout: float | None = None, retry: RetryPolicy | None = None) -> Self:
        """Return a client of the same server over the same connections, but with other options, for a call or some.

        What is not said stays as it is. It need not be closed: the connections are closed with this client.
        """
        other = object.__new__(type(self))
        vars(other).update(vars(self) | {"_engine": self._engine.with_options(timeout, retry)})
        return other

    @property
    def last_answer(self) -> Answer | None:
        """The last whole answer that this thread got, with its headers and raw body; None before the first one.

        The clients that `with_options` has made share it. It is there after an error too.
        """
        return self._engine.wire.rules.known.heard.answer

    async def close(self) -> None:
        """Close the connections, unless they were given to us; a call after that raises KalaConnectionError."""
        await self._engine.close()

    async def create_job(
        self,
        job: models.Job | None = None,
        /,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[_fields.JobFields],
    ) -> str:
        """Create a job, from a `Job` or from its fields, and return its id.

        Raises InvalidJobError with the fields that were wrong. Sent again only where that cannot make two
        jobs: pass an `idempotency_key` of your own to be safe across restarts of your program too
        (kala_server keeps them for 24 hours).
        """
        call = _calls.create_job(_jobs.job_of(job, fields), key=idempotency_key)
        return await self._engine.run(call)

    async def create_jobs(
        self, jobs: Iterable[models.Job], *, idempotency_key: str | None = None
    ) -> list[str]:
        """Create many jobs at once, all or none, and return their ids in order. Needs kala_server."""
        return await self._engine.run(_calls.create_jobs(jobs, key=idempotency_key))

    async def get_job(self, job_id: models.WhichJob) -> models.Job:
        """Get a job. Raises JobNotFoundError."""
        return await self._engine.run(_calls.get_job(job_id))

    async def get_all_jobs(self) -> dict[str, models.Job]:
        """Get every job, by its id."""
        return await self._engine.run(_calls.get_all_jobs())

    async def find_jobs(
        self,
        *,
        q: str | None = None,
        name: str | None = None,
        owner: str | None = None,
        tag: str | None = None,
        state: _fields.JobState | None = None,
        limit: int | None = None,
    ) -> dict[str, models.Job]:
        """Get the jobs to which everything that is given applies, by their ids, page by page. Needs kala_server.

        `q` is in the name, the command, the owner or the id. The oldest come first; at most `limit` of them.
        """
        pages = _pages.JobPages(q=q, name=name, owner=owner, tag=tag, state=state, limit=limit)
        while call := pages.next_call():
            pages.take(await self._engine.run(call))
        return pages.jobs

    async def job_rows(
        self,
        *,
        q: str | None = None,
        name: str | None = None,
        owner: str | None = None,
        tag: str | None = None,
        state: _fields.JobState | None = None,
        sort: _fields.JobOrder | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> views.JobRows:
        """Get a part of the list of jobs, a row for each, and how many there are in all. Needs kala_server.

        Which jobs is said as in `find_jobs`. In the order of their creation unless `sort` says another one; from
        `offset` on, at most `limit` of them, up to 1,000.
        """
        call = _calls.job_rows(
            q=q, name=name, owner=owner, tag=tag, state=state, sort=sort, offset=offset, limit=limit
        )
        return await self._engine.run(call)

    async def update_job(
        self, job_id: models.WhichJob, *, if_match: str | None = None, **changes: Unpack[_fields.JobFields]
    ) -> models.Job:
        """Change the given fields of a job, and return it as it is now. Needs kala_server.

        Of `env` and `remote_properties` only the members that are named change; None empties the whole. With
        `if_match=job.etag` ConflictError is raised where somebody has changed the job since, and nothing is changed.
        """
        return await self._engine.run(_calls.update_job(job_id, _jobs.changes_of(changes), if_match=if_match))

    async def replace_job(
        self, job_id: models.WhichJob, job: models.Job, *, if_match: str | None = None
    ) -> models.Job:
        """Put another description in the place of a job's, which keeps its id and history. Needs kala_server.

        `if_match` is as of `update_job`.
        """
        return await self._engine.run(_calls.replace_job(job_id, job, if_match=if_match))

    async def try_job(
        self, job: models.Job | None = None, /, *, count: int = 5, **fields: Unpack[_fields.JobFields]
    ) -> models.Trial:
        """Say what a job would be, and the next `count` times at which it would be due; none is created.

        Raises InvalidJobError as `create_job` does. Needs kala_server.
        """
        return await self._engine.run(_calls.try_job(_jobs.job_of(job, fields), count=count))

    async def try_update(
        self,
        job_id: models.WhichJob,
        *,
        count: int = 5,
        if_match: str | None = None,
        **changes: Unpack[_fields.JobFields],
    ) -> models.Trial:
        """Say what a job would be with these changes, and when it would be due; nothing changes. Needs kala_server."""
        call = _calls.try_update(job_id, _jobs.changes_of(changes), count=count, if_match=if_match)
        return await self._engine.run(call)

    async def try_replace(
        self, job_id: models.WhichJob, job: models.Job, *, count: int = 5, if_match: str | None = None
    ) -> models.Trial:
        """Say what `replace_job` would make of a job, and when it would be due; nothing changes. Needs kala_server."""
        return await self._engine.run(_calls.try_replace(job_id, job, count=count, if_match=if_match))

    async def delete_job(self, job_id: models.WhichJob) -> None:
        """Delete a job; as Kala does, with the children of which it was the only parent.

        Raises JobNotFoundError, but not where an attempt of this very call may have deleted it.
        """
        await self._engine.run(_calls.delete_job(job_id))

    async def delete_all_jobs(self) -> None:
        """Delete every job. Raises NotSupportedError on the Kala of 2015."""
        await self._engine.run(_calls.delete_all_jobs())

    async def get_job_stats(self, job_id: models.WhichJob) -> list[models.JobStat]:
        """Get the finished runs of a job, as Kala keeps them; `runs` tells more."""
        return await self._engine.run(_calls.get_job_stats(job_id))

    async def start_job(self, job_id: models.WhichJob) -> str | None:
        """Start a job now, and return the id of the run, which real Kala does not tell: None.

        Never sent twice. Raises ConflictError where the job is disabled; real Kala then does nothing,
        silently.
        """
        return await self._engine.run(_calls.start_job(job_id))

    async def enable_job(self, job_id: models.WhichJob) -> None:
        """Let a disabled job run on schedule again."""
        await self._engine.run(_calls.enable_job(job_id))

    async def disable_job(self, job_id: models.WhichJob) -> None:
        """Keep a job, but do not run it."""
        await self._engine.run(_calls.disable_job(job_id))

    async def bulk(
        self,
        action: models.BulkAction,
        job_ids: Iterable[models.WhichJob] | None = None,
        *,
        q: str | None = None,
        name: str | None = None,
        owner: str | None = None,
        tag: str | None = None,
        state: str | None = None,
        expect: int | None = None,
        dry_run: bool = False,
    ) -> list[models.BulkJob]:
        """Enable, disable, start or delete many jobs, all or none, and return them. Needs kala_server.

        Those with these ids, or those to which all that is said applies as in `find_jobs`; then `expect` is needed,
        how many these are: where they are others than were seen, ConflictError is raised and nothing is done.
        With `dry_run` it is only said which these are.
        """
        wanted = {"q": q, "name": name, "owner": owner, "tag": tag, "state": state}
        return await self._engine.run(_calls.bulk(action, job_ids, expect=expect, dry_run=dry_run, **wanted))

    async def sets(self) -> list[job_sets.SetSummary]:
        """List the sets of jobs that were applied. Needs kala_server."""
        return await self._engine.run(_sets.sets())

    async def get_set(self, name: str) -> job_sets.StoredSet:
        """Get a set with its jobs as it says them. Needs kala_server."""
        return await self._engine.run(_sets.get_set(name))

    async def plan_set(
        self,
        name: str,
        jobs: Iterable[Mapping[str, Any]],
        *,
        prune: bool = False,
        prune_children: bool = False,
        take: bool = False,
        hours: int = 24,
    ) -> job_sets.SetPlan:
        """Say what would come of it if the set was just these jobs, with the slots of so many hours. Needs kala_server.

        Each job has a `key`, and the fields of a job; other jobs are named by their keys, `other-set/key` or `id:ID`.
        With `prune` those go that are not named, with `prune_children` also what follows them alone; `take` adopts
        jobs out of other sets.
        """
        return await self._engine.run(
            _sets.plan_set(name, jobs, prune=prune, prune_children=prune_children, take=take, hours=hours)
        )

    async def apply_set(
        self,
        name: str,
        jobs: Iterable[Mapping[str, Any]],
        *,
        prune: bool = False,
        prune_children: bool = False,
        take: bool = False,
        if_match: str | None = None,
        source: str = "",
    ) -> job_sets.SetApplied:
        """Let the set be just these jobs, all of it or nothing, as `plan_set` tells. Needs kala_server.

        With `if_match=plan.etag` ConflictError is raised where the set was changed since, and nothing is changed.
        `source` says for people where it comes from, such as a commit.
        """
        return await self._engine.run(
            _sets.apply_set(
                name,
                jobs,
                prune=prune,
                prune_children=prune_children,
                take=take,
                if_match=if_match,
                source=source,
            )
        )

    async def delete_set(self, name: str, *, keep_jobs: bool = False) -> None:
        """Delete a set with its jobs, or let them go on as jobs of no set. Needs kala_server."""
        await self._engine.run(_sets.delete_set(name, keep_jobs=keep_jobs))

    async def get_kala_stats(self) -> models.KalaStats:
        """Get the figures of the whole server."""
        return await self._engine.run(_calls.get_kala_stats())

    async def session(self) -> views.Session:
        """Say what the token of this client allows, and what kind of server it speaks to. Needs kala_server."""
        return await self._engine.run(_calls.session())

    async def workers(self) -> list[models.Worker]:
        """List the workers on other machines, which run jobs that have a `queue`. Needs kala_server."""
        return await self._engine.run(_calls.workers())

    async def drain_worker(self, name: str) -> None:
        """Let a worker take nothing more until it is started anew; what it runs goes on. Needs kala_server."""
        await self._engine.run(_calls.drain_worker(name))

    async def pause(self, reason: str = "") -> models.Pause:
        """Let no job start by itself until `resume`; what is due meanwhile is skipped. Needs kala_server.

        What runs goes on; what waits, waits; what is started by hand starts. A pause that is there goes on, for the new
        reason where one is said. It outlives a restart of the server.
        """
        return await self._engine.run(_calls.pause(reason))

    async def resume(self) -> models.Pause:
        """Let jobs start by themselves again; what was due in the pause stays skipped. Needs kala_server."""
        return await self._engine.run(_calls.resume())

    async def get_pause(self) -> models.Pause:
        """Say whether the server is paused, since when and why. Needs kala_server."""
        return await self._engine.run(_calls.get_pause())

    async def runs(
        self,
        job_id: models.WhichJob | None = None,
        *,
        state: models.RunState | Sequence[models.RunState] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        limit: int | None = None,
        explain: bool = False,
        zone: _fields.Zone | None = None,
    ) -> AsyncIterator[models.Run]:
        """Yield the runs of a job, or of all, newest first, page by page; at most `limit`. Needs kala_server.

        Those that were not over before the aware time `since`, and were due before `until`; with `tag` of jobs with it.
        With `explain` each has a `sentence` about it, which tells times on the clock of `zone`, or on that of its job.
        """
        pages = _pages.RunPages(
            job_id, limit=limit, state=state, since=since, until=until, tag=tag, explain=explain, zone=zone
        )
        while call := pages.next_call():
            for run in pages.take(await self._engine.run(call)):
                yield run

    async def upcoming(
        self,
        job_id: models.WhichJob | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        limit: int | None = 100,
    ) -> AsyncIterator[models.UpcomingSlot]:
        """Yield the slots that are to come, of a job or of all, the earliest first; at most `limit`. Needs kala_server.

        Those from the aware time `since` to `until`, and with `tag` of jobs with it. Without a `limit` and `until` they
        may have no end.
        """
        pages = _pages.UpcomingPages(job_id, limit=limit, since=since, until=until, tag=tag)
        while call := pages.next_call():
            for slot in pages.take(await self._engine.run(call)):
                yield slot

    async def family(self, job_id: models.WhichJob, *, limit: int = 200) -> views.Family:
        """Get the jobs that lead to a job, and those to which it leads, at most `limit`. Needs kala_server."""
        return await self._engine.run(_ledger.family(job_id, limit=limit))

    async def timeline(
        self,
        job_ids: Iterable[models.WhichJob] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        q: str | None = None,
        tag: str | None = None,
        width: int = 1200,
        offset: int = 0,
        limit: int = 100,
    ) -> views.Timeline:
        """Get what was of some jobs and what is to come of them, on one axis, a row for each. Needs kala_server.

        Of these jobs, or of those with `q` in the name, the command, the owner or the id, and with `tag`: those that
        want attention come first, at most `limit` from `offset` on. From the aware time `since` to `until`; without
        them the last 24 hours and the next 12. What is nearer than the time over `width` is one mark.
        """
        call = _ledger.timeline(
            job_ids, since=since, until=until, q=q, tag=tag, width=width, offset=offset, limit=limit
        )
        return await self._engine.run(call)

    async def summary(
        self, *, since: datetime | None = None, until: datetime | None = None, step: int = 1800
    ) -> views.Summary:
        """Say how all jobs went in each part of a time, what fails now, and what is to come. Needs kala_server.

        From the aware time `since` to `until`; without them the last 24 hours and the next 12. A part has `step`
        seconds, a multiple of 900.
        """
        return await self._engine.run(_ledger.summary(since=since, until=until, step=step))

    async def get_run(self, run: models.Run | str) -> models.Run:
        """Get a run as it is now. Raises RunNotFoundError. Needs kala_server."""
        return await self._engine.run(_ledger.get_run(run))

    async def run_job(self, job_id: models.WhichJob) -> models.Run:
        """Start a job now and return the run, which has hardly begun; `wait` waits for it. Needs kala_server."""
        return await self.get_run(await self._engine.run(_calls.start_run(job_id)))

    async def wait(
        self,
        run: models.Run | str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in KalaClient; the error names the run
    ) -> models.Run:
        """Wait until a run is over, and return it; for ever without a `timeout` in seconds. Needs kala_server.

        Raises KalaTimeoutError where it is not over by then; the run goes on. Outlives a restart of the server:
        an answer that does not come, or says "not now", counts as "not yet" until then. Without a `timeout` it
        raises when ten times `retry.attempts` looks in a row brought nothing; in any case the first one where
        `retry.attempts` is 1.
        """
        rules = self._engine.wire.rules
        poll = _follow.Poll(timeout, rules.retry, rules.monotonic)
        call = _ledger.get_run(run)
        while True:
            try:
                current = await self._engine.run(call, within=poll.within)
            except KalaError as error:
                delay = poll.delay_after(error)
            else:
                if current.finished:
                    return current
                delay = poll.delay(current)
            await self._engine.sleep(delay)

    async def output(self, run: models.Run | str) -> str:
        """Get what a run has written so far. Needs kala_server."""
        return await self._engine.run(_ledger.output(run))

    async def follow(self, run: models.Run | str) -> AsyncIterator[str]:
        """Yield the lines that a run writes, from the first one on, until it is over. Needs kala_server.

        Of several servers another one goes on where one goes away; a line is told once.
        """
        feed = _follow.OutputFeed(run, lambda: self._engine.wire, alone=self._engine.servers.alone)
        while True:
            failure: KalaError | None = None
            try:
                async for line in self._engine.lines(feed.next_call(), feed.lines):
                    yield line
                if feed.alone or (await self.get_run(run)).finished:
                    for line in feed.lines.end():
                        yield line
                    return
            except (KalaConnectionError, KalaTimeoutError, ServerError) as error:
                failure = error
            await self._engine.sleep(feed.retry_in(failure))

    async def cancel(self, run: models.Run | str) -> None:
        """End a run that waits or runs. Needs kala_server."""
        await self._engine.run(_ledger.cancel(run))

    async def explain(
        self,
        job_id: models.WhichJob,
        *,
        at: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: _fields.Zone | None = None,
    ) -> list[models.SlotExplanation]:
        """Say what became of the slots of a job, or of those at the aware time `at`. Needs kala_server.

        With `since` and `until`, aware times too, of all in between, page by page. Times in the sentences are on the
        clock of `zone`, such as Europe/Berlin; without one on the job's own.
        """
        pages = _pages.ExplanationPages(job_id, at=at, since=since, until=until, zone=zone)
        while call := pages.next_call():
            pages.take(await self._engine.run(call))
        return pages.slots

    async def preview(
        self,
        schedule: _fields.When,
        *,
        timezone: _fields.Zone | None = None,
        count: int = 5,
        since: datetime | None = None,
    ) -> list[datetime]:
        """Say when a schedule would be due, without creating anything. Needs kala_server.

        The first `count` times after the aware time `since`, or after now.
        """
        call = _ledger.preview(schedule, timezone=timezone, count=count, since=since)
        return (await self._engine.run(call)).next

    async def schedule_in_words(self, schedule: _fields.When, *, timezone: _fields.Zone | None = None) -> str:
        """Say a schedule as one would, empty where there is no short way. Needs kala_server."""
        return (await self._engine.run(_ledger.preview(schedule, timezone=timezone, count=1))).words

    async def events(self, *, last_event_id: str | None = None) -> AsyncIterator[models.Event]:
        """Yield what happens on the server, from now on or after `last_event_id`; never ends. Needs kala_server.

        Connects again by itself, and misses nothing, but where another server goes on: there an event `missed` comes
        first. Raises when ten times `retry.attempts` streams in a row
        brought nothing, or the first one where `retry.attempts` is 1.
        """
        feed = _follow.EventFeed(last_event_id, lambda: self._engine.wire)
        while True:
            failure: KalaError | None = None
            try:
                async for line in self._engine.lines(feed.next_call(), feed.lines):
                    if event := feed.line(line):
                        yield event
            except (KalaConnectionError, KalaTimeoutError, ServerError) as error:
                failure = error
            await self._engine.sleep(feed.retry_in(failure))
