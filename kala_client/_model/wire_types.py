"""Field types that read what Kala writes and take what people write. No models, no I/O.

They keep plain text inside pydantic-core: reading 10,000 jobs must not call Python for each field of each.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, GetCoreSchemaHandler
from pydantic_core import TzInfo, core_schema

from kala_client.schedules.cron_line import CronSchedule
from kala_client.schedules.schedule import Period, Schedule

_ZULU = TzInfo(0)
"""The zone of a time that pydantic-core has read with a `Z`: one object for all of them, in its newer versions."""


class _OrInstance:
    """Text that a program may also give as one of our value types, which is written as text at once."""

    def __init__(self, *types: type, write: Callable[[Any], str]) -> None:
        self._types = types
        self._write = write

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        plain = handler(source)
        values = core_schema.union_schema([core_schema.is_instance_schema(kind) for kind in self._types])
        written = core_schema.no_info_after_validator_function(self._write, values)
        either = core_schema.union_schema(
            [plain, written],
            mode="left_to_right",
            custom_error_type="text_or_value",
            custom_error_message=f"Input should be text, or {' or '.join(kind.__name__ for kind in self._types)}",
        )
        return core_schema.json_or_python_schema(
            plain, either, serialization=core_schema.to_string_ser_schema()
        )


class _WithoutNulls:
    """A list for which Kala also sends `null`, or in which it sends `null` (`{"job_stats": [null]}`)."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        item = core_schema.nullable_schema(handler.generate_schema(get_args(source)[0]))
        items = core_schema.nullable_schema(core_schema.list_schema(item))
        return core_schema.no_info_after_validator_function(_without_nulls, items)


class _Open:
    """A closed set for type checkers, which find a typo; any text at run time, as a newer server may say more."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.str_schema()


def _stop_at_first(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") in ("list", "dict"):
            schema["fail_fast"] = True
        schema = schema.values()
    if not isinstance(schema, str | type) and isinstance(schema, Iterable):
        for part in schema:
            _stop_at_first(part)


class FirstFault:
    """For a model that stops at the first fault in each of its collections: millions of faults took 2 GB to tell of."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = handler(source)
        _stop_at_first(schema)
        return schema


def _without_nulls(value: list[Any] | None) -> list[Any]:
    return [item for item in value if item is not None] if value else []


def _write_duration(value: Period | timedelta) -> str:
    return str(value if isinstance(value, Period) else Period.from_timedelta(value))


def _write_zone(value: ZoneInfo) -> str:
    if not value.key:
        raise ValueError("it was read from a file, and has no name")
    return value.key


def _moment(value: datetime | None) -> datetime | None:
    # Go's zero time is in the year 1, as nothing else on the wire; and comparing whole times is slow.
    return None if value is None or value.year == 1 else _in_utc(value)


def _in_utc(value: datetime) -> datetime:
    # What ends in Z, as nearly everything does, is in UTC already: a conversion takes twice as long to say so.
    if value.tzinfo is _ZULU:
        return datetime.combine(value, value.time(), UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is not in the years 1 to 9999") from None


def _header_values(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Moment = Annotated[AwareDatetime | None, AfterValidator(_moment)]
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
ScheduleText = Annotated[str, _OrInstance(Schedule, CronSchedule, write=str)]
ZoneText = Annotated[str, _OrInstance(ZoneInfo, write=_write_zone)]
DurationText = Annotated[str, _OrInstance(Period, timedelta, write=_write_duration)]
HeaderValues = Annotated[list[str], BeforeValidator(_header_values)]
WithoutNulls = _WithoutNulls()
Open = _Open()
