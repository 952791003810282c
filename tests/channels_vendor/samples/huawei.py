"""Huawei for the contract suite."""

from __future__ import annotations

import json
from dataclasses import replace

from channels_vendor.huawei.simulator import SimulatedHuawei
from channels_vendor.huawei.vendor import VENDOR as HUAWEI
from pushcore.security import crypto
from tests.channels_vendor.samples.sample import Sample, made_once


def new_service_account() -> str:
    """Make an account with a new key at each call."""
    private, _ = crypto.new_rsa_key()
    return json.dumps(
        {"project_id": "p-1", "key_id": "k1", "private_key": private, "sub_account": "1010", "type": "service_account"}
    )


service_account = made_once(new_service_account)

_BY_APP_SECRET = Sample(
    HUAWEI,
    SimulatedHuawei,
    lambda: {"app_id": "1001", "app_secret": "secret"},
    lambda number: f"hw-{number}",
    gone=("illegal", 80100002),
    wrong=lambda: {"app_secret": "other"},
    rows={"illegal": (80100002, "GONE")},
    whole={
        "80100001": (80100000, "REJECTED"),
        "80100002": (80100002, "REJECTED"),
        "80100003": (80100003, "REJECTED"),
        "80100004": (80100004, "REJECTED"),
        "80100013": (80100000, "REJECTED"),
        "80100016": (99999999, "REJECTED"),
        "80100017": (99999999, "RETRY"),
        "80100018": (99999999, "REJECTED"),
        "80200001": (99999999, "MISCONFIGURED"),
        "80200003": (99999999, "MISCONFIGURED"),
        "80200005": (99999999, "MISCONFIGURED"),
        "80300002": (80300002, "MISCONFIGURED"),
        "80300007": (80300007, "GONE"),
        "80300008": (80300008, "REJECTED"),
        "80300010": (80300007, "REJECTED"),
        "80300011": (99999999, "REJECTED"),
        "80300013": (99999999, "MISCONFIGURED"),
        "80600003": (81000001, "RETRY"),
        "81000001": (81000001, "RETRY"),
        "82000001": (99999999, "REJECTED"),
    },
    auth_path="/oauth2/v3/token",
    batching=True,
)

_BY_SERVICE_ACCOUNT = replace(
    _BY_APP_SECRET,
    values=lambda: {"app_id": "1001", "service_account": service_account()},
    wrong=lambda: {"service_account": new_service_account()},
    variant="-service-account",
)

SAMPLES = [_BY_APP_SECRET, _BY_SERVICE_ACCOUNT]
