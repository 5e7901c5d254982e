"""Let one job follow another: a child runs whenever its parent has succeeded.

    pip install kala-client
    python examples/dependent_jobs.py

It talks to the Kala at KALA_URL, http://127.0.0.1:8000 unless set; `kala serve` starts one there.
"""

import time
from datetime import UTC, datetime, timedelta

from kala_client import KalaClient, Schedule


def main() -> None:
    with KalaClient() as kala:
        soon = Schedule.once(datetime.now(UTC) + timedelta(seconds=2))
        parent = kala.create_job(name="fetch", command="sleep 0.5", schedule=soon)
        child = kala.create_job(name="report", command="echo 'fetch is done'", parent_jobs=[parent])
        print(f"created the parent {parent}, due at {soon.start:%H:%M:%S}, and the child {child}")

        wait_until_run(kala, child)
        for job in (kala.get_job(parent), kala.get_job(child)):
            print(f"{job.name} ran {job.success_count} time, at {job.last_success:%H:%M:%S}")

        kala.delete_job(parent)
        print("deleted the parent, and with it the child, which has no other")


def wait_until_run(kala: KalaClient, job_id: str, *, seconds: float = 30) -> None:
    """Return when the job has run."""
    deadline = time.monotonic() + seconds
    while not kala.get_job_stats(job_id):
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {job_id} has not run within {seconds} s")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
