"""What is refused at the door for its length is what the kernel refuses, to the byte; and what is accepted runs."""

import mmap
from typing import Any

import pytest

from kala_server.core.commands import kernel
from tests.server.at_home import Home, fault_in, play

pytestmark = pytest.mark.skipif(mmap.PAGESIZE != 4096, reason="the longest word is 32 pages of memory")
WORD = kernel.LONGEST_WORD
TO_THE_BYTE: list[tuple[str, dict[str, Any]]] = [
    ("argv", {"argv": ["/bin/echo", "é" * (WORD // 2) + "x"]}),
    ("command", {"command": "/bin/echo " + "é" * (WORD // 2) + "x"}),
    ("command", {"command": ": " + "é" * (WORD // 2 - 1) + "x", "shell": True}),
    ("command", {"command": "/bin/echo $(echo) " + "x" * (WORD - len('exec /bin/echo "$(eval echo)" '))}),
    ("env", {"command": "/bin/echo", "env": {"A": "é" * (WORD // 2 - 1) + "x"}}),
    ("name", {"command": "/bin/echo", "name": "é" * ((WORD - 14) // 2) + "x"}),
]


def longer(said: dict[str, Any], field: str) -> dict[str, Any]:
    if field == "argv":
        return {**said, "argv": [said["argv"][0], said["argv"][1] + "x"]}
    if field == "env":
        return {**said, "env": {"A": said["env"]["A"] + "x"}}
    return {**said, field: said[field] + "x"}


async def ended(home: Home, job_id: str) -> dict[str, Any]:
    run_id = await home.start_job(job_id)
    await home.ends(run_id)
    return await home.run(run_id)


@pytest.mark.parametrize(("field", "said"), TO_THE_BYTE)
def test_what_is_accepted_runs_and_a_byte_more_is_refused(field: str, said: dict[str, Any]) -> None:
    async def scene(home: Home) -> None:
        job = {"name": "long", "command": "", "schedule": "never", **said}
        answer = await home.http.post("/job/", json=job)
        assert answer.status_code == 201, answer.text
        run = await ended(home, answer.json()["id"])
        assert run["state"] == "succeeded", run["reason"]
        assert fault_in(await home.http.post("/job/", json=longer(job, field)))["field"] == field

    play(scene)


def test_a_substitution_in_parentheses_is_the_output_of_its_command() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(
            command="printf '<%s>' $(echo a; echo \"$KALA_ATTEMPT)\") `echo b`c", schedule="never"
        )
        run = await ended(home, job_id)
        assert run["state"] == "succeeded"
        output = await home.http.get(f"/run/{run['id']}/output/")
        assert output.text == "<a\n1)><bc>"

    play(scene)
