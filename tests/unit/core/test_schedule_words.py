"""A schedule is said in words as a colleague would say it, or not at all."""

import pytest

from kala_server.core.time.schedule_words import in_words

BERLIN = "Europe/Berlin"
SAID = [
    ("0 9 * * *", BERLIN, "every day at 09:00, Europe/Berlin"),
    ("0 9 * * MON-FRI", "", "Monday to Friday at 09:00, UTC"),
    ("0 9,12,18 * * *", "", "every day at 09:00, 12:00 and 18:00, UTC"),
    ("*/10 * * * *", "", "every 10 minutes, UTC"),
    ("* * * * *", "", "every minute, UTC"),
    ("* * * * SAT,SUN", "", "every minute, every Saturday and Sunday, UTC"),
    ("15 * * * *", "", "every hour at minute 15, UTC"),
    ("5,35 * * * *", "", "every hour at minute 5 and 35, UTC"),
    ("0 * * * *", "", "every hour, UTC"),
    ("0 9-17 * * *", "", "every hour from 09:00 to 17:00, UTC"),
    ("1,2,3,4,5 * * * *", "", ""),
    ("0 */3 * * *", "", "every 3 hours, UTC"),
    ("20 */3 * * *", "", "every 3 hours at minute 20, UTC"),
    ("*/5 9-17 * * MON-FRI", BERLIN, "every 5 minutes from 09:00 to 17:59, Monday to Friday, Europe/Berlin"),
    ("30 8-18 * * *", "", "every hour from 08:30 to 18:30, UTC"),
    ("1,2 8-18 * * *", "", ""),
    ("0 1,2,3,5,7 * * *", "", ""),
    ("0 3 1 * *", "", "on day 1 of the month at 03:00, UTC"),
    ("0 3 1,15 * *", "", "on day 1 and 15 of the month at 03:00, UTC"),
    ("0 3 L * *", "", "on the last day of the month at 03:00, UTC"),
    ("0 3 LW * *", "", ""),
    ("0 3 1-9 * *", "", ""),
    ("0 3 * * 1#2", "", ""),
    ("0 3 * * MON-SAT", "", ""),
    ("0 3 * * SUN,WED", "", "every Wednesday and Sunday at 03:00, UTC"),
    ("0 3 1 1,7 *", "", "on day 1 of the month in January and July at 03:00, UTC"),
    ("0 3 * 1-6 *", "", ""),
    ("0 3 13 * FRI", "", ""),
    ("@daily", "", "every day at 00:00, UTC"),
    ("never", "", "only when it is started"),
    ("R0/2035-06-04T09:00:00Z/", "", "once, on 2035-06-04 at 09:00, UTC"),
    ("R0/2035-06-04T09:00:05.5+02:00/PT1S", "", "once, on 2035-06-04 at 09:00:05, UTC+02:00"),
    ("R/2035-06-04T09:00:00/P1D", BERLIN, "every day at 09:00, Europe/Berlin, from 2035-06-04"),
    ("R/2035-06-04T09:00:00Z/P1D", BERLIN, "every day at 11:00, Europe/Berlin, from 2035-06-04"),
    ("R5/2035-06-04T09:00:00Z/P2D", "", "every 2 days at 09:00, 6 times, UTC, from 2035-06-04"),
    ("R/2035-06-04T09:00:00Z/P1W", "", "every week on Monday at 09:00, UTC, from 2035-06-04"),
    ("R/2035-06-10T09:00:00Z/P14D", "", "every 2 weeks on Sunday at 09:00, UTC, from 2035-06-10"),
    ("R/2035-06-04T09:00:00Z/P1M", "", "every month on day 4 at 09:00, UTC, from 2035-06-04"),
    ("R/2035-01-31T10:00:00Z/P1M", "", "every month on day 31 or the last there is, at 10:00, UTC, from 2035-01-31"),
    ("R/2035-06-04T09:00:00Z/P1Y", "", "every year on 4 June at 09:00, UTC, from 2035-06-04"),
    ("R/2035-06-04T09:00:00Z/PT10S", "", "every 10 seconds, from 2035-06-04 09:00, UTC"),
    ("R/2035-06-04T09:00:00Z/PT1H", "", "every hour, from 2035-06-04 09:00, UTC"),
    ("R1/2035-06-04T09:00:00Z/P1DT1H5S", "", "every 1 day, 1 hour and 5 seconds, 2 times, from 2035-06-04 09:00, UTC"),
    ("R/2035-06-04T09:00:00Z/P1M1D", "", "every 1 month and 1 day, from 2035-06-04 09:00, UTC"),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "zone", "said"), SAID)
def test_a_schedule_is_said_in_words(schedule: str, zone: str, said: str) -> None:
    assert in_words(schedule, zone) == said


def test_what_is_no_schedule_is_an_error() -> None:
    with pytest.raises(ValueError, match="a schedule is R"):
        in_words("nonsense", "")
