"""The table of the gateway's benchmark: figures of both servers, their ratio, and what is asked."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

# What a run told: messages (or connections ready), seconds, seconds of the server's CPU.
Told = dict[str, float]
T = TypeVar("T")


class Table:
    """Figures of both, their ratio, and what is asked."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []
        self.figures: dict[str, float] = {}
        self.targets: dict[str, float] = {}

    def rate(
        self, what: str, name: str, here: Sequence[Told], there: Sequence[Told] = (), *, least: float = 0.0
    ) -> None:
        """A line with the medians of rates, and of the ratios of runs made in turn (`here` and `there` in that order).

        `least` of the ratio is asked for (0: nothing is). That of the CPU's is for reading.
        """
        ours, theirs = _median(here, rate_of), _median(there, rate_of)
        core_ours, core_theirs = _median(here, _per_core), _median(there, _per_core)
        pairs = list(zip(here, there, strict=False))
        ratio = _median(pairs, lambda pair: rate_of(pair[0]) / rate_of(pair[1]))
        of_cores = _median(pairs, lambda pair: _per_core(pair[0]) / _per_core(pair[1]))
        self.lines.append(
            {
                "what": what,
                "Mosquitto": f"{theirs:,.0f}/s" if there else "",
                "gateway": f"{ours:,.0f}/s",
                "ratio": f"{ratio:.2f}" if there else "",
                "Mosquitto, for one core's CPU": f"{core_theirs:,.0f}/s" if there else "",
                "gateway, for one core's CPU": f"{core_ours:,.0f}/s",
                "ratio of these": f"{of_cores:.2f}" if there else "",
                "asked": f"{least}" if least else "",
            }
        )
        self.figures[f"{name}_per_s"] = ours
        if there:
            self.figures[f"{name}_ratio"], self.figures[f"{name}_core_ratio"] = ratio, of_cores
            if least:
                self.figures[f"{name}_below"] = max(0.0, least - ratio)
                self.targets[f"{name}_below"] = 0.0

    def value(self, what: str, name: str, ours: float, theirs: float | None, unit: str, most: float) -> None:
        """A line with a value that should be small."""
        self.lines.append(
            {
                "what": what,
                "Mosquitto": f"{theirs:.2f} {unit}" if theirs is not None else "",
                "gateway": f"{ours:.2f} {unit}",
                "ratio": f"{ours / theirs:.2f}" if theirs else "",
                "Mosquitto, for one core's CPU": "",
                "gateway, for one core's CPU": "",
                "ratio of these": "",
                "asked": f"<= {most} {unit}" if most else "",
            }
        )
        self.figures[name] = ours
        if most:
            self.targets[name] = most


def rate_of(told: Told) -> float:
    """A second."""
    return (told.get("messages") or told["ready"]) / told["seconds"]


def _per_core(told: Told) -> float:
    return (told.get("messages") or told["ready"]) / told["cpu"] if told.get("cpu") else 0.0


def _median(runs: Sequence[T], of: Callable[[T], float]) -> float:
    """0 where there are none."""
    return statistics.median(map(of, runs)) if runs else 0.0
