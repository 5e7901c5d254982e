"""One line of the table: a figure, the limit that was measured beside it, and what it should come to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Bounds of the figure itself, or of its ratio to the limit."""

    at_least: float | None = None
    at_most: float | None = None
    of: Literal["figure", "ratio"] = "ratio"

    def holds(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    def in_words(self, unit: str) -> str:
        unit = f" {unit}" if self.of == "figure" else " ×"
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least:g} to {self.at_most:g}{unit}"
        bound, sign = (self.at_most, "≤") if self.at_least is None else (self.at_least, "≥")
        return f"{sign} {bound:,g}{unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured, once. `limit` is in the unit of the figure."""

    name: str
    """Short and the same in every run, so that two runs can be compared."""
    what: str
    figure: float
    unit: str
    limit: float
    limit_is: str
    target: Target
    live: float | None = None
    """The figure of another Kala that was measured beside ours."""

    @property
    def ratio(self) -> float:
        return self.figure / self.limit if self.limit else 0.0

    @property
    def met(self) -> bool:
        return self.target.holds(self.ratio if self.target.of == "ratio" else self.figure)


def a_hold(name: str, what: str, *, figure: float, limit: float, limit_is: str, at_most: float = 20) -> Row:
    """For how long a loop was held at the most, in seconds, and that of something simpler; `at_most` milliseconds."""
    return Row(
        name=f"{name}-held",
        what=what,
        figure=figure * 1000,
        unit="ms",
        limit=limit * 1000,
        limit_is=limit_is,
        target=Target(at_most=at_most, of="figure"),
    )
