"""A plan in words: a line for each thing that would be otherwise. It asks nothing."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from kala_client import FieldChange, SetApplied, SetChange, SetPlan
from kala_server.cli.text.reader import Clock
from kala_server.cli.text.show import NOTHING, moment

_SIGNS = {"create": "+", "change": "~", "delete": "-"}
_MOST_SLOTS = 3
_LONGEST = 60
"""Characters of a value; what is longer shows where it begins."""


def lines_of(plan: SetPlan, clock: Clock, where: str) -> Iterator[str]:
    """Yield what would come of it."""
    until = f"{clock.titled('slots')} until {moment(plan.until, clock.zone)}"
    jobs = plan.create + plan.change + plan.unchanged
    yield f"{plan.set} on {where}: {counted(jobs, 'job')}, {plan.unchanged} as they should be; {until}"
    width = max((len(_name(change, plan)) for change in plan.changes), default=0)
    for change in plan.changes:
        sign, name = _SIGNS.get(change.what, "?"), _name(change, plan).ljust(width)
        for number, words in enumerate(_about(change, clock)):
            yield f"  {sign} {name}  {words}" if not number else f"    {' ' * width}  {words}"
    if plan.left:
        yield f"not named any more, and left: {', '.join(plan.left)}; --prune deletes what is not named"
    yield _in_all(plan)


def applied(done: SetApplied) -> str:
    """Say what has come of it."""
    if not (done.created or done.changed or done.deleted):
        return f"{done.set} is as it should be: nothing is changed"
    return (
        f"{done.set}: {len(done.created)} created, {len(done.changed)} changed, {len(done.deleted)} deleted"
    )


def counted(number: int, thing: str) -> str:
    """Say how many there are."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _in_all(plan: SetPlan) -> str:
    if plan.empty:
        return "nothing to do"
    counts = ((plan.create, "create"), (plan.change, "change"), (plan.delete, "delete"))
    todo = ", ".join(f"{number} to {what}" for number, what in counts if number)
    at_once = ", ".join(change.key or change.name for change in plan.changes if change.at_once)
    return f"{todo}; runs at once: {at_once or 'nothing'}"


def _name(change: SetChange, plan: SetPlan) -> str:
    if not change.set:
        return f"{change.name!r} (made by hand)"
    return change.key if change.set == plan.set else f"{change.set}/{change.key}"


def _about(change: SetChange, clock: Clock) -> Iterator[str]:
    if change.what == "delete":
        yield f"deleted, with {counted(change.kept_runs, 'kept run')}"
    if change.what == "create":
        yield "new"
    yield from map(_difference, change.fields)
    if change.by_hand:
        yield "it was changed by hand since the set was applied"
    yield from _slots(change, clock)
    if change.at_once:
        yield "it runs AT ONCE"
    if change.under_way:
        it = "it ends" if change.under_way == 1 else "they end"
        yield f"{counted(change.under_way, 'run')} under way: {it} as begun"


def _difference(field: FieldChange) -> str:
    return f"{field.field}  {_value(field.before)} → {_value(field.after)}"


def _slots(change: SetChange, clock: Clock) -> Iterator[str]:
    gone, new = change.slots_gone, change.slots_new
    if gone == new == 1:
        yield f"1 slot moves: {_times(change.gone, 1, clock)} → {_times(change.new, 1, clock)}"
        return
    if gone:
        yield f"{counted(gone, 'slot')} {'goes' if gone == 1 else 'go'}: {_times(change.gone, gone, clock)}"
    if new:
        yield f"{counted(new, 'slot')} {'comes' if new == 1 else 'come'}: {_times(change.new, new, clock)}"


def _times(slots: Iterable[datetime], count: int, clock: Clock) -> str:
    shown = [moment(slot, clock.zone) for slot in slots][:_MOST_SLOTS]
    return ", ".join([*shown, *(["…"] if count > len(shown) else [])])


def _value(value: Any) -> str:
    if value in ("", None, [], {}):
        return NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
