"""One story of much trouble, as a program: `python -m tests.faults.simulated.one_story` prints what was kept of it."""

import sys

from kala_server.core.model.job import Overlap
from tests.faults.simulated.network import Fate, Purpose
from tests.faults.simulated.story import LEADER, Step, tell

_SPEC = {"command": "last 7 1", "overlap": Overlap.QUEUE, "retries": 1}
STORY = [
    Step("create", LEADER, 1.1, (1, 12, _SPEC, [])),
    Step("meet", LEADER, 0.4, (Purpose.APPEND, [Fate(back=None, patience=0.0025), Fate(stalls=4.0)])),
    Step("edit", LEADER, 6.0, (0, [])),
    Step("create", LEADER, 0.4, (2, 5, {**_SPEC, "rerun_interrupted": True}, [Fate(kills=True)])),
    Step("put_clock", 1, 3.2, -5.0),
    Step("compact", LEADER, 1.1),
    Step("stop", LEADER, 0.4),
    Step("outage", LEADER, 6.0, 3.5),
    Step("run", LEADER, 0.0, (0, [Fate(there=0.3, patience=0.0025)])),
]

if __name__ == "__main__":
    for row in tell(STORY):
        sys.stdout.write(f"{row}\n")
