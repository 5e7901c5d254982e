"""What a command finds in its environment: the server's own, without its secrets, and what the run is about.

It reads the environment and changes nothing in it.
"""

import os
import re
from collections.abc import Mapping

from kala_server.runner.protocol import Attempt

_SECRET_NAME = re.compile(
    r"""^KALA_
      | PASSWORD | PASSWD | PASSPHRASE | PASSFILE | SECRET | CREDENTIAL | PRIVATE | TOKEN(?!IZ) | COOKIE
      | (^|_)(PASS|AUTH|KEY|APIKEY|ACCESSKEY|AUTHORIZATION|DSN)$ | _PWD$ | _KEY_ID$ | ^SSHPASS$
      | ^(DATABASE|REDIS|MONGODB|AMQP|BROKER)_UR[IL]$""",
    re.VERBOSE | re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
"""An address with a password in it, whatever the variable is called."""


def inherited(own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the server's environment without what looks like a secret.

    A job that needs one of these gets it on purpose, by its field `env`.
    """
    return {
        name: value
        for name, value in own.items()
        if not _SECRET_NAME.search(name) and not _SECRET_VALUE.search(value)
    }


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
        **({"KALA_MARK": attempt.mark} if attempt.mark else {}),
    }
