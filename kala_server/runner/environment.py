"""What a command finds in its environment: the server's own, without its secrets, and what the run is about."""

import os
import re
from collections.abc import Mapping

from kala_server.runner.protocol import Attempt

_SECRET = re.compile(
    r"""^KALA_ | ^AWS_ | ^PG(PASSWORD|PASSFILE)$ | ^MYSQL_PWD$ | ^DATABASE_URL$ | ^REDIS_URL$ | _DSN$
      | PASSWORD | PASSWD | SECRET | TOKEN | CREDENTIAL | PRIVATE | (^|_)(API|ACCESS|AUTH)?_?KEY$ | _AUTH$""",
    re.VERBOSE | re.IGNORECASE,
)
"""Names of variables that a command does not inherit. A job passes one on purpose with its field `env`."""


def inherited(own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the server's environment without what looks like a secret."""
    return {name: value for name, value in own.items() if not _SECRET.search(name)}


def environment_of(attempt: Attempt, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an attempt: the base, the job's own, and the run's."""
    return {
        **base,
        **attempt.spec.env,
        "KALA_JOB_ID": attempt.job_id,
        "KALA_JOB_NAME": attempt.spec.name.replace("\0", ""),
        "KALA_RUN_ID": attempt.run_id,
        "KALA_SCHEDULED_AT": attempt.scheduled_at.isoformat().replace("+00:00", "Z"),
        "KALA_ATTEMPT": str(attempt.number),
    }
