"""Create several jobs at once with asyncio, and wait for all of them.

    pip install kala-client
    python examples/asynchronous.py

It talks to the Kala at KALA_URL, http://127.0.0.1:8000 unless set; `kala serve` starts one there.
"""

import asyncio

from kala_client import AsyncKalaClient, JobStat

CITIES = ["Berlin", "Lagos", "Lima", "Osaka", "Oslo"]


async def main() -> None:
    async with AsyncKalaClient() as kala, asyncio.timeout(30):
        ids = await asyncio.gather(
            *(kala.create_job(name=f"greet {city}", command=f"echo hello {city}") for city in CITIES)
        )
        runs = await asyncio.gather(*(first_run(kala, job_id) for job_id in ids))
        for city, run in zip(CITIES, runs, strict=True):
            outcome = "was greeted" if run.success else "could not be greeted"
            print(f"{city} {outcome} at {run.ran_at:%H:%M:%S}")
        await asyncio.gather(*map(kala.delete_job, ids))
        print(f"deleted {len(ids)} jobs")


async def first_run(kala: AsyncKalaClient, job_id: str) -> JobStat:
    """Return the job's first run as soon as it has finished."""
    while True:
        if runs := await kala.get_job_stats(job_id):
            return runs[0]
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
