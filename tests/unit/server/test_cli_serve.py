"""What `kala serve` settles for its whole process before it serves."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kala_server.cli.server.serve
from kala_server.cli.server.serve import SWITCH_INTERVAL, serve


@pytest.fixture
def pythons_own() -> Iterator[float]:
    """Give the interval that Python has by itself, and bring it back."""
    before = sys.getswitchinterval()
    yield before
    sys.setswitchinterval(before)


def test_no_thread_of_a_server_computes_for_long_while_its_loop_waits(
    pythons_own: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served_with = []

    async def served(_settings: object) -> None:
        served_with.append(sys.getswitchinterval())

    monkeypatch.setattr(kala_server.cli.server.serve, "serve_until_asked", served)
    monkeypatch.setattr(
        kala_server.cli.server.serve, "taken_over", lambda settings: settings
    )  # this process is pytest's
    serve.main(["--data-dir", str(tmp_path)], standalone_mode=False)
    assert served_with == [pytest.approx(SWITCH_INTERVAL)]
    assert pythons_own > SWITCH_INTERVAL
