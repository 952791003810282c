"""vivo for the contract suite."""

from __future__ import annotations

from channels_vendor.vivo.simulator import SimulatedVivo
from channels_vendor.vivo.vendor import VENDOR as VIVO
from tests.channels_vendor.samples.sample import Sample

SAMPLES = [
    Sample(
        VIVO,
        SimulatedVivo,
        lambda: {"app_id": "10004", "app_key": "key", "app_secret": "secret"},
        lambda number: f"vivo-{number}",
        gone=("invalid:1", 10302),
        wrong=lambda: {"app_secret": "other"},
        rows={
            "invalid:1": (10302, "GONE"),
            **{f"invalid:{kind}": (10302, "REJECTED") for kind in (2, 3)},
            "invalid:4": (99999999, "REJECTED"),
            "10302": (10302, "GONE"),
            **{
                str(code): (code, "REJECTED")
                for code in (10050, 10055, 10056, 10058, 10066, 10067, 10101, 10103, 10104)
            },
            "10085": (10104, "REJECTED"),
            **{str(code): (99999999, "REJECTED") for code in (10096, 10097)},
            **{str(code): (code, "RETRY") for code in (10040, 10070, 10071, 10072, 10102)},
            "10073": (10070, "RETRY"),
            **{str(code): (99999999, "RETRY") for code in (10250, 10252, 10254)},
            **{str(code): (99999999, "MISCONFIGURED") for code in range(10200, 10208)},
            "10303": (2, "ACCEPTED"),
            "10110": (10110, "MISCONFIGURED"),
            "10094": (99999999, "MISCONFIGURED"),
            "10000": (10000, "MISCONFIGURED"),
            "12345": (99999999, "REJECTED"),
        },
        auth_path="/message/auth",
    )
]
