"""Ids of new jobs are UUIDs as everybody makes them."""

from random import Random
from uuid import RFC_4122, UUID

from kala_server.web.ids import Ids


def test_ids_are_random_uuids_and_none_is_there_twice() -> None:
    ids = Ids().several(10_000)
    assert len({*ids}) == 10_000
    for job_id in ids:
        read = UUID(job_id)
        assert (str(read), read.version, read.variant) == (job_id, 4, RFC_4122)
    for place in range(36):
        seen = {job_id[place] for job_id in ids}
        assert len(seen) == {8: 1, 13: 1, 14: 1, 18: 1, 19: 4, 23: 1}.get(place, 16), place
    assert Ids().several(0) == []


def test_ids_from_a_seed_are_the_same_in_every_process() -> None:
    ids = Ids(Random(7).randbytes)
    assert [ids.new(), *ids.several(2)] == [
        "38b4e652-e44d-47f2-b70d-9e260e271365",
        "50a4a3a6-d07f-4c0c-b32f-8b1224083fd2",
        "2b902f89-11e8-4818-b8c9-9d5d5d983195",
    ]
