"""Xiaomi for the contract suite."""

from __future__ import annotations

from channels_vendor.xiaomi.simulator import SimulatedXiaomi
from channels_vendor.xiaomi.vendor import VENDOR as XIAOMI
from tests.channels_vendor.samples.sample import Sample

SAMPLES = [
    Sample(
        XIAOMI,
        SimulatedXiaomi,
        lambda: {"package_name": "com.example.shop", "app_secret": "secret"},
        lambda number: f"mi-{number}",
        gone=("bad", 20301),
        wrong=lambda: {"app_secret": "other"},
        rows={"bad": (20301, "GONE")},
        whole={
            **{str(code): (1001, "RETRY") for code in (10001, 20607, 1)},
            **{str(code): (code, "RETRY") for code in (10002, 10003, 10009, 22102, 10022, 10023, 10024, 10027)},
            **{str(code): (code, "MISCONFIGURED") for code in (10004, 10005, 10012, 10013, 10014, 10026, 21301, 22022)},
            **{str(code): (10026, "MISCONFIGURED") for code in (10031, 10033)},
            **{str(code): (code, "REJECTED") for code in (10008, 10017, 10018, 20301, 22100, 22101, 22103)},
            **{str(code): (99999999, "RETRY") for code in (10034, 200001, 65003)},
            **{str(code): (99999999, "MISCONFIGURED") for code in (10036, 21303, 26006, 27001)},
            "21302": (21301, "MISCONFIGURED"),
            "66108": (22022, "MISCONFIGURED"),
            "10029": (10029, "GONE"),
            "65009": (10018, "REJECTED"),
            "65011": (10008, "REJECTED"),
            "-1": (1001, "RETRY"),
            **{str(code): (10003, "RETRY") for code in (26003, 65029, 65030)},
            **{str(code): (99999999, "REJECTED") for code in (10016, 21305, 65014, 65015, 65037, 65038)},
            **{str(code): (code, "MISCONFIGURED") for code in (*range(22000, 22009), 22020, 22021)},
            "10038": (99999999, "MISCONFIGURED"),
            "65036": (99999999, "REJECTED"),
            "77777": (99999999, "REJECTED"),
        },
        renews=False,
        batching=True,
    )
]
