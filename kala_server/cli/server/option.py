"""How an option of a server is made, so that the environment can say it too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Make an option that `KALA_…` in the environment sets too."""
    longest = max(names, key=len)
    variable = "KALA_" + longest.lstrip("-").replace("-", "_").upper()
    return click.option(*names, **{"envvar": variable, "show_envvar": True, **attributes})
