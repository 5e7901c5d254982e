"""`kala job enable|disable`: of jobs that are named, of those with a tag, of all."""

from kala_client import KalaClient
from tests.cli.conftest import Kala

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def test_jobs_with_a_tag_and_all_jobs_are_disabled_and_enabled_and_named(
    typed: Kala, client: KalaClient
) -> None:
    night = client.create_job(name="night", command="true", schedule=IN_2035, tags=["night"])
    day = client.create_job(name="day", command="true", schedule=IN_2035)
    ended = typed("job", "disable", "--tag", "night")
    assert (ended.code, ended.out, ended.err) == (0, f"disabled {night} night\n", "")
    assert not client.get_job(day).disabled
    assert typed("job", "disable", "--all").out == f"disabled {night} night\ndisabled {day} day\n"
    assert client.get_job(day).disabled
    assert typed("job", "enable", "--tag", "none").out == "no such jobs\n"
    assert typed("job", "enable", "night").out == f"enabled {night}\n"
    assert typed("job", "enable", "--all").out == f"enabled {day} day\n", "the other one is so already"
    for words in ([], ["night", "--all"], ["--tag", "x", "--all"]):
        ended = typed("job", "disable", *words)
        assert (ended.code, "say which jobs by their ids, or --tag, or --all" in ended.err) == (2, True)
