"""OPPO for the contract suite."""

from __future__ import annotations

from channels_vendor.oppo.simulator import SimulatedOppo
from channels_vendor.oppo.vendor import VENDOR as OPPO
from tests.channels_vendor.samples.sample import Sample

SAMPLES = [
    Sample(
        OPPO,
        SimulatedOppo,
        lambda: {"app_key": "key", "master_secret": "secret"},
        lambda number: f"CN_{number}",
        gone=("10000", 10000),
        wrong=lambda: {"master_secret": "other"},
        rows={
            "10000": (10000, "GONE"),
            "32": (2, "ACCEPTED"),
            "67": (99999999, "REJECTED"),
            "10042": (99999999, "REJECTED"),
        },
        whole={
            "!-1": (99999999, "RETRY"),
            "!-2": (99999999, "RETRY"),
            "!11": (11, "MISCONFIGURED"),
            "!13": (13, "RETRY"),
            "!14": (14, "MISCONFIGURED"),
            "!15": (15, "MISCONFIGURED"),
            "!16": (16, "MISCONFIGURED"),
            "!17": (17, "MISCONFIGURED"),
            "!18": (99999999, "REJECTED"),
            "!26": (99999999, "MISCONFIGURED"),
            "!27": (30, "MISCONFIGURED"),
            "!28": (28, "MISCONFIGURED"),
            "!29": (29, "MISCONFIGURED"),
            **{f"!{code}": (99999999, "REJECTED") for code in (12, 19, 20, 21, 22, 23, 24, 25, 31, 34, 41, 51, 59)},
            "!30": (30, "MISCONFIGURED"),
            "!32": (2, "ACCEPTED"),
            "!33": (13, "RETRY"),
            "!40": (99999999, "REJECTED"),
            "!55": (13, "RETRY"),
        },
        auth_path="/server/v1/auth",
        batching=True,
    )
]
