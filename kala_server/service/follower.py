"""The state of a store that somebody else leads: everything in memory, soon after it is kept. It decides nothing.

A server that follows has its arrows from the durable record on: what it shows is what the leader's records lead to. It
holds no fence, so it can append nothing.
"""

from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.news import News
from kala_server.ports.store import Batch, SharedStore, TailLostError


class Follower:
    """A state that follows a store."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store
        self.state = State()
        self.number = 0
        """Of the latest batch that the state holds."""
        self.news = News()
        """Told of each batch."""

    async def follow(self) -> None:
        """Go after the store until this is cancelled; who was left behind by a compaction begins anew."""
        while True:
            await self._load()
            try:
                async for batch in self._store.tail(self.number):
                    self._take(batch)
            except TailLostError:
                continue

    async def _load(self) -> None:
        self.state, self.number = State(), 0
        async for batch in self._store.load():
            self._take(batch)

    def _take(self, batch: Batch) -> None:
        for record in batch.records:
            apply(self.state, record)
        self.state.undo.commit()
        self.number = batch.number
        self.news.tell()
