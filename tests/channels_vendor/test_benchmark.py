"""`make bench-vendors` fails where less than what is asked comes out."""

from __future__ import annotations

from bench.report import report
from bench.vendors import below

_ENOUGH = {
    "apns, adapter": 20_000.0,
    "fcm, adapter": 21_000.0,
    "huawei, adapter": 700_000.0,
    "apns, rows to statuses": 8_000.0,
    "fcm, rows to statuses": 9_000.0,
    "huawei, rows to statuses": 40_000.0,
    "aioapns": 4_000.0,
    "@parse/node-apn": 10_000.0,
}


def held(figures: dict[str, float]) -> bool:
    lacking = below(figures)
    return report("vendors", [{"what": "figures"}], figures | lacking, dict.fromkeys(lacking, 0.0))


def test_what_is_asked_is_enough() -> None:
    assert held(_ENOUGH)
    assert len(below(_ENOUGH)) == 7


def test_each_figure_that_is_too_small_fails_it() -> None:
    for name, little in (
        ("apns, adapter", 19_000.0),
        ("fcm, adapter", 19_000.0),
        ("apns, rows to statuses", 7_900.0),
        ("fcm, rows to statuses", 7_900.0),
        ("huawei, rows to statuses", 7_900.0),
    ):
        assert not held(_ENOUGH | {name: little})
    assert below(_ENOUGH | {"apns, adapter": 19_000.0})["apns, adapter, x aioapns below"] == 0.25


def test_a_package_that_cannot_be_had_asks_nothing() -> None:
    assert held({name: figure for name, figure in _ENOUGH.items() if name not in ("aioapns", "@parse/node-apn")})
