"""Models of sets of jobs: what is said together, such as in a file, and applied as a whole (docs/sets.md)."""

from typing import Annotated, Any, Literal

from kala_client._model.base import WireModel
from kala_client._model.wire_types import Instant, Open


class SetSummary(WireModel):
    """A set that was applied."""

    name: str
    applied_at: Instant
    source: str = ""
    count: int = 0
    changed_by_hand: int = 0


class StoredSet(SetSummary):
    """A set with its jobs as it says them, each with its `key`: to apply them as they are changes nothing."""

    jobs: list[dict[str, Any]]
    etag: str


class FieldChange(WireModel):
    """A field of a job that would say something else."""

    field: str
    before: Any = None
    after: Any = None


class SetChange(WireModel):
    """What would become of a job; of the slots that would go or come these are the first ten."""

    what: Annotated[Literal["create", "change", "delete"], Open]
    id: str
    name: str
    set: str
    key: str
    fields: list[FieldChange]
    by_hand: bool = False
    slots_gone: int = 0
    slots_new: int = 0
    gone: list[Instant]
    new: list[Instant]
    at_once: bool = False
    under_way: int = 0
    kept_runs: int = 0


class SetPlan(WireModel):
    """What would come of applying a set, with the slots up to a time."""

    set: str
    changes: list[SetChange]
    create: int
    change: int
    delete: int
    unchanged: int
    left: list[str]
    until: Instant
    etag: str

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not self.changes


class SetApplied(WireModel):
    """What came of applying a set: the ids of new jobs by their keys, keys of changed ones, ids of those gone."""

    set: str
    created: dict[str, str]
    changed: list[str]
    deleted: list[str]
    unchanged: int
    etag: str
