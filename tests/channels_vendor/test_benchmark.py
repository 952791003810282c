"""`make bench-vendors` fails if a figure misses its target."""

from __future__ import annotations

import pytest

from bench.report import report
from bench.vendors import below

_ENOUGH = {
    "apns, adapter": 20_000.0,
    "apns, adapter, x aioapns": 5.0,
    "apns, adapter, x @parse/node-apn": 2.0,
    "fcm, adapter, x aioapns": 5.5,
    "fcm, adapter, x @parse/node-apn": 2.5,
    "apns, rows to statuses": 8_000.0,
    "fcm, rows to statuses": 9_000.0,
    "huawei, rows to statuses": 40_000.0,
}


def held(figures: dict[str, float]) -> bool:
    lacking = below(figures)
    return report("vendors", [{"what": "figures"}], figures | lacking, dict.fromkeys(lacking, 0.0))


def test_figures_that_equal_the_targets_pass() -> None:
    assert held(_ENOUGH)
    assert len(below(_ENOUGH)) == 7


@pytest.mark.parametrize("name", [name for name in _ENOUGH if name != "apns, adapter"])
def test_each_figure_below_its_target_fails(name: str) -> None:
    little = 7_900.0 if name.endswith("statuses") else 1.75
    assert not held(_ENOUGH | {name: little})
    assert below(_ENOUGH | {"apns, adapter, x aioapns": 4.75})["apns, adapter, x aioapns below"] == 0.25


def test_a_package_that_is_not_installed_sets_no_target() -> None:
    assert held({name: figure for name, figure in _ENOUGH.items() if "aioapns" not in name and "node" not in name})
