"""Ids of new jobs are UUIDs as everybody makes them."""

from uuid import RFC_4122, UUID

from kala_server.web.ids import new_ids


def test_ids_are_random_uuids_and_none_is_there_twice() -> None:
    ids = new_ids(10_000)
    assert len({*ids}) == 10_000
    for job_id in ids:
        read = UUID(job_id)
        assert (str(read), read.version, read.variant) == (job_id, 4, RFC_4122)
    for place in range(36):
        seen = {job_id[place] for job_id in ids}
        assert len(seen) == {8: 1, 13: 1, 14: 1, 18: 1, 19: 4, 23: 1}.get(place, 16), place
    assert new_ids(0) == []
