"""Modules that are loaded when something of them is first used, not when they are imported from here.

They need pydantic or isodate, and to build the models takes longer than all of `kala_client.client`. Whoever uses one
writes `models.Job` and not `Job`; annotations are left as text, and can still be evaluated.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kala_client import job_sets, models, views
    from kala_client._calls import builders as _calls
    from kala_client._calls import jobs as _jobs
    from kala_client._calls import ledger as _ledger
    from kala_client._calls import pages as _pages
    from kala_client._calls import sets as _sets
    from kala_client._http import follow as _follow
    from kala_client._model import fields as _fields

__all__ = [
    "_calls",
    "_fields",
    "_follow",
    "_jobs",
    "_ledger",
    "_pages",
    "_sets",
    "job_sets",
    "models",
    "views",
]


class _Later:
    """Stands for a module, and loads it when it is asked for something."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


if not TYPE_CHECKING:  # pragma: no branch
    _calls = _Later("kala_client._calls.builders")
    _fields = _Later("kala_client._model.fields")
    _follow = _Later("kala_client._http.follow")
    _jobs = _Later("kala_client._calls.jobs")
    _ledger = _Later("kala_client._calls.ledger")
    _pages = _Later("kala_client._calls.pages")
    _sets = _Later("kala_client._calls.sets")
    job_sets = _Later("kala_client.job_sets")
    models = _Later("kala_client.models")
    views = _Later("kala_client.views")
