"""A job as an argument or option: an id, the beginning of it, or a name, which shells complete. It finds no job."""

import re
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from kala_server.cli.text.plain import printable

_PATIENCE = 2.0
"""Seconds that a person waits for a shell to complete a name."""
_BARE = re.compile(r"[\w.@+,-]+")
"""Names that a shell takes as one word, whatever shell it is; of any other, the id is offered."""


class JobName(StringParamType):
    """Text that names a job. The server says whether there is one."""

    name = "job"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer the jobs that the server has; none where it does not answer."""
        return [
            CompletionItem(value, help=said) for value, said in _jobs(ctx) if value.startswith(incomplete)
        ]


JOB = JobName()


def _jobs(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Yield how each job can be named, and what else there is to know of it."""
    from kala_client import KalaClient, KalaError

    url = ctx.params.get("url") or ctx.find_root().params.get("url")
    try:
        with KalaClient(url, timeout=_PATIENCE) as client:
            jobs = client.get_all_jobs()
    except (KalaError, ValueError):
        return
    for job_id, job in jobs.items():
        if _BARE.fullmatch(job.name):
            yield job.name, job_id[:8]
        else:
            yield job_id, printable(job.name)
