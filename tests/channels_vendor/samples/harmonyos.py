"""HarmonyOS for the contract suite."""

from __future__ import annotations

from channels_vendor.harmonyos.simulator import SimulatedHarmonyos
from channels_vendor.harmonyos.vendor import VENDOR as HARMONYOS
from tests.channels_vendor.samples.huawei import new_service_account, service_account
from tests.channels_vendor.samples.sample import Sample

SAMPLES = [
    Sample(
        HARMONYOS,
        SimulatedHarmonyos,
        lambda: {"service_account": service_account()},
        lambda number: f"ohos-{number}",
        gone=("tokenFormatError", 99999999),
        wrong=lambda: {"service_account": new_service_account()},
        rows={
            "tokenFormatError": (99999999, "GONE"),
            "tokenPlatformNotSupport": (99999999, "GONE"),
            "noRight": (99999999, "REJECTED"),
            "noPushTypeRight": (99999999, "REJECTED"),
            "atomicUnableSendUnsubscribedMsg": (99999999, "REJECTED"),
            "countryNotSupport": (99999999, "REJECTED"),
            "disableSendHuaweiMsgBecauseOfPenalty": (99999999, "REJECTED"),
            "differentImgVerifyPolicy": (99999999, "REJECTED"),
            "appinfoError": (99999999, "REJECTED"),
            "noRightToSendThisLiveNotificationEvent": (99999999, "REJECTED"),
            "notSupportPlayVoice": (99999999, "REJECTED"),
        },
        whole={
            "noPushTypeRight": (99999999, "REJECTED"),
            "tokenFormatError": (99999999, "GONE"),
            "80100003": (99999999, "REJECTED"),
            "80100022": (99999999, "REJECTED"),
            **dict.fromkeys(
                ("80100001", "80100002", "80100004", "80100013", "80100016", "80100018", "80300008"),
                (99999999, "REJECTED"),
            ),
            **dict.fromkeys(("80300010", "80300011"), (99999999, "REJECTED")),
            **dict.fromkeys(("80200001", "80200003", "80300002", "80300013"), (99999999, "MISCONFIGURED")),
            "80100017": (99999999, "RETRY"),
            "80600003": (99999999, "RETRY"),
            "80200005": (99999999, "MISCONFIGURED"),
            "80300007": (99999999, "REJECTED"),
            "80300029": (99999999, "RETRY"),
            "80300030": (99999999, "REJECTED"),
            "80300036": (99999999, "MISCONFIGURED"),
            "80300037": (99999999, "MISCONFIGURED"),
            "81000001": (99999999, "RETRY"),
        },
        batching=True,
    )
]
