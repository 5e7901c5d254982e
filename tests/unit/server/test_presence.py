"""When there was no server is known as far as there are signs of life; what is beside the journal harms nobody."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kala_server.presence import FILE, MOST_KEPT, Outage, Presence

THEN = datetime(2030, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def written_at(journal: Path, at: datetime) -> None:
    journal.touch()
    os.utime(journal, (at.timestamp(), at.timestamp()))


def begun(journal: Path | None, now: datetime) -> list[Outage]:
    presence = Presence(journal)
    presence.look()
    presence.begin(now)
    return presence.outages


def test_an_outage_is_from_the_last_write_to_the_next_start_and_is_known_later(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    assert begun(journal, THEN) == [], "there was none before"
    written_at(journal, THEN)
    first = (THEN, THEN + 26 * MINUTE)
    assert begun(journal, first[1]) == [first]
    written_at(journal, THEN + 60 * MINUTE)
    second = (THEN + 60 * MINUTE, THEN + 61 * MINUTE)
    assert begun(journal, second[1]) == [first, second]


def test_a_server_that_ends_in_peace_was_there_until_then(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    written_at(journal, THEN)
    Presence(journal).end(THEN + 5 * MINUTE)
    assert begun(journal, THEN + 6 * MINUTE) == [(THEN + 5 * MINUTE, THEN + 6 * MINUTE)]
    assert begun(journal, THEN + 4 * MINUTE)[1:] == [], "the clock was put back"


def test_the_latest_are_kept_and_those_of_a_time_are_found(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    for number in range(MOST_KEPT + 5):
        written_at(journal, THEN + number * 10 * MINUTE)
        found = begun(journal, THEN + (number * 10 + 1) * MINUTE)
    assert len(found) == MOST_KEPT
    assert found[0][0] == THEN + 50 * MINUTE
    presence = Presence(journal)
    presence.outages = found
    assert presence.between(THEN + 61 * MINUTE, THEN + 81 * MINUTE) == [found[2], found[3]]
    assert presence.between(THEN + 62 * MINUTE, THEN + 69 * MINUTE) == []


def test_what_is_no_line_of_ours_is_passed_over_and_no_link_is_followed(tmp_path: Path) -> None:
    journal, file, elsewhere = tmp_path / "journal", tmp_path / FILE, tmp_path / "elsewhere"
    file.write_bytes(
        b"\xff nonsense\n2030-01-01 2030-01-02\n2030-01-01T00:00:00+00:00 2030-01-01T00:01:00+00:00\n2030-"
    )
    written_at(journal, THEN + 9 * MINUTE)
    known = [(THEN, THEN + MINUTE), (THEN + 9 * MINUTE, THEN + 10 * MINUTE)]
    assert begun(journal, THEN + 10 * MINUTE) == known
    elsewhere.write_text("not ours")
    file.unlink()
    file.symlink_to(elsewhere)
    assert len(begun(journal, THEN + 10 * MINUTE)) == 1
    assert (elsewhere.read_text(), file.is_symlink()) == ("not ours", False)


def test_without_a_folder_or_with_one_that_refuses_nothing_is_known_and_nothing_fails(tmp_path: Path) -> None:
    assert begun(None, THEN) == []
    Presence(None).end(THEN)
    Presence(tmp_path / "missing" / "journal").end(THEN)
    journal = tmp_path / "journal"
    written_at(journal, THEN)
    (tmp_path / f"{FILE}.new").mkdir()
    assert len(begun(journal, THEN + MINUTE)) == 1
    assert not (tmp_path / FILE).exists()
