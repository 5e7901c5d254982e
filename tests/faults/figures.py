"""How much each test of this folder does: a little by default, or with KALA_FAULTS=full all of docs/reliability.md.

Every figure is here, so that the table in README.md can be held against one page.
"""

import os

FULL = os.environ.get("KALA_FAULTS") == "full"


def _figure(small: int, full: int) -> int:
    return full if FULL else small


KILLS = _figure(15, 1_000)
"""A whole server is killed under load, and the next one is asked for all that was acknowledged."""
FILE_SYSTEM_CUTS = _figure(3, 300)
"""The same, where the disk is cut off under the server."""
CUT_EVERY = _figure(97, 1)
"""The simulated disk is cut at every n-th byte of a write."""
CUT_EVERY_IN_A_TAIL = _figure(211, 61)
"""The same, for each state of which a whole recovery is cut again."""
STATES_AT_LEAST = _figure(500, 10_000)
FAILED_SYNCS = range(3, 51) if FULL else (3, 7)
"""Which sync fails; strace counts those of each thread, and the first two of the loading one are over by then."""
KILLS_AROUND_A_SPAWN = _figure(20, 1_000)
WORKERS_KILLED = _figure(3, 100)
"""So many of their runs, at the least."""
CLOCK_STEPS = _figure(2, 50)
"""Of each kind: an hour on, an hour back."""
SLOW_CLIENTS = 500
PROXY_EVERY = _figure(29, 1)
"""The proxy cuts at every n-th byte of a call and of its answer."""
BITS_EVERY = _figure(7, 1)
"""Flips every n-th bit of a journal."""
DATABASE_OUTAGES = _figure(2, 20)
"""PostgreSQL is killed under appends, and started again."""
SECONDS_OF_AN_OUTAGE = _figure(6, 10)
"""More than a lease."""
PROMOTIONS = _figure(1, 10)
"""A synchronous replica takes the place of a PostgreSQL that is killed under appends."""
ANSWERS_CUT = _figure(40, 1_000)
"""A connection to PostgreSQL is cut when an append was asked for, at some byte of the question or the answer."""
REDIS_KILLS = _figure(5, 100)
"""The same of a Redis, …"""
REDIS_CUTS = _figure(3, 100)
"""… or its disk is cut off."""
OUTAGES_OF_SERVERS = _figure(1, 20)
"""The same under two servers and their clients."""
CONNECTIONS_CUT = _figure(10, 300)
"""Of the server that leads, when the database has answered."""
SECONDS_CUT_OFF = _figure(6, 12)
"""The machine of a leader is, from the database and from its clients."""
LEADERS_KILLED = _figure(4, 100)
"""Of two servers on one database, under load …"""
LEADERS_PAUSED = _figure(2, 30)
"""… paused for up to ten seconds …"""
LEADERS_STOPPED = _figure(2, 30)
"""… and stopped, with commands that go on."""
LEADERS_WITH_COMMANDS = _figure(2, 20)
"""They are killed, and what they ran is looked for."""
RUNS_AT_WORKERS = _figure(40, 1_000)
"""At two workers of a queue, while …"""
WORKERS_OF_A_QUEUE_KILLED = _figure(3, 50)
"""… these are killed; and again, while …"""
LEADERS_OVER_WORKERS_KILLED = _figure(2, 10)
"""… servers are, …"""
OUTAGES_OVER_WORKERS = _figure(1, 10)
"""… and the database."""
STORIES = _figure(150, 20_000)
"""Of several servers on a simulated database."""
STORIES_WITH_A_FAULT = 500
"""By then a fault that is planted must be noticed."""
RACES = _figure(20, 100)
MALFORMED_REQUESTS = _figure(500, 10_000)
