"""Which zones a job may have: those that mean the same on every machine. What is stored goes on."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from kala_server.core.errors import InvalidJobError
from kala_server.core.model import records as r
from kala_server.core.state.apply import apply
from kala_server.core.time import accepted_before, durations
from kala_server.core.time.zones import stored_zone, zone_of
from tests.unit.core.simulation import FAILS, START, World, id_of, new_job

NO_PLACES = ["Factory", "localtime", "posixrules", "posix/Factory", "posix/localtime", "posix/posixrules"]
ODD_NAMES = [
    "Mars/Olympus", "Europe", "Europe/", "Europe/Berlin/", "Europe//Berlin", "/Europe/Berlin", "./Europe/Berlin",
    "../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", "europe/berlin",
    "Europe/Berlin\0", "\0", " ", " Europe/Berlin", "Europe/Berlin\n", "zone.tab", "zone1970.tab", "iso3166.tab",
    "tzdata.zi", "leapseconds", "leap-seconds.list", "+VERSION", "posix", "posix/", "right",
    "posix/right/Europe/Berlin", "Europe/Berl\u0131n", "UTC+2", "+02:00", "CEST", "x" * 500_000,
    "A/" * 250_000, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", ["right/Europe/Berlin", "right/UTC", "right/", *NO_PLACES, *ODD_NAMES])
def test_a_zone_that_is_no_place_is_refused_and_a_valid_one_named(name: str) -> None:
    with pytest.raises(ValueError, match="a valid one is Europe/Berlin") as refused:
        zone_of(name)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", sorted(available_timezones() - set(NO_PLACES)))
def test_every_other_zone_of_the_machine_is_taken(name: str) -> None:
    assert zone_of(name) is ZoneInfo(name)


def test_no_name_is_no_zone() -> None:
    assert zone_of("") is stored_zone("") is None


@pytest.mark.parametrize("name", ["Etc/GMT+5", "Etc/UTC", "posix/Europe/Berlin"])
def test_names_of_other_kinds_stay_valid_where_the_machine_has_them(name: str) -> None:
    try:
        zone = ZoneInfo(name)
    except LookupError:
        with pytest.raises(ValueError, match="no time zone"):
            zone_of(name)
    else:
        assert zone_of(name) is zone


OLD: dict[str, dict[str, Any]] = {
    "zone": {"schedule": "0 0 * * *", "timezone": "Factory"},
    "offset": {"schedule": "R/2029-12-31T02:30:00+02:30/P1D"},
    "lenient offset": {"schedule": "R/2029-12-31T02:30:00+01:90/P1D"},
    "long line": {"schedule": "0" + ",0" * 5_000 + " 0 * * *"},
    "no duration": {"schedule": "0 0 * * *", "epsilon": "P", "retries": 1, "retry_delay": "P"},
}
"""Jobs that an earlier version took, each due at midnight in UTC."""


@pytest.mark.parametrize("name", sorted(OLD))
def test_a_job_that_was_accepted_before_goes_on_as_it_did(name: str) -> None:
    world = World(script={name: [FAILS]})
    record = r.JobCreated(
        id=id_of(name), at=START - timedelta(days=1), spec=new_job(name, **OLD[name]).spec, next_at=START
    )
    apply(world.state, record)
    world.state.undo.commit()
    world.journal.append(record)
    world.advance(timedelta(days=2, hours=1))
    assert world.started(name)[0] == START
    assert {when - START for when in world.started(name)} == {timedelta(days=n) for n in range(3)}
    world.stop()
    world.change(name, **{**OLD[name], "description": "its other fields can be changed"})
    world.advance(timedelta(days=1))
    assert world.started(name)[-1] == START + timedelta(days=3)


def test_what_is_said_anew_is_asked_again() -> None:
    world = World()
    world.create("job", schedule="0 0 * * *")
    for changed in OLD.values():
        if changed != OLD["offset"]:
            with pytest.raises(InvalidJobError):
                world.change("job", **changed)


def test_a_stored_text_is_read_as_it_was() -> None:
    assert (
        str(accepted_before.schedule("R/2035-06-04T19:25:16+0260/P1D")) == "R/2035-06-04T19:25:16+03:00/P1D"
    )
    assert (
        str(accepted_before.schedule("R0/2035-06-04T19:25:16-01:75/P")) == "R0/2035-06-04T19:25:16-02:15/PT0S"
    )
    assert durations.after(START, "P") == START
    for bad in (
        "R/2035-06-04T19:25:16+23:60/P1D",
        "R/2035-06-04T19:25:16Z/x",
        "R/2035-06-04T19:25:16+02:60/x",
    ):
        with pytest.raises(ValueError):
            accepted_before.schedule(bad)
    with pytest.raises(ValueError):
        accepted_before.period("PT")
