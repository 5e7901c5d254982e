"""What every runner promises (`ports/runner.py`), whatever carries out its attempts. It knows no server."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from math import inf
from uuid import uuid4

from kala_server.boot_time import boot_time
from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt, Outcome, Runner

_AT = datetime(2024, 5, 1, 9, tzinfo=UTC)


class Told:
    """What a runner has told of its attempts."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []
        self.output: dict[str, bytes] = {}
        self.in_a_call = False
        """Whether the runner is being called: it tells of nothing then."""
        self.faults: list[str] = []
        """What was told when it must not be; to raise it would be to raise it in the runner."""
        self._news = asyncio.Event()

    def printed(self, handle: str, chunk: bytes, missing: int = 0) -> None:
        """Take what an attempt prints; that is before it has ended."""
        if handle in dict(self.outcomes):
            self.faults.append(f"{handle} printed after its end")
        if missing:
            self.faults.append(f"{missing} bytes of what {handle} printed are left out")
        self.output[handle] = self.output.get(handle, b"") + chunk
        self._hear()

    def ended(self, handle: str, outcome: Outcome) -> None:
        """Take note of how an attempt went."""
        self.outcomes.append((handle, outcome))
        self._hear()

    def _hear(self) -> None:
        if self.in_a_call:
            self.faults.append("something was told from within a call of the runner")
        self._news.set()

    async def all_of(self, number: int) -> dict[str, Outcome]:
        """Return the outcomes once there are so many, and no more after a while of turns of the loop."""
        while len(self.outcomes) < number:
            self._news.clear()
            await self._news.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(self.outcomes) == number, f"{len(self.outcomes)} ends were told of, not {number}"
        assert not self.faults, self.faults
        return dict(self.outcomes)


class RunnerContract(ABC):
    """The promises of a runner; who derives from it says what one is, and which jobs do what."""

    patience = 30.0
    """Seconds after which a promise is taken to be broken."""
    succeeds: JobSpec
    """A job whose attempts succeed at once."""
    fails: JobSpec
    """A job whose attempts fail at once."""
    lasts: JobSpec
    """A job whose attempts last for longer than any test, and can be ended."""
    prints: JobSpec
    """A job whose attempts print `hello`, with or without a line end, and succeed."""

    @abstractmethod
    def runner(self) -> Runner:
        """Return a runner; within a running loop."""

    def play(self, scene: Callable[[Runner, Told], Awaitable[None]]) -> None:
        """Play a scene with a runner of its own, and close it."""

        async def whole() -> None:
            runner, told = self.runner(), Told()
            runner.attach(told, "a mark of this test")
            try:
                async with asyncio.timeout(self.patience):
                    await scene(runner, told)
            finally:
                runner.kill_all()
                await runner.close()

        asyncio.run(whole())

    def start(
        self, runner: Runner, told: Told, spec: JobSpec, *, handle: str = "", not_after: float = inf
    ) -> str:
        """Start an attempt, and return its handle, which is the one that it was given."""
        run_id = str(uuid4())
        attempt = Attempt(
            handle=handle or f"{run_id}.1",
            run_id=run_id,
            job_id=str(uuid4()),
            number=1,
            scheduled_at=_AT,
            spec=spec,
            not_after=not_after,
        )
        told.in_a_call = True
        assert runner.start(attempt) == attempt.handle
        told.in_a_call = False
        return attempt.handle

    def test_of_each_attempt_it_is_told_once_how_it_went(self) -> None:
        """By its handle; success is told from failure."""

        async def scene(runner: Runner, told: Told) -> None:
            good = self.start(runner, told, self.succeeds)
            bad = self.start(runner, told, self.fails)
            outcomes = await told.all_of(2)
            assert outcomes[good].succeeded
            assert not outcomes[bad].succeeded
            assert not any(outcome.put_off or outcome.interrupted for outcome in outcomes.values())

        self.play(scene)

    def test_what_an_attempt_prints_is_there_when_it_has_ended(self) -> None:
        """All of it, and under its own handle."""

        async def scene(runner: Runner, told: Told) -> None:
            handles = [self.start(runner, told, self.prints) for _ in range(3)]
            await told.all_of(3)
            assert {handle: told.output[handle].strip() for handle in handles} == dict.fromkeys(
                handles, b"hello"
            )

        self.play(scene)

    def test_an_attempt_that_is_asked_for_twice_is_started_once(self) -> None:
        """Whoever does not know whether he was heard asks again."""

        async def scene(runner: Runner, told: Told) -> None:
            handle = self.start(runner, told, self.lasts)
            self.start(runner, told, self.lasts, handle=handle)
            runner.end(handle)
            await told.all_of(1)

        self.play(scene)

    def test_an_attempt_that_comes_too_late_is_put_off(self) -> None:
        """Somebody else may decide on it by then."""

        async def scene(runner: Runner, told: Told) -> None:
            handle = self.start(runner, told, self.prints, not_after=boot_time() - 1)
            assert (await told.all_of(1))[handle].put_off
            assert handle not in told.output
            told.outcomes.clear()
            self.start(runner, told, self.prints, handle=handle, not_after=boot_time() + 1000)
            await told.all_of(1)
            assert told.output[handle].strip() == b"hello"

        self.play(scene)

    def test_an_attempt_that_is_ended_has_not_succeeded(self) -> None:
        """It is told of once, however often somebody wants its end."""

        async def scene(runner: Runner, told: Told) -> None:
            handle = self.start(runner, told, self.lasts)
            told.in_a_call = True
            runner.end(handle)
            runner.end(handle)
            told.in_a_call = False
            assert not (await told.all_of(1))[handle].succeeded

        self.play(scene)

    def test_the_end_of_an_attempt_that_is_not_there_is_nothing(self) -> None:
        """It may be over by now, or be another runner's."""

        async def scene(runner: Runner, told: Told) -> None:
            runner.end("of-nobody.1")
            handle = self.start(runner, told, self.succeeds)
            await told.all_of(1)
            runner.end(handle)
            await told.all_of(1)

        self.play(scene)

    def test_to_end_one_ends_no_other(self) -> None:
        """Each has a handle of its own."""

        async def scene(runner: Runner, told: Told) -> None:
            one, other = (self.start(runner, told, self.lasts) for _ in range(2))
            runner.end(one)
            assert list(await told.all_of(1)) == [one]
            runner.end(other)
            await told.all_of(2)

        self.play(scene)

    def test_when_all_are_killed_each_is_told_of(self) -> None:
        """Those too that were not even started."""

        async def scene(runner: Runner, told: Told) -> None:
            handles = {self.start(runner, told, self.lasts) for _ in range(5)}
            runner.kill_all()
            outcomes = await told.all_of(5)
            assert outcomes.keys() == handles
            assert not any(outcome.succeeded for outcome in outcomes.values())

        self.play(scene)

    def test_of_what_no_server_left_nothing_is_adopted(self) -> None:
        """What was never started does not run."""

        async def scene(runner: Runner, told: Told) -> None:
            assert await runner.adopt([f"{uuid4()}.1", f"{uuid4()}.2"]) == frozenset()
            assert await runner.adopt([]) == frozenset()
            self.start(runner, told, self.succeeds)
            await told.all_of(1)

        self.play(scene)
