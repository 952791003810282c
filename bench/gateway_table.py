"""The table of the gateway's benchmark: figures of both servers, their ratios, and the targets."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

# Of a run: `messages` (or `ready` connections), `seconds`, and `cpu` seconds of the server.
Figures = dict[str, float]
T = TypeVar("T")


class Table:
    """Rows for people, figures and targets for `bench.report`."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []
        self.figures: dict[str, float] = {}
        self.targets: dict[str, float] = {}

    def rate(
        self, what: str, name: str, here: Sequence[Figures], there: Sequence[Figures] = (), *, least: float = 0.0
    ) -> None:
        """Add the median rates of both servers, and the median ratio of adjacent runs.

        `least` is the target of the ratio (0: none); the ratio of CPU time has no target.
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
        """Add a value that should be small; `most` is its target (0: none)."""
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


def rate_of(figures: Figures) -> float:
    """Return messages (or connections) a second."""
    return (figures.get("messages") or figures["ready"]) / figures["seconds"]


def _per_core(figures: Figures) -> float:
    return (figures.get("messages") or figures["ready"]) / figures["cpu"] if figures.get("cpu") else 0.0


def _median(runs: Sequence[T], of: Callable[[T], float]) -> float:
    """Return the median over the runs, 0 without any."""
    return statistics.median(map(of, runs)) if runs else 0.0
