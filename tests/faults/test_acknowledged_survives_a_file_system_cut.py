"""What was acknowledged survives a real ext4 that is cut off from its disk under a writing server.

The server is stopped first, so that everything it has answered has arrived before the power goes.
"""

from pathlib import Path
from random import Random

import pytest

from tests.faults import planted
from tests.faults.conftest import Tell
from tests.faults.cut_off_disk import CutOffDisk, why_not
from tests.faults.figures import FILE_SYSTEM_CUTS
from tests.faults.promises import Promises, a_moment, kept_over
from tests.faults.server_child import Plant, server_child

pytestmark = pytest.mark.needs("root, a loop device, mkfs.ext4")


@pytest.fixture(autouse=True)
def _this_machine_can() -> None:
    if reason := why_not():
        pytest.skip(reason)


def after_cuts(place: Path, cuts: int, plant: Plant, dice: Random) -> Promises:
    """Cut the disk off under one server after the other."""
    place.mkdir()
    promises = Promises()
    disk = CutOffDisk(place)
    try:
        for _ in range(cuts):
            with server_child(disk.folder / "data", plant) as server:
                promises.check(server.url)
                with promises.asked_for(server.url):
                    a_moment(dice.uniform(0, 0.2))
                    server.freeze()
                    a_moment(0.02)  # for the last answers, which are in the sockets, to be read
                    disk.cut()
                    server.kill()
            disk.unmount()
            disk.mount()
        with server_child(disk.folder / "data") as last:
            promises.check(last.url)
    finally:
        disk.unmount()
    return promises


def test_acknowledged_survives_a_file_system_cut(tmp_path: Path, tell: Tell) -> None:
    acknowledged = kept_over(after_cuts, tmp_path, FILE_SYSTEM_CUTS)
    assert acknowledged > FILE_SYSTEM_CUTS
    tell(f"{FILE_SYSTEM_CUTS:,} cuts, {acknowledged:,} acknowledged, 0 lost")


def test_a_server_that_never_syncs_is_noticed(tmp_path: Path) -> None:
    promises = after_cuts(tmp_path / "never", 2, planted.never_syncs, Random(4))
    assert any(broken.endswith("is lost") for broken in promises.broken)
