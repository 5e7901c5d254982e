"""Create a job, wait for its run, print its statistics, delete it.

    pip install kala-client
    python examples/basic.py

It talks to the Kala at KALA_URL, http://127.0.0.1:8000 unless set; `kala serve` starts one there.
"""

import time

from kala_client import JobStat, KalaClient


def main() -> None:
    with KalaClient() as kala:
        job_id = kala.create_job(name="hello", command="echo hello", owner="you@example.com")
        print(f"created {job_id}; without a schedule it runs at once")

        for run in wait_for_runs(kala, job_id):
            outcome = "succeeded" if run.success else "failed"
            print(
                f"ran at {run.ran_at:%H:%M:%S}, {outcome} after {run.execution_duration.total_seconds():.3f} s"
            )

        kala.delete_job(job_id)
        print(f"deleted {job_id}")


def wait_for_runs(kala: KalaClient, job_id: str, *, seconds: float = 30) -> list[JobStat]:
    """Return the job's finished runs as soon as there are any."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if runs := kala.get_job_stats(job_id):
            return runs
        time.sleep(0.2)
    raise TimeoutError(f"job {job_id} has not run within {seconds} s")


if __name__ == "__main__":
    main()
