"""Whatever happens to the servers of one store and to its database: searched for, on one virtual clock.

Stories are told by Hypothesis, in CI always the same ones. A fault that is planted must be noticed by one of them.
"""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import Phase, given, settings

from tests.faults.figures import FULL, STORIES, STORIES_WITH_A_FAULT
from tests.faults.simulated import planted, story

Plant = Callable[[pytest.MonkeyPatch], None]

_SEARCH = settings(max_examples=STORIES, derandomize=not FULL, database=None, report_multiple_bugs=False)
_UNTIL_ONE_FAILS = settings(_SEARCH, max_examples=STORIES_WITH_A_FAULT, phases=[Phase.generate])


@_SEARCH
@given(told=story.STORIES)
def test_several_servers_keep_their_promises(told: list[story.Step]) -> None:
    story.tell(told)


@pytest.mark.parametrize("plant", planted.FAULTS, ids=lambda plant: plant.__name__)
def test_a_fault_is_noticed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    @_UNTIL_ONE_FAILS
    @given(told=story.STORIES)
    def search(told: list[story.Step]) -> None:
        story.tell(told)

    plant(monkeypatch)
    with pytest.raises(AssertionError):
        search()


def test_the_same_story_has_the_same_course_in_every_process() -> None:
    program = [sys.executable, "-m", "tests.faults.simulated.one_story"]
    first, second = (
        subprocess.run(
            program, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, check=True
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert first.count(b"RunStarted") > 12
