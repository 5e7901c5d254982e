"""How much is measured: for real, or just enough to see that the suite works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The numbers that the rows take from here."""

    jobs: int
    """How many jobs a loaded server has."""
    batch: int
    """How many of them are created by one call."""
    rounds: int
    """Limit and figure are measured in turns, so often; the median counts."""
    seconds: float
    """How long one such turn is."""
    bursts: tuple[int, ...]
    """How many commands are due at one instant."""
    rate: int
    """Runs each second beside the loaded jobs …"""
    steady: int
    """… for so many seconds."""
    simulated: int
    """Seconds of the simulated year that are really gone through."""
    journalled: int
    """Seconds of it that are written to a journal as well."""
    virtual: int
    """Days of an hourly job in a whole server on a virtual clock."""
    decoded: int
    """Jobs in the list that the SDK decodes."""
    repeats: int
    """How often something quick is done; the best counts."""


FULL = Size(
    jobs=100_000,
    batch=10_000,
    rounds=7,
    seconds=1.5,
    bursts=(1_000, 10_000),
    rate=200,
    steady=60,
    simulated=300_000,
    journalled=100_000,
    virtual=365,
    decoded=10_000,
    repeats=9,
)
SMALL = Size(
    jobs=2_000,
    batch=1_000,
    rounds=1,
    seconds=0.2,
    bursts=(20,),
    rate=10,
    steady=2,
    simulated=2_000,
    journalled=400,
    virtual=7,
    decoded=100,
    repeats=2,
)
