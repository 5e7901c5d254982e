"""A tag for what an owner says of a job, by which a second one notices that it was changed meanwhile. Pure.

Runs and counters are not in it: a job that only went on is the one that was looked at.
"""

from hashlib import blake2b

from pydantic_core import to_json

from kala_server.core.model.job import Job


def tag_of(job: Job) -> str:
    """Return the entity tag (RFC 9110, 8.8.3) of what is said of a job, with its quotes."""
    said = to_json((job.spec, job.disabled))
    return f'"{blake2b(said, digest_size=12).hexdigest()}"'


def is_meant(job: Job, if_match: str) -> bool:
    """Whether a request is about the job as it is (RFC 9110, 13.1.1); one without `If-Match` is about any."""
    tags = {tag.strip() for tag in if_match.split(",")}
    return not if_match.strip() or "*" in tags or tag_of(job) in tags
