"""Who deletes on a terminal sees first what goes with it."""

from kala_client import KalaClient
from tests.cli.terminal import on_a_terminal


def test_on_a_terminal_what_goes_with_a_job_is_named_and_asked_for(client: KalaClient, url: str) -> None:
    parent = client.create_job(name="parent", command="true", schedule="never")
    child = client.create_job(name="child", command="true", parent_jobs=[parent])
    with on_a_terminal("--url", url, "job", "delete", "parent") as terminal:
        terminal.read_until("[y/N]: ")
        assert f"{parent}  parent" in terminal.shown
        assert f"{child}  child  (goes with its parent)" in terminal.shown
        terminal.type("n\n")
        assert terminal.read_to_the_end() == 1
    assert client.get_all_jobs().keys() == {parent, child}
    with on_a_terminal("--url", url, "job", "delete", "parent", "--yes") as terminal:
        assert terminal.read_to_the_end() == 0
    assert client.get_all_jobs() == {}
