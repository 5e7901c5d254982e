"""Text as it was typed: what no server could be told is refused before it is asked. No I/O."""

import os
from collections.abc import Iterator
from typing import Any

import click
from click.types import StringParamType


class _Named(StringParamType):
    """Text that is not empty: an empty filter would filter nothing, and is a variable of the shell that is not set."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it as it is."""
        if isinstance(value, str) and not value.strip():
            self.fail("an empty text names nothing; leave the option out", param, ctx)
        return super().convert(value, param, ctx)


NAMED = _Named()


class Whole(click.IntRange):
    """A whole number between bounds; what is none is told as such, and not as "no integer range"."""

    name = "whole number"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Return what stands for it in help."""
        return "N"


class Number(click.FloatRange):
    """A number between bounds."""

    name = "number"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Return what stands for it in help."""
        return "NUMBER"


def check_text(ctx: click.Context) -> None:
    """Raise BadParameter for an argument whose bytes are no UTF-8: JSON has no way to say it."""
    for parameter in ctx.command.params:
        for text in _texts(ctx.params.get(parameter.name or "")):
            if not text.isascii() and _is_broken(text):
                shown = repr(os.fsencode(text)[:60])[1:]
                raise click.BadParameter(f"{shown} is not UTF-8", ctx, parameter)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
