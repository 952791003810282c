"""Honor for the contract suite."""

from __future__ import annotations

from channels_vendor.honor.simulator import SimulatedHonor
from channels_vendor.honor.vendor import VENDOR as HONOR
from tests.channels_vendor.samples.sample import Sample

SAMPLES = [
    Sample(
        HONOR,
        SimulatedHonor,
        lambda: {"app_id": "9001", "client_id": "9001", "client_secret": "secret"},
        lambda number: f"honor-{number}",
        gone=("expireTokens", 99999999),
        wrong=lambda: {"client_secret": "other"},
        rows={"expireTokens": (99999999, "GONE"), "failTokens": (99999999, "REJECTED")},
        whole={
            "80100001": (99999999, "REJECTED"),
            "80100003": (99999999, "REJECTED"),
            "80100004": (99999999, "REJECTED"),
            "80200001": (99999999, "MISCONFIGURED"),
            "80200003": (99999999, "MISCONFIGURED"),
            "80300002": (99999999, "MISCONFIGURED"),
            "80300007": (99999999, "GONE"),
            "80300008": (99999999, "REJECTED"),
            "81000001": (99999999, "RETRY"),
        },
        auth_path="/auth/token",
        batching=True,
    )
]
