"""`python -m tests.faults.leading_store ADDRESS FIRST`: hold a store as soon as it is free, append, say what happens.

A line for each batch, of one record: `kept N`, or `away N` and then `settled True` or `settled False`; `lost`, and why,
at the end.
"""

import asyncio
import itertools
import sys

from kala_server.boot_time import boot_time
from kala_server.ports.store import FenceLostError, StoreAwayError, StoreLockedError
from kala_server.stores.postgres.store import PostgresStore
from kala_server.testing.contracts.stores import started


async def main(address: str, first: int) -> None:
    store = PostgresStore(address)
    fence = None
    try:
        fence = await store.acquire()
    except StoreLockedError:
        say("follows")
    while fence is None:
        await store.until_free()
        try:
            fence = await store.acquire()
        except (StoreLockedError, StoreAwayError):
            continue
    say("leads")
    try:
        for number in itertools.count(first):
            try:
                await store.append(fence, [started(number)])
                say(f"kept {number}")
            except StoreAwayError:
                sure = store.held_until(fence) > boot_time()
                say(f"away {number} {sure}")
                say(f"settled {await store.settle(fence)}")
            await asyncio.sleep(0.01)
    except FenceLostError as lost:
        say(f"lost {lost}")
    await store.close()


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
