"""Faults that are planted in servers or their database: the mutants that the stories must notice.

Each takes a pytest.MonkeyPatch, which refuses where there is nothing of that name. Nothing of it is in the product.
"""

from collections.abc import Callable, Collection, Sequence
from math import inf

import pytest

from kala_server.core.model import inputs
from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, Fence
from kala_server.service.follower import Follower
from kala_server.service.handover import Heir
from kala_server.service.known_state import KnownState
from kala_server.service.service import Service
from kala_server.service.standing import Leased
from tests.faults.simulated.database import Database
from tests.faults.simulated.store import SimulatedStore


def a_fence_without_the_epoch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Database, "_fenced", lambda self, _epoch: not self.lease.released)


def effects_without_asking_whether_the_lease_is_held(patch: pytest.MonkeyPatch) -> None:
    async def certain(_self: Leased) -> None: ...

    patch.setattr(Leased, "certain", certain)
    patch.setattr(Leased, "until", lambda _: inf)


def a_follower_that_skips_a_batch(patch: pytest.MonkeyPatch) -> None:
    take_in = Service.take_in

    async def all_but_some(self: Service, batch: Batch) -> None:
        if batch.number % 5:
            await take_in(self, batch)

    patch.setattr(Service, "take_in", all_but_some)


def an_append_of_unknown_fate_is_taken_for_kept(patch: pytest.MonkeyPatch) -> None:
    _says(patch, kept=True)


def an_append_of_unknown_fate_is_taken_for_lost(patch: pytest.MonkeyPatch) -> None:
    _says(patch, kept=False)


def _says(patch: pytest.MonkeyPatch, *, kept: bool) -> None:
    settle = SimulatedStore.settle

    async def without_looking(self: SimulatedStore, fence: Fence) -> bool:
        await settle(self, fence)
        return kept

    patch.setattr(SimulatedStore, "settle", without_looking)


def an_append_on_its_way_is_not_shut_out(patch: pytest.MonkeyPatch) -> None:
    append = Database.append

    def by_whomever(self: Database, epoch: int, writer: int, after: int, records: Sequence[Record]) -> bool:
        return append(self, epoch, max(writer, self.lease.writer), after, records)

    patch.setattr(Database, "append", by_whomever)


def a_leader_that_has_not_read_to_the_end(patch: pytest.MonkeyPatch) -> None:
    until_leading = Follower.until_leading

    async def at_once(self: Follower) -> Fence:
        acquired = self._acquired

        async def with_nothing_before() -> Fence:
            fence = await acquired()
            return Fence(fence.epoch, fence.mark)

        patch.setattr(self, "_acquired", with_nothing_before)
        return await until_leading(self)

    patch.setattr(Follower, "until_leading", at_once)


def a_release_that_leaves_no_word(patch: pytest.MonkeyPatch) -> None:
    release = SimulatedStore.release

    async def without_a_word(
        self: SimulatedStore, fence: Fence, _left: Collection[str] = (), seconds: float = 0.0
    ) -> None:
        await release(self, fence, (), seconds)

    patch.setattr(SimulatedStore, "release", without_a_word)


def a_server_that_decides_on_after_it_let_go(patch: pytest.MonkeyPatch) -> None:
    async def at_once(_self: Service, _tell: Callable[[inputs.Input], None]) -> dict[str, str]:
        return {}

    patch.setattr(Service, "stand_down", at_once)


def an_heir_that_takes_what_goes_on_for_over(patch: pytest.MonkeyPatch) -> None:
    async def nothing(_self: Heir) -> frozenset[str]:
        return frozenset()

    patch.setattr(Heir, "left", nothing)


def a_leader_that_goes_on_without_its_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Service, "break_down", lambda _self, _error: None)


def a_batch_that_stays_although_it_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    async def take_back(self: KnownState) -> None:
        self.state.undo.commit()

    patch.setattr(KnownState, "take_back", take_back)


FAULTS = [
    a_fence_without_the_epoch,
    effects_without_asking_whether_the_lease_is_held,
    a_follower_that_skips_a_batch,
    an_append_of_unknown_fate_is_taken_for_kept,
    an_append_of_unknown_fate_is_taken_for_lost,
    an_append_on_its_way_is_not_shut_out,
    a_leader_that_has_not_read_to_the_end,
    a_release_that_leaves_no_word,
    a_server_that_decides_on_after_it_let_go,
    an_heir_that_takes_what_goes_on_for_over,
    a_leader_that_goes_on_without_its_fence,
    a_batch_that_stays_although_it_is_not_kept,
]
